"""Differences between our side and the platform's, by class, and the report of one reconciliation run."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

# A report names this many orders per class and says how many more there were: it must fit one item of 400 KB.
_NAMED = 200
_EVIDENCE = 50


class Drift(StrEnum):
    """The ways in which the two sides can differ."""

    MISSED_NOTIFICATION = "missed_notification"  # the platform shows what no notification reported
    PLATFORM_BEHIND = "platform_behind"  # we hold proof of something that the platform does not show
    MISSING_HERE = "missing_here"  # the platform has an order of ours that our table has not
    MISSING_THERE = "missing_there"  # we have an order that the platform does not know
    AMOUNT_DIFFERS = "amount_differs"  # a person decides; never shipped
    STATE_IMPOSSIBLE = "state_impossible"  # no rule repairs it; reported with its evidence, never guessed


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference of one order. The evidence is ids, states and fen: nothing personal, nothing secret."""

    class_: Drift
    order_no: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Report:
    """The report of a task: orders checked, findings, repairs. `started_at` is Unix seconds."""

    started_at: int
    checked: int
    findings: tuple[Finding, ...]
    transitions: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()  # what could not be done

    @property
    def counts(self) -> dict[str, int]:
        """Return how many differences there are of each class; one seen twice in a run counts once."""
        return dict(Counter(finding.class_.value for finding in dict.fromkeys(self.findings)))

    def as_dict(self) -> dict[str, object]:
        """Return the report as it is stored and returned: bounded, however much was found."""
        return {
            "started_at": self.started_at,
            "checked": self.checked,
            "incomplete": bool(self.problems),
            "problems": list(self.problems[:_EVIDENCE]),
            "transitions": dict(Counter(self.transitions)),
            "classes": {class_: self._of(class_, count) for class_, count in self.counts.items()},
        }

    def _of(self, class_: str, count: int) -> dict[str, object]:
        found = [finding for finding in dict.fromkeys(self.findings) if finding.class_ == class_]
        orders = list(dict.fromkeys(finding.order_no for finding in found))
        return {
            "count": count,
            "orders": orders[:_NAMED],
            "more_orders": max(0, len(orders) - _NAMED),
            "evidence": _evidence(found),
        }


def _evidence(found: Iterable[Finding]) -> list[str]:
    return [f"{finding.order_no}: {finding.evidence}" for finding in found][:_EVIDENCE]
