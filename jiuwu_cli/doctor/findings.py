"""What a check found, and how a chain of checks goes on after a failure."""

from collections.abc import Callable, Iterator

import msgspec


class Finding(msgspec.Struct, frozen=True):
    """One line of the report. `good` is None for what could not be looked at; `cure` says what to do; `stranger` that
    somebody else than the platform answered, who must be told no secret."""

    name: str
    good: bool | None
    found: str
    cure: str = ""
    stranger: bool = False


def ok(name: str, found: str) -> Finding:
    return Finding(name, True, found)  # noqa: FBT003 -- the field's value


def failed(name: str, found: str, cure: str, *, stranger: bool = False) -> Finding:
    return Finding(name, False, found, cure, stranger)  # noqa: FBT003 -- the field's value


def skipped(name: str, found: str, cure: str = "") -> Finding:
    return Finding(name, None, found, cure)


type Check = tuple[str, Callable[[], Finding]]


def chain(checks: list[Check]) -> Iterator[Finding]:
    """Each check's finding; after a failure the rest is skipped, for it would fail with the same cause."""
    broken = ""
    for name, check in checks:
        finding = skipped(name, f"needs {broken}") if broken else check()
        yield finding
        broken = broken or (name if finding.good is False else "")
