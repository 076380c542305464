"""One safeguard of the code: where it stands, how it is broken, and the tests that have to notice."""

from dataclasses import dataclass
from pathlib import Path


class TextMoved(Exception):
    """The text of a safeguard is not, or not as often as said, in its file: the list has to follow the code."""


@dataclass(frozen=True, slots=True)
class Safeguard:
    """`old` stands `times` times in `file` (a path from the repository's root) and becomes `new`; `noticed_by` are the
    node ids of tests that must each fail then. `promise` is the number of the promise in docs/proof.md that it keeps.
    """

    name: str
    promise: int
    file: str
    old: str
    new: str
    noticed_by: tuple[str, ...]
    times: int = 1
    ends_in: str = ""  # how a killing test may end besides an assertion: the error that the break is bound to lead to

    def broken(self, root: Path) -> str:
        """The text of the file without the safeguard; raises TextMoved."""
        text = (root / self.file).read_text("utf-8")
        if text.count(self.old) != self.times:
            raise TextMoved(f"{self.file} has {self.old!r} {text.count(self.old)} times, expected {self.times}")
        return text.replace(self.old, self.new)

    @property
    def files(self) -> tuple[str, ...]:
        """The test files of its killing tests."""
        return tuple(dict.fromkeys(node.partition("::")[0] for node in self.noticed_by))
