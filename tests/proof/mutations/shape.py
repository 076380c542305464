"""Where a mutation stands: a function of a module, and the shape of an expression or a statement in it.

A shape is the text of the code on one line, in which the function's own names (arguments and variables) are A, B, C …
in the order in which they appear. It does not change with lines, formatting or the names of variables.
"""

import ast
import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from string import ascii_uppercase

type Function = ast.FunctionDef | ast.AsyncFunctionDef
_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
_NOT_RUN = ("annotation", "returns", "type_params", "decorator_list")


@dataclass(frozen=True, slots=True)
class Scope:
    """A function, or what stands directly in a class or a module; `name` is its qualified name ("" of a module)."""

    name: str
    node: ast.AST
    own_names: frozenset[str] = frozenset()

    @property
    def is_function(self) -> bool:
        return isinstance(self.node, _FUNCTION)


@dataclass(frozen=True, slots=True)
class Place:
    """A node of a scope and where it hangs; `parents` are the nodes above it, the nearest first."""

    node: ast.AST
    field: str
    index: int | None
    parents: tuple[ast.AST, ...]

    def put(self, node: ast.AST) -> None:
        """Hang another node there, on the lines of the one that stands there now."""
        for one in ast.walk(node):
            if "lineno" in one._attributes and not hasattr(one, "lineno"):
                ast.copy_location(one, self.node)
        if self.index is None:
            setattr(self.parents[0], self.field, node)
        else:
            getattr(self.parents[0], self.field)[self.index] = node


def scopes(tree: ast.AST, name: str = "") -> Iterator[Scope]:
    """Yield the module or class itself, and each function in it with everything that is nested in the function."""
    yield Scope(name, tree)
    for node in ast.iter_child_nodes(tree):
        inner = f"{name}.{getattr(node, 'name', '')}".lstrip(".")
        if isinstance(node, _FUNCTION):
            yield Scope(inner, node, _own_names(node))
        elif isinstance(node, ast.ClassDef):
            yield from scopes(node, inner)


def _own_names(function: Function) -> frozenset[str]:
    stored = {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    arguments = {n.arg for n in ast.walk(function) if isinstance(n, ast.arg)}
    return frozenset((stored | arguments) - {"self", "cls"})


def places(scope: Scope) -> Iterator[Place]:
    """Yield what runs in the scope, in order: no annotation, no docstring; of a function its body alone."""
    yield from _below(scope.node, ("body",), (), nested=isinstance(scope.node, _FUNCTION))


def _below(node: ast.AST, fields: Iterable[str], above: tuple[ast.AST, ...], *, nested: bool) -> Iterator[Place]:
    for field in fields:
        value = getattr(node, field, None)
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(child, ast.AST) and not _is_text(child) and field not in _NOT_RUN:
                yield Place(child, field, index, (node, *above))
                yield from _below(child, _fields(child, nested=nested), (node, *above), nested=nested)


def _fields(node: ast.AST, *, nested: bool) -> Iterable[str]:
    if not nested and isinstance(node, _FUNCTION):
        return ("args",)  # the body is a scope of its own
    return () if not nested and isinstance(node, ast.ClassDef) else node._fields


def _is_text(node: ast.AST) -> bool:
    """A docstring, or the body of a protocol's method."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


class _Renaming(ast.NodeTransformer):
    def __init__(self, names: dict[str, str], own: frozenset[str]) -> None:
        self._names, self._own, self._letters = names, own, iter(ascii_uppercase[len(names) :])

    def _renamed(self, name: str) -> str:
        if name in self._own and name not in self._names:
            self._names[name] = next(self._letters)
        return self._names.get(name, name)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self._renamed(node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.arg = self._renamed(node.arg)
        return node


def shape(node: ast.AST, own_names: frozenset[str], known: Mapping[str, str] = {}) -> tuple[str, dict[str, str]]:
    """Return the shape of a node, and the letter of each of the function's own names in it and of those `known`."""
    names = dict(known)
    return ast.unparse(_Renaming(names, own_names).visit(copy.deepcopy(node))), names


def statement(shape_text: str) -> ast.stmt:
    """Return the one statement that a shape is; an expression is one, too."""
    (found,) = ast.parse(shape_text).body
    return found


def named(node: ast.AST, names: Mapping[str, str]) -> ast.AST:
    """Return the node with the names that its letters stand for; `names` has the letter of each, as from `shape`."""
    return _Renaming({letter: name for name, letter in names.items()}, frozenset()).visit(node)  # type: ignore[no-any-return]
