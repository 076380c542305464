"""DynamoDB's attribute values: their size in bytes, their order and their arithmetic."""

from collections.abc import Mapping
from decimal import Context, Decimal
from typing import Any

type Value = Mapping[str, Any]
type Item = dict[str, Value]

# DynamoDB's numbers have 38 digits.
NUMBERS = Context(prec=38)
ORDERED = ("N", "S", "B")


class ValidationError(Exception):
    """What DynamoDB answers with a ValidationException; carries its message."""


def typed(value: Value) -> tuple[str, Any]:
    """Return the kind and the content; raise ValidationError for anything but an attribute value."""
    try:
        ((kind, content),) = value.items()
    except (AttributeError, ValueError):
        raise ValidationError(f"no attribute value: {type(value).__name__}") from None
    if kind not in {"S", "N", "B", "BOOL", "NULL", "L", "M", "SS", "NS", "BS"}:
        raise ValidationError(f"no attribute type: {kind}")
    return kind, content


def item_size(item: Mapping[str, Value]) -> int:
    """Return an item's size in bytes. AWS, "DynamoDB item sizes and formats"."""
    return sum(_text_size(name) + value_size(value) for name, value in item.items())


def value_size(value: Value) -> int:  # noqa: PLR0911 -- one per kind
    """Return a value's size in bytes: lists and maps cost 3, and 1 per element besides the element."""
    kind, content = typed(value)
    match kind:
        case "S":
            return _text_size(content)
        case "N":
            return _number_size(content)
        case "B":
            return len(content)
        case "L":
            return 3 + sum(1 + value_size(element) for element in content)
        case "M":
            return 3 + len(content) + item_size(content)
        case "SS":
            return sum(map(_text_size, content))
        case "NS":
            return sum(map(_number_size, content))
        case "BS":
            return sum(map(len, content))
    return 1


def _text_size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _number_size(text: str) -> int:
    """Return a number's size: two digits a byte without zeros at the ends, one byte more, and one for a sign."""
    digits = text.lstrip("-").replace(".", "").strip("0")
    return (len(digits) + 1) // 2 + 1 + text.startswith("-")


def number(text: str) -> int | Decimal:
    """Return a number's value; raise ValidationError."""
    if text.isdigit() and text.isascii():
        return int(text)
    try:
        found = Decimal(text)
    except (ArithmeticError, TypeError, ValueError):
        raise ValidationError("a number is malformed") from None
    if not found.is_finite():
        raise ValidationError("a number is not finite")
    return found


def number_text(value: int | Decimal) -> str:
    """Return a number as DynamoDB does: no zeros at the ends, no plus sign."""
    if isinstance(value, int):
        return str(value)
    text = format(NUMBERS.create_decimal(value).normalize(), "f")
    return "0" if text == "-0" else text


def sortable(value: Value) -> Any:  # noqa: ANN401 -- one of three kinds that sort among themselves
    """Return the sort key of a value among its kind; raise ValidationError for kinds without an order."""
    kind, content = typed(value)
    if kind == "N":
        return number(content)
    if kind == "S":
        return content.encode() if not content.isascii() else content.encode("ascii")
    if kind == "B":
        return bytes(content)
    raise ValidationError(f"type {kind} has no sequence")


def equal(one: Value | None, other: Value | None) -> bool:  # noqa: PLR0911 -- one per kind
    """Return whether two values are equal: numbers by value, sets in any order; a missing value equals nothing."""
    if one is None or other is None:
        return False
    (kind, content), (other_kind, other_content) = typed(one), typed(other)
    if kind != other_kind:
        return False
    if kind == "N":
        return bool(content == other_content or number(content) == number(other_content))
    if kind in {"SS", "NS", "BS"}:
        return set(content) == set(other_content)
    if kind == "L":
        return len(content) == len(other_content) and all(map(equal, content, other_content))
    if kind == "M":
        return content.keys() == other_content.keys() and all(equal(content[k], other_content[k]) for k in content)
    return bool(content == other_content)


def stored(value: Value) -> Value:
    """Return a value as the table keeps it: normalised numbers, sets without repeats; raise ValidationError."""
    kind, content = typed(value)
    match kind:
        case "N":
            plain = content.isdigit() and content.isascii() and (content[0] != "0" or content == "0")
            return value if plain else {"N": number_text(number(content))}
        case "L":
            return {"L": [stored(element) for element in content]}
        case "M":
            return {"M": {name: stored(element) for name, element in content.items()}}
        case "SS" | "NS" | "BS":
            if not content:
                raise ValidationError("One or more parameter values were invalid: An empty set is not allowed")
            if len(set(content)) != len(content):
                raise ValidationError(
                    "One or more parameter values were invalid: Input collection contains duplicates."
                )
    return value
