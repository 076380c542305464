"""Generic operators: comparisons, and/or, not, arithmetic, constants, return values, removed statements."""

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from .mutation import Mutation
from .shape import Place, Scope, places, scopes, shape

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
_REMOVED = (ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Raise, ast.Continue, ast.Break, ast.Delete)
_HAS_OPERATOR = (ast.Compare, ast.BoolOp, ast.UnaryOp, ast.Constant)
_SKIPPED = (ast.Assert, ast.TypeAlias, ast.Import, ast.ImportFrom)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
# A constant alone says little of where it stands: it is addressed with the expression around it.
_AROUND = (ast.BinOp, ast.Compare, ast.BoolOp, ast.Call, ast.Subscript, ast.UnaryOp, ast.IfExp)


@dataclass(frozen=True, slots=True)
class Mutant:
    """A mutation that an operator made: `place` takes `node` in the module's tree, in a statement on these `lines`."""

    mutation: Mutation
    scope: Scope
    place: Place
    node: ast.AST
    lines: range


def mutants(path: str, tree: ast.AST) -> Iterator[Mutant]:
    """Yield every mutant of the module, in the order of the code; each is addressed so that it is found again."""
    for scope in scopes(tree):
        found, shapes = list(places(scope)), dict[int, tuple[str, dict[str, str], int]]()
        same: Counter[tuple[type[ast.AST], str]] = Counter()
        for place in found:
            if isinstance(place.node, ast.expr | ast.stmt):
                old, names = shape(place.node, scope.own_names)
                shapes[id(place.node)] = old, names, same[type(place.node), old]
                same[type(place.node), old] += 1
        for place in found:
            around = _around(place)
            for node in _changes(place, nested=scope.is_function):
                old, names, number = shapes[id(around)]
                place.put(node)
                new, _ = shape(node if around is place.node else around, scope.own_names, names)
                place.put(place.node)
                yield Mutant(Mutation(path, scope.name, old, new, number), scope, place, node, _lines(place))


def _around(place: Place) -> ast.AST:
    if isinstance(place.node, ast.Constant) and isinstance(place.parents[0], _AROUND):
        return place.parents[0]
    return place.node


def _lines(place: Place) -> range:
    """The lines of the statement; of one with a body those before it."""
    statement = next(node for node in (place.node, *place.parents) if isinstance(node, ast.stmt))
    body = getattr(statement, "body", None)
    end = body[0].lineno - 1 if body else statement.end_lineno
    return range(statement.lineno, max(end or 0, statement.lineno) + 1)


def _changes(place: Place, *, nested: bool) -> Iterator[ast.AST]:
    """Yield what may take the node's place; only a function (`nested`) loses statements."""
    node = place.node
    if any(isinstance(one, _SKIPPED) for one in (node, *place.parents)):
        return
    if isinstance(node, ast.expr):
        if nested or not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.BitOr):  # that would be a type
            yield from _expressions(node)
        if place.field in ("test", "ifs") and not isinstance(
            node, ast.Compare | ast.BoolOp | ast.UnaryOp | ast.Constant
        ):
            yield ast.UnaryOp(ast.Not(), node)
    elif isinstance(node, ast.AugAssign) and (other := _ARITHMETIC.get(type(node.op))):
        yield ast.AugAssign(node.target, other(), node.value)
    elif isinstance(node, ast.Return) and node.value and not _is_plain(node.value):
        yield ast.Return(ast.Constant(None))
    if (nested and isinstance(node, _REMOVED)) or _is_early(place):
        yield ast.Pass()


def _expressions(node: ast.expr) -> Iterator[ast.expr]:
    match node:
        case ast.Compare(left=left, ops=operators, comparators=comparators):
            for n, comparison in enumerate(operators):
                for other in _COMPARISONS[type(comparison)]:
                    yield ast.Compare(left, [*operators[:n], other(), *operators[n + 1 :]], comparators)
        case ast.BoolOp(op=operator, values=values):
            yield ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case ast.BinOp(left=left, op=operator, right=right) if not _is_text(left) and not _is_text(right):
            if arithmetic := _ARITHMETIC.get(type(operator)):
                yield ast.BinOp(left, arithmetic(), right)
        case ast.Constant(value=bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(value=int() | float() as number):
            yield ast.Constant(number + 1)
            yield ast.Constant(number - 1)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _is_plain(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, bool))


def _is_early(place: Place) -> bool:
    """A return after which the function would go on."""
    return isinstance(place.node, ast.Return) and not (
        isinstance(place.parents[0], _FUNCTIONS) and place.parents[0].body[-1] is place.node
    )
