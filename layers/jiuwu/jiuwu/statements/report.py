"""A statement as it is kept: JSON for machines, CSV for accountants.

The CSV is what Excel opens by a double click: UTF-8 with a byte order mark, so that Chinese is read as Chinese, and no
text that would be taken for a formula, a number or a date. Amounts stand in both yuan and fen.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from jiuwu.orders.business_day import SHANGHAI

from .spreadsheets import is_rewritten
from .totals import ABSENT, Discrepancy, SideSnapshot, Sums, Totals, total
from .wording import class_word, remark, state_word

_SUMS = ("ordered_fen", "paid_fen", "refunded_fen")
_MONEY = {"ordered": "订单金额", "paid": "已付", "refunded": "已退"}
_SIDES = {"here": "本方", "there": "平台"}
_HEADER = ["类别", "状态或差异", "订单号", "本方状态", "平台状态", "本方笔数", "平台笔数"]
_HEADER += [f"{_SIDES[side]}{what}({unit})" for what in _MONEY.values() for side in _SIDES for unit in ("元", "分")]
_HEADER += ["本方积分", "说明"]


@dataclass(frozen=True, slots=True)
class Statement:
    """The statement of a day, or of a period: times are Unix seconds, `title` says which orders it is about."""

    title: str
    since: int
    until: int
    made_at: int
    totals: Totals
    run: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the statement as JSON has it."""
        totals = self.totals
        return {
            "day": self.title,
            "time_zone": "Asia/Shanghai",
            "since": clock_text(self.since),
            "until": clock_text(self.until),
            "made_at": clock_text(self.made_at),
            "run": self.run,
            "complete": totals.complete,
            "problems": list(totals.problems),
            "orders_not_compared": totals.uncompared,
            "total": {"here": _figures(total(totals.here)), "there": _figures(total(totals.there))},
            "states": {"here": _by_state(totals.here), "there": _by_state(totals.there)},
            "orders_differing": totals.differing,
            "classes": dict(totals.classes),
            "differences": [_line(line) for line in totals.differences],
            "more_orders_differing": totals.differing - _orders(totals.differences),
            "orders_in_flight": totals.waiting,
            "in_flight": [_line(line) for line in totals.in_flight],
            "more_orders_in_flight": totals.waiting - _orders(totals.in_flight),
        }

    def put(self, s3: Any, bucket: str) -> None:  # noqa: ANN401 -- a client of boto3
        """Write both forms to the bucket, over those of an earlier run."""
        for kind, body, media in (("json", self.json(), "application/json"), ("csv", self.csv(), "text/csv")):
            key, content_type = f"statements/{self.title}.{kind}", f"{media}; charset=utf-8"
            s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type)

    def json(self) -> bytes:
        """Return the statement as JSON: UTF-8, indented."""
        return msgspec.json.format(msgspec.json.encode(self.as_dict()), indent=2) + b"\n"

    def csv(self) -> bytes:
        """Return one table in Chinese: the totals, the states, the differences, what is in flight, and notes."""
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(_HEADER)
        writer.writerows(self._rows())
        return text.getvalue().encode("utf-8-sig")

    def _rows(self) -> Iterator[list[str | int]]:
        totals, states = self.totals, sorted({*self.totals.here, *self.totals.there})
        yield _row("合计", self.title, SideSnapshot("", total(totals.here)), SideSnapshot("", total(totals.there)))
        for state in states:
            here, there = (SideSnapshot("", side.get(state, Sums())) for side in (totals.here, totals.there))
            yield _row("状态", state_word(state), here, there)
        yield from (_row("差异", class_word(line.class_), line.here, line.there, line) for line in totals.differences)
        yield from (_row("在途", class_word(line.class_), line.here, line.there, line) for line in totals.in_flight)
        yield from (_note(note) for note in self._notes())

    def _notes(self) -> Iterator[str]:
        totals = self.totals
        since, until, made_at = (clock_text(at) for at in (self.since, self.until, self.made_at))
        yield f"{since} 至 {until}（Asia/Shanghai），制表时间 {made_at}"
        if not totals.complete:
            yield f"对账未完成：{totals.uncompared} 笔未能比对"
            yield from (f"未能比对的原因：{problem}" for problem in totals.problems)
        if totals.never_placed:
            yield f"{totals.never_placed} 笔在平台接单前已结束，只有本方有记录，不算差异"
        if more := totals.differing - _orders(totals.differences):
            yield f"另有 {more} 笔差异未列出"
        if more := totals.waiting - _orders(totals.in_flight):
            yield f"另有 {more} 笔在途未列出"


def cell(value: str | int) -> str | int:
    """Return a cell as it may stand in a spreadsheet: text that one would rewrite gets an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and is_rewritten(value) else value


def _row(
    kind: str, of: str, here: SideSnapshot, there: SideSnapshot, line: Discrepancy | None = None
) -> list[str | int]:
    money: list[str | int] = []
    for name in _SUMS:
        for seen in (here, there):
            fen: int = getattr(seen.figures, name)
            money += [yuan_text(fen), fen]
    counts: list[str | int] = [here.figures.orders, there.figures.orders]
    number, evidence = (line.order_no, remark(line.evidence)) if line else ("", "")
    states = [state_word(side.state) if side.state else "" for side in (here, there)]
    # the day in `of`, and amounts, are what a spreadsheet takes them for
    return [kind, of, cell(number), *states, *counts, *money, here.figures.points, cell(evidence)]


def _note(text: str) -> list[str | int]:
    return ["说明", *[""] * (len(_HEADER) - 2), cell(text)]


def _by_state(figures: Mapping[str, Sums]) -> dict[str, Any]:
    """Return each state's sums; under `absent` how many orders this side does not have."""
    return {state: {"orders": one.orders} if state == ABSENT else _figures(one) for state, one in figures.items()}


def _figures(figures: Sums) -> dict[str, Any]:
    sums = {name: getattr(figures, name) for name in _SUMS}
    counts = {"orders": figures.orders} | ({"points": figures.points} if figures.points else {})
    return counts | sums | {name.replace("fen", "yuan"): yuan_text(fen) for name, fen in sums.items()}


def _line(line: Discrepancy) -> dict[str, Any]:
    sides = {"here": _seen(line.here), "there": _seen(line.there)}
    return {"order_no": line.order_no, "class": line.class_, "evidence": line.evidence} | sides


def _seen(seen: SideSnapshot) -> dict[str, Any]:
    return {"state": seen.state} | ({} if seen.state == ABSENT else _figures(seen.figures))


def yuan_text(fen: int) -> str:
    """Return yuan with two decimals, also of sums larger than any one order's amount."""
    return f"{fen // 100}.{fen % 100:02}"


def _orders(lines: Iterable[Discrepancy]) -> int:
    return len({line.order_no for line in lines})


def clock_text(at: int) -> str:
    """Return a time (Unix seconds) in Shanghai."""
    return datetime.fromtimestamp(at, SHANGHAI).isoformat(timespec="seconds")
