"""The characters that a title or a reason of a person may hold.

The rule names what is refused and never what is allowed, so emoji and Han characters that are newer than Python's
tables pass, as do U+3000, no-break spaces, flags, joiners and variation selectors.
"""

import re
import unicodedata
from typing import NamedTuple

# Controls, line and paragraph separators, lone surrogates, the byte order mark, interlinear marks, and what Unicode
# calls noncharacters.
_NONCHARACTERS = "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000))
_REFUSED = re.compile(f"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufff9-\ufffb\ufdd0-\ufdef{_NONCHARACTERS}]")
# Unicode Standard Annex 9: what turns the direction of the text until it is closed.
_EMBEDDINGS, _ISOLATES = "\u202a\u202b\u202d\u202e", "\u2066\u2067\u2068"
_CLOSED_BY = dict.fromkeys(_EMBEDDINGS, "\u202c") | dict.fromkeys(_ISOLATES, "\u2069")
# They mean something beside letters that run from right to left only.
_DIRECTION_MARKS = "\u061c\u200e\u200f"
_BIDI = re.compile(f"[{_EMBEDDINGS}\u202c{_ISOLATES}\u2069{_DIRECTION_MARKS}]")
_JOINERS = "\u200c\u200d"


class Unfit(NamedTuple):
    """A character that does not belong in a text, and its position, from 1."""

    code_point: str
    position: int


def first_unfit(text: str) -> Unfit | None:
    """Return the first character that people do not write: a control character, a lone surrogate, a bidirectional
    mark that is not closed or stands beside no right-to-left letter."""
    at = min(filter(None, (_refused(text), _unbalanced(text), _lone_mark(text))), default=0)
    return _unfit(text, at) if at else None


def first_hidden(text: str) -> Unfit | None:
    """Return the first character that cannot be seen and is no plain space: an id has none, for people compare ids by
    eye."""
    hidden = (at for at, char in enumerate(text, 1) if not (char.isprintable() or _is_new(char)))
    return next((_unfit(text, at) for at in hidden), None)


def _unfit(text: str, at: int) -> Unfit:
    return Unfit(f"U+{ord(text[at - 1]):04X}", at)


def _is_new(char: str) -> bool:
    """Return whether the character is newer than Python's tables."""
    return unicodedata.category(char) == "Cn" and not _REFUSED.match(char)


def escaped(text: str) -> str:
    """Return `text` with escapes for all that could forge a line or hide on a screen."""
    return text if text.isprintable() else "".join(_escaped(char) for char in text)


def _escaped(char: str) -> str:
    hidden = unicodedata.category(char) == "Cf" and char not in _JOINERS and not 0xE0020 <= ord(char) <= 0xE007F
    if hidden or _REFUSED.match(char):
        return char.encode("unicode_escape", "backslashreplace").decode("ascii")
    return char


def _refused(text: str) -> int:
    found = _REFUSED.search(text)
    return found.start() + 1 if found else 0


def _unbalanced(text: str) -> int:
    """Return the position of the first mark without a partner, from 1; 0 if there is none."""
    opened: list[tuple[str, int]] = []
    for found in _BIDI.finditer(text):
        mark, position = found[0], found.start() + 1
        if mark in _CLOSED_BY:
            opened.append((_CLOSED_BY[mark], position))
        elif mark not in _DIRECTION_MARKS and (not opened or opened.pop()[0] != mark):
            return position
    return opened[0][1] if opened else 0


def _lone_mark(text: str) -> int:
    mark = next((found for found in _BIDI.finditer(text) if found[0] in _DIRECTION_MARKS), None)
    if mark is None or any(
        unicodedata.bidirectional(char) in ("R", "AL") and char not in _DIRECTION_MARKS for char in text
    ):
        return 0
    return mark.start() + 1
