"""Compile conditions, filters and key conditions into functions of an item and the request's values."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from sandbox.simulation.aws.expressions import Condition, Operand, Reader, Values
from sandbox.simulation.aws.paths import find
from sandbox.simulation.aws.values import ORDERED, Item, ValidationError, Value, equal, sortable, typed, value_size

_COMPARATORS = ("=", "<>", "<", "<=", ">", ">=")


class Parsed(NamedTuple):
    """A condition, and the placeholders that it uses."""

    holds: Condition
    names: frozenset[str]
    values: frozenset[str]


@lru_cache(maxsize=4096)
def condition(text: str, names: tuple[tuple[str, str], ...] = ()) -> Parsed:
    """Return the condition of a ConditionExpression or a FilterExpression; raise ValidationError."""
    reader = Reader(text, dict(names))
    holds = _either(reader)
    reader.end()
    return Parsed(holds, frozenset(reader.used_names), frozenset(reader.used_values))


def _either(reader: Reader) -> Condition:
    parts = [_both(reader)]
    while reader.skip("OR"):
        parts.append(_both(reader))
    return parts[0] if len(parts) == 1 else lambda item, values: any(part(item, values) for part in parts)


def _both(reader: Reader) -> Condition:
    parts = [_not(reader)]
    while reader.skip("AND"):
        parts.append(_not(reader))
    return parts[0] if len(parts) == 1 else lambda item, values: all(part(item, values) for part in parts)


def _not(reader: Reader) -> Condition:
    if reader.skip("NOT"):
        inner = _not(reader)
        return lambda item, values: not inner(item, values)
    if reader.skip("("):
        inner = _either(reader)
        reader.take(")")
        return inner
    if reader.peek(1) == "(" and reader.peek() != "size":
        return _function(reader)
    return _comparison(reader)


def _function(reader: Reader) -> Condition:
    name = reader.take()
    reader.take("(")
    found = _FUNCTIONS.get(name)
    if found is None:
        raise ValidationError(f"Invalid function name; function: {name}")
    holds = found(reader)
    reader.take(")")
    return holds


def _exists(reader: Reader) -> Condition:
    path = reader.path()
    return lambda item, _values: find(item, path) is not None


def _exists_not(reader: Reader) -> Condition:
    path = reader.path()
    return lambda item, _values: find(item, path) is None


def _of_two(test: Callable[[Value, Value], bool]) -> Callable[[Reader], Condition]:
    def read(reader: Reader) -> Condition:
        path = reader.path()
        reader.take(",")
        wanted = reader.operand()

        def holds(item: Item, values: Values) -> bool:
            found, second = find(item, path), wanted(item, values)
            return found is not None and second is not None and test(found, second)

        return holds

    return read


def _is_type(found: Value, wanted: Value) -> bool:
    return typed(found)[0] == wanted.get("S")


def _begins(found: Value, wanted: Value) -> bool:
    (kind, text), (other, start) = typed(found), typed(wanted)
    return kind == other and kind in {"S", "B"} and bool(text.startswith(start))


def _contains(found: Value, wanted: Value) -> bool:
    (kind, content), (other, part) = typed(found), typed(wanted)
    if kind == other == "S":
        return part in content
    if kind == "L":
        return any(equal(element, wanted) for element in content)
    return kind == f"{other}S" and any(equal({other: element}, wanted) for element in content)


_FUNCTIONS: dict[str, Callable[[Reader], Condition]] = {
    "attribute_exists": _exists,
    "attribute_not_exists": _exists_not,
    "attribute_type": _of_two(_is_type),
    "begins_with": _of_two(_begins),
    "contains": _of_two(_contains),
}


def _operand(reader: Reader) -> Operand:
    if reader.peek() != "size" or reader.peek(1) != "(":
        return reader.operand()
    reader.take()
    reader.take("(")
    path = reader.path()
    reader.take(")")

    def size(item: Item, _values: Values) -> Value | None:
        found = find(item, path)
        return None if found is None else {"N": str(_length(found))}

    return size


def _length(value: Value) -> int:
    kind, content = typed(value)
    if kind in {"N", "BOOL", "NULL"}:
        raise ValidationError("Invalid operand type for operator or function; operator or function: size")
    return value_size(value) if kind == "S" else len(content)


def _comparison(reader: Reader) -> Condition:
    left = _operand(reader)
    if reader.skip("BETWEEN"):
        low = _operand(reader)
        reader.take("AND")
        return _between(left, low, _operand(reader))
    if reader.skip("IN"):
        return _in(left, _list(reader))
    sign = reader.take()
    if sign not in _COMPARATORS:
        raise ValidationError(f'Invalid expression: syntax error; token: "{sign}"')
    right = _operand(reader)
    if sign == "=":
        return lambda item, values: equal(left(item, values), right(item, values))
    if sign == "<>":
        return lambda item, values: not equal(left(item, values), right(item, values))
    return lambda item, values: _compare(sign, left(item, values), right(item, values))


def _list(reader: Reader) -> list[Operand]:
    reader.take("(")
    members = [_operand(reader)]
    while reader.skip(","):
        members.append(_operand(reader))
    reader.take(")")
    return members


def _in(left: Operand, members: list[Operand]) -> Condition:
    return lambda item, values: any(equal(left(item, values), member(item, values)) for member in members)


def _between(left: Operand, low: Operand, high: Operand) -> Condition:
    def holds(item: Item, values: Values) -> bool:
        found = left(item, values)
        return _compare(">=", found, low(item, values)) and _compare("<=", found, high(item, values))

    return holds


def _compare(sign: str, left: Value | None, right: Value | None) -> bool:
    """Compare two values; return False where a side is missing or the kinds differ, as DynamoDB does."""
    if left is None or right is None:
        return False
    kind = typed(left)[0]
    if kind != typed(right)[0] or kind not in ORDERED:
        return False
    return compare(sign, sortable(left), sortable(right))


def compare(sign: str, left: Any, right: Any) -> bool:  # noqa: ANN401 -- values of one sortable kind
    """Return whether `left sign right` holds."""
    match sign:
        case "<":
            return bool(left < right)
        case "<=":
            return bool(left <= right)
        case ">":
            return bool(left > right)
    return bool(left >= right)
