"""DynamoDB's expressions: conditions, updates, projections and key conditions, read once and kept.

A tokenizer and a recursive descent after the grammar in the Developer Guide ("Condition and filter
expressions, operators, and functions", "Update expressions"). What is not in it, or not used here, is refused.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache

from sandbox.simulation.aws import reserved_words
from sandbox.simulation.aws.paths import Path, find
from sandbox.simulation.aws.values import Item, ValidationError, Value

type Values = Mapping[str, Value]
type Operand = Callable[[Item, Values], Value | None]
type Condition = Callable[[Item, Values], bool]

_TOKEN = re.compile(r"\s*(?:([A-Za-z_][A-Za-z0-9_]*|[#:][A-Za-z0-9_]+|\d+)|(<>|<=|>=|[=<>(),.+\-\[\]]))")


@lru_cache(maxsize=4096)
def tokens(text: str) -> tuple[str, ...]:
    """Return the words and signs of an expression; raise ValidationError."""
    return tuple(_tokens(text.strip()))


def _tokens(text: str) -> Iterator[str]:
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise ValidationError(f'Invalid expression: syntax error; token: "{text[at:].strip()[:1]}"')
        yield found[1] or found[2]
        at = found.end()


class Reader:
    """One walk over an expression's tokens; `names` resolves #placeholders."""

    def __init__(self, text: str, names: Mapping[str, str]) -> None:
        self._tokens, self._names, self._at = tokens(text), names, 0
        if not self._tokens:
            raise ValidationError("Invalid expression: The expression can not be empty;")
        self.used_names: set[str] = set()
        self.used_values: set[str] = set()

    def peek(self, ahead: int = 0) -> str:
        """Return the next token, empty at the end."""
        at = self._at + ahead
        return self._tokens[at] if at < len(self._tokens) else ""

    def take(self, wanted: str = "") -> str:
        """Return the next token; raise ValidationError if it is not the expected one."""
        token = self.peek()
        if not token or (wanted and token.upper() != wanted):
            raise ValidationError(f'Invalid expression: syntax error; token: "{token or "<EOF>"}"')
        self._at += 1
        return token

    def skip(self, *wanted: str) -> str:
        """Consume the next token if it is one of these, and return it in capitals; otherwise return empty."""
        token = self.peek().upper()
        if token and token in wanted:
            self._at += 1
            return token
        return ""

    def end(self) -> None:
        """Raise ValidationError unless everything was read."""
        if self.peek():
            raise ValidationError(f'Invalid expression: syntax error; token: "{self.peek()}"')

    def path(self) -> Path:
        """Return an attribute's path: a.#b[0]."""
        parts: list[str | int] = [self._name()]
        while sign := self.skip(".", "["):
            if sign == ".":
                parts.append(self._name())
            else:
                parts.append(int(self.take()))
                self.take("]")
        return tuple(parts)

    def value(self) -> Operand:
        """Return a :placeholder."""
        name = self.take()
        if not name.startswith(":"):
            raise ValidationError(f'Invalid expression: syntax error; token: "{name}"')
        self.used_values.add(name)
        return lambda _item, values: given(values, name)

    def operand(self) -> Operand:
        """Return a path or a value."""
        if self.peek().startswith(":"):
            return self.value()
        path = self.path()
        if len(path) == 1 and isinstance(name := path[0], str):
            return lambda item, _values: item.get(name)
        return lambda item, _values: find(item, path)

    def _name(self) -> str:
        token = self.take()
        if token.startswith("#"):
            self.used_names.add(token)
            if token not in self._names:
                raise ValidationError(
                    f"An expression attribute name used in the document path is not defined; attribute name: {token}"
                )
            return self._names[token]
        if not (token[0].isalpha() or token[0] == "_"):
            raise ValidationError(f'Invalid expression: syntax error; token: "{token}"')
        if token.upper() in reserved_words.WORDS:
            raise ValidationError(f"Attribute name is a reserved keyword; reserved keyword: {token}")
        return token


def given(values: Values, name: str) -> Value:
    """Return the value of a placeholder; raise ValidationError."""
    try:
        return values[name]
    except KeyError:
        raise ValidationError(
            f"An expression attribute value used in expression is not defined; attribute value: {name}"
        ) from None
