"""Paths within an item: find, set and remove what they point to."""

from itertools import pairwise
from typing import Any

from sandbox.simulation.aws.values import Item, ValidationError, Value

type Path = tuple[str | int, ...]


def find(item: Item, path: Path) -> Value | None:
    """Return the value at the path, None if there is none."""
    found: Any = item.get(path[0])  # type: ignore[arg-type]
    for part in path[1:]:
        if found is None:
            return None
        inside = found.get("L" if isinstance(part, int) else "M")
        if inside is None or (isinstance(part, int) and part >= len(inside)):
            return None
        found = inside[part] if isinstance(part, int) else inside.get(part)
    value: Value | None = found
    return value


def put(item: Item, path: Path, value: Value) -> None:
    """Set the value at the path in `item` itself, copying only its parents; raise ValidationError without parents."""
    if len(path) == 1:
        item[str(path[0])] = value
        return
    _changed(item, path, lambda inside, last: _place(inside, last, value))


def remove(item: Item, path: Path) -> None:
    """Remove the value at the path in `item` itself; raise ValidationError without parents."""
    if len(path) == 1:
        item.pop(str(path[0]), None)
        return
    _changed(item, path, _drop)


def _changed(item: Item, path: Path, change: Any) -> None:  # noqa: ANN401 -- a function over a list or a map
    holder: Any = item
    for part, next_tick in pairwise(path):
        standing = holder[part] if isinstance(part, str) and part in holder else None
        kind = "L" if isinstance(next_tick, int) else "M"
        if isinstance(part, int) and part < len(holder):
            standing = holder[part]
        if standing is None or kind not in standing:
            raise ValidationError("The document path provided in the update expression is invalid for update")
        holder[part] = {kind: standing[kind].copy()}
        holder = holder[part][kind]
    change(holder, path[-1])


def _place(inside: Any, last: str | int, value: Value) -> None:  # noqa: ANN401 -- a list or a map
    if isinstance(last, int) and last >= len(inside):
        inside.append(value)
    else:
        inside[last] = value


def _drop(inside: Any, last: str | int) -> None:  # noqa: ANN401 -- a list or a map
    if isinstance(last, int):
        del inside[last : last + 1]
    else:
        inside.pop(last, None)
