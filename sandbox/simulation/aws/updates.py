"""Update expressions: SET, REMOVE, ADD and DELETE, read once and applied to an item."""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from sandbox.simulation.aws.expressions import Operand, Reader, Values
from sandbox.simulation.aws.paths import Path, find, put, remove
from sandbox.simulation.aws.values import NUMBERS, Item, ValidationError, Value, number, number_text, stored, typed

type Step = Callable[[Item, Item, Values], None]


class Parsed(NamedTuple):
    """What an update does to an item (given the item as it was), the paths it touches, the placeholders it uses."""

    steps: tuple[Step, ...]
    paths: frozenset[Path]
    names: frozenset[str]
    values: frozenset[str]

    def apply(self, item: Item, values: Values) -> Item:
        """Return the new item; all operands are read from the old one."""
        after = dict(item)
        for step in self.steps:
            step(item, after, values)
        return after


@lru_cache(maxsize=4096)
def update(text: str, names: tuple[tuple[str, str], ...] = ()) -> Parsed:
    """Return the update of an UpdateExpression; raise ValidationError."""
    reader, steps, paths = Reader(text, dict(names)), list[Step](), list[Path]()
    seen: set[str] = set()
    while clause := reader.skip("SET", "REMOVE", "ADD", "DELETE"):
        if clause in seen:
            raise ValidationError(
                f'Invalid UpdateExpression: The "{clause}" section can only be used once in an update expression;'
            )
        seen.add(clause)
        while True:
            path = reader.path()
            paths.append(path)
            steps.append(_CLAUSES[clause](reader, path))
            if not reader.skip(","):
                break
    reader.end()
    _refuse_overlaps(paths)
    return Parsed(tuple(steps), frozenset(paths), frozenset(reader.used_names), frozenset(reader.used_values))


def _refuse_overlaps(paths: list[Path]) -> None:
    for place, one in enumerate(paths):
        for other in paths[place + 1 :]:
            if one[: len(other)] == other[: len(one)]:
                raise ValidationError("Invalid UpdateExpression: Two document paths overlap with each other;")


def _set(reader: Reader, path: Path) -> Step:
    reader.take("=")
    value = _sum(reader)

    def step(before: Item, after: Item, values: Values) -> None:
        found = value(before, values)
        if found is None:
            raise ValidationError("The provided expression refers to an attribute that does not exist in the item")
        put(after, path, stored(found))

    return step


def _sum(reader: Reader) -> Operand:
    left = _term(reader)
    if not (sign := reader.skip("+", "-")):
        return left
    right = _term(reader)

    def add(item: Item, values: Values) -> Value | None:
        one, other = left(item, values), right(item, values)
        if one is None or other is None:
            return None
        if "N" not in one or "N" not in other:
            raise ValidationError("An operand in the update expression has an incorrect data type")
        return _total(one["N"], other["N"] if sign == "+" else f"-{other['N']}".replace("--", ""))

    return add


def _total(one: str, other: str) -> Value:
    left, right = number(one), number(other)
    if isinstance(left, int) and isinstance(right, int):
        return {"N": str(left + right)}
    return {"N": number_text(NUMBERS.add(left, right))}


def _term(reader: Reader) -> Operand:
    if reader.peek(1) != "(" or reader.peek().startswith((":", "#")):
        return reader.operand()
    name = reader.take()
    reader.take("(")
    if name == "if_not_exists":
        path = reader.path()
        reader.take(",")
        default = _term(reader)
        found: Operand = lambda item, values: find(item, path) or default(item, values)  # noqa: E731 -- reads like its name
    elif name == "list_append":
        first = _term(reader)
        reader.take(",")
        second = _term(reader)
        found = lambda item, values: _appended(first(item, values), second(item, values))  # noqa: E731
    else:
        raise ValidationError(f"Invalid UpdateExpression: Invalid function name; function: {name}")
    reader.take(")")
    return found


def _appended(first: Value | None, second: Value | None) -> Value | None:
    if first is None or second is None:
        return None
    if "L" not in first or "L" not in second:
        raise ValidationError("An operand in the update expression has an incorrect data type")
    return {"L": [*first["L"], *second["L"]]}


def _remove(_reader: Reader, path: Path) -> Step:
    return lambda _before, after, _values: remove(after, path)


def _add(reader: Reader, path: Path) -> Step:
    value = reader.value()

    def step(before: Item, after: Item, values: Values) -> None:
        found, added = find(before, path), value(before, values)
        assert added is not None
        kind, content = typed(added)
        if kind not in {"N", "SS", "NS", "BS"} or (found is not None and typed(found)[0] != kind):
            raise ValidationError("An operand in the update expression has an incorrect data type")
        if found is None:
            put(after, path, stored(added))
        elif kind == "N":
            put(after, path, _total(found["N"], content))
        else:
            put(after, path, {kind: [*found[kind], *(one for one in content if one not in found[kind])]})

    return step


def _delete(reader: Reader, path: Path) -> Step:
    value = reader.value()

    def step(before: Item, after: Item, values: Values) -> None:
        found, gone = find(before, path), value(before, values)
        assert gone is not None
        kind, content = typed(gone)
        if kind not in {"SS", "NS", "BS"} or (found is not None and typed(found)[0] != kind):
            raise ValidationError("An operand in the update expression has an incorrect data type")
        if found is None:
            return
        left = [one for one in found[kind] if one not in content]
        if left:
            put(after, path, {kind: left})
        else:
            remove(after, path)

    return step


_CLAUSES: dict[str, Callable[[Reader, Path], Step]] = {"SET": _set, "REMOVE": _remove, "ADD": _add, "DELETE": _delete}
