"""The result of a check, and running checks that depend on each other."""

from collections.abc import Callable, Iterator

import msgspec


class Finding(msgspec.Struct, frozen=True):
    """One line of the report. `passed` is None for a skipped check; `hint` says how to fix a failure.

    `is_stranger` says that something other than the platform answered, to which no secret may be sent.
    """

    name: str
    passed: bool | None
    detail: str
    hint: str = ""
    is_stranger: bool = False


def ok(name: str, found: str) -> Finding:
    return Finding(name, True, found)  # noqa: FBT003 -- the field's value


def failed(name: str, found: str, hint: str, *, is_stranger: bool = False) -> Finding:
    return Finding(name, False, found, hint, is_stranger)  # noqa: FBT003 -- the field's value


def skipped(name: str, found: str, hint: str = "") -> Finding:
    return Finding(name, None, found, hint)


type Check = tuple[str, Callable[[], Finding]]


def run_until_failure(checks: list[Check]) -> Iterator[Finding]:
    """Run the checks and yield their findings. After a failure skip the rest, which would fail for the same reason."""
    failed_name = ""
    for name, check in checks:
        finding = skipped(name, f"needs {failed_name}") if failed_name else check()
        yield finding
        failed_name = failed_name or (name if finding.passed is False else "")
