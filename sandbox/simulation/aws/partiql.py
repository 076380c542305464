"""The one PartiQL statement that we write: UPDATE "table" SET "a"=? … REMOVE "b" … WHERE "key"=? AND "version"=?."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from sandbox.simulation.aws.values import Item, ValidationError, Value, equal, stored

_STATEMENT = re.compile(
    r'UPDATE "([^"]+)"((?: SET "[^"]+"=\?| REMOVE "[^"]+")+) WHERE ("[^"]+"=\?(?: AND "[^"]+"=\?)*)'
)
_CLAUSE = re.compile(r' (SET|REMOVE) "([^"]+)"(?:=\?)?')
_CONDITION = re.compile(r'"([^"]+)"=\?')


class Update(NamedTuple):
    """What a statement sets and removes, and the attributes that its WHERE compares; parameters in this sequence."""

    table: str
    clauses: tuple[tuple[str, str], ...]
    where: tuple[str, ...]

    def conditions(self, parameters: Sequence[Value]) -> Item:
        """Return the values that the WHERE requires."""
        sets = sum(kind == "SET" for kind, _ in self.clauses)
        if len(parameters) != sets + len(self.where):
            raise ValidationError("Number of parameters in request and statement don't match.")
        return dict(zip(self.where, parameters[sets:], strict=True))

    def apply(self, item: Item, parameters: Sequence[Value]) -> Item:
        """Return the new item."""
        after, given = dict(item), iter(parameters)
        for kind, name in self.clauses:
            if kind == "SET":
                after[name] = stored(next(given))
            else:
                after.pop(name, None)
        return after

    def holds(self, item: Item, conditions: Item) -> bool:
        """Return whether the item satisfies the WHERE."""
        return all(equal(item.get(name), value) for name, value in conditions.items())


@lru_cache(maxsize=4096)
def read(statement: str) -> Update:
    """Parse a statement of this form; raise NotImplementedError for any other."""
    found = _STATEMENT.fullmatch(statement)
    if found is None:
        raise NotImplementedError(
            "not in the in-memory AWS: a PartiQL statement of another form than orders/repository.py's"
        )
    clauses = tuple((kind, name) for kind, name in _CLAUSE.findall(found[2]))
    return Update(found[1], clauses, tuple(_CONDITION.findall(found[3])))
