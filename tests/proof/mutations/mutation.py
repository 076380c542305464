"""One change of the code: where it is made, and what stands there then."""

import ast
from dataclasses import dataclass
from pathlib import Path

from .shape import Place, named, places, scopes, shape, statement

ROOT = Path(__file__).parents[3]


class StaleAddress(Exception):
    """No code, or not enough of it, stands where a mutation is made: the list has to follow the code."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """`old` and `new` are shapes (see shape.py); of several places of this shape in the scope it is the one with this
    number, from 0. `path` begins at the repository's root."""

    path: str
    scope: str
    old: str
    new: str
    number: int = 0

    def __str__(self) -> str:
        number = f" (number {self.number})" if self.number else ""
        return f"{self.path} {self.scope or 'module'}{number}: {self.old} → {self.new}"

    def place(self, tree: ast.AST) -> tuple[Place, ast.AST]:
        """Return where it is made in the module's tree, and the node that then stands there; raises StaleAddress."""
        scope = next((one for one in scopes(tree) if one.name == self.scope), None)
        if scope is None:
            raise StaleAddress(f"{self.path} has no {self.scope}")
        old, new = _either(statement(self.old), statement(self.new))
        wanted, found = ast.unparse(old), 0
        for place in places(scope):
            if type(place.node) is type(old):
                text, names = shape(place.node, scope.own_names)
                found += text == wanted
                if text == wanted and found == self.number + 1:
                    return place, named(new, names)
        raise StaleAddress(f"{self.path} has {self.old!r} {found} times in {self.scope or 'the module'}")

    def tree(self, root: Path = ROOT) -> ast.Module:
        """Return the module's tree after the change; raises StaleAddress."""
        tree = ast.parse((root / self.path).read_text("utf-8"))
        place, node = self.place(tree)
        place.put(node)
        return tree


def _either(old: ast.stmt, new: ast.stmt) -> tuple[ast.AST, ast.AST]:
    """Two expressions are a change within a statement."""
    return (old.value, new.value) if isinstance(old, ast.Expr) and isinstance(new, ast.Expr) else (old, new)
