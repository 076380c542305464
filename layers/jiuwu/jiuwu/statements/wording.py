"""A statement's words in Chinese, for the accountants who read its CSV; the JSON keeps the words for machines.

The evidence of a difference is written by reconciliation/decide.py, reconciliation/contradictions.py and
statements/totals.py; what is not known here stays as it is.
"""

import re
from collections.abc import Callable

_STATES = {
    "created": "待付款",
    "placed": "待付款",
    "paid": "已付款",
    "shipped": "已发货",
    "completed": "已完成",
    "cancelled": "已取消",
    "refunded": "已退款",
    "held": "待人工处理",
    "absent": "无此订单",
}
_CLASSES = {
    "missed_notification": "漏收通知",
    "platform_behind": "平台落后",
    "missing_here": "本方缺单",
    "missing_there": "平台缺单",
    "amount_differs": "金额不符",
    "state_impossible": "状态矛盾",
    "in_flight": "在途",
}
_ACTIONS = {
    "ship": "通知发货",
    "push:shipped": "告知平台已发货",
    "push:cancelled": "告知平台取消",
    "points:spend": "扣减积分",
    "points:return": "退回积分",
    "refund": "退款",
    "place": "在平台下单",
    "adopt": "补录订单",
    "hold": "转人工处理",
    "placed": "登记下单",
    "paid": "登记付款",
    "cancelled": "登记取消",
    "completed": "登记完成",
    "refunded": "登记退款",
    "expired": "超时取消",
    "effectmissingremotely": "重新告知平台",
    "effectdone": "登记已办",
}

type _Said = Callable[[re.Match[str]], str]


def state_word(state: str) -> str:
    """Return a state as accountants read it."""
    return _STATES.get(state, state)


def class_word(class_: str) -> str:
    """Return the class of a difference as accountants read it."""
    return _CLASSES.get(class_, class_)


def remark(evidence: str) -> str:
    """Return the evidence of a row as accountants read it; amounts stay fen (分)."""
    return "；".join(_translated(part) for part in evidence.split("; "))


def _translated(part: str) -> str:
    for pattern, said in _REMARKS:
        if found := pattern.fullmatch(part):
            return said(found)
    return part


def _names(listed: str) -> str:
    return "、".join(_action(name) for name in listed.split(", "))


def _action(name: str) -> str:
    """Return an effect or an action in Chinese; a refund's transaction and request stay as they are."""
    kind, _, of = name.partition(":")
    return _ACTIONS.get(name) or (f"{_ACTIONS[kind]} {of}" if kind == "refund" else name)


def _side(state: str, paid: str, refunded: str) -> str:
    return f"{state_word(state)}、已付 {paid} 分、已退 {refunded} 分"


_MONEY = {"payment": "付款", "refund": "退款"}
_ONE_SIDE = r"(\w+) with (-?\d+) fen paid and (-?\d+) fen refunded"
_REMARKS: tuple[tuple[re.Pattern[str], _Said], ...] = tuple(
    (re.compile(pattern, re.DOTALL), said)
    for pattern, said in (
        (r"changed (\d+) s ago: (.*)", lambda m: f"{m[1]} 秒前有变动：{_translated(m[2])}"),
        (r"pending: (.*)", lambda m: f"待办：{_names(m[1])}"),
        (r"to be done: (.*)", lambda m: f"待办：{_names(m[1])}"),
        (r"(paid|refunded|cancelled|completed):(\S+)", lambda m: f"未收到通知：{state_word(m[1])} {m[2]}"),
        (r"shown:\d+:(\S+)", lambda m: f"平台证实付款 {m[1]}"),
        (r"the platform has it as another member's order", lambda _: "平台显示为其他会员的订单"),
        (r"placed as (.*), there it is (.*)", lambda m: f"平台订单号不同：本方 {m[1]}，平台 {m[2]}"),
        (r"(\w+) there, without any (payment|refund)", lambda m: f"平台{state_word(m[1])}，却没有{_MONEY[m[2]]}记录"),
        (
            r"(\w+) there, with (-?\d+) fen paid and (-?\d+) fen refunded",
            lambda m: f"平台：{_side(m[1], m[2], m[3])}",
        ),
        (r"unknown here and not adopted: (.*)", lambda m: f"本方无此订单，未补录：{_translated(m[1])}"),
        (r"its number is not of our making", lambda _: "订单号不是本方的格式"),
        (r"it costs nothing: how many points paid for it, only we knew", lambda _: "零元订单，所用积分只有本方知道"),
        (
            r"its lines add up to (-?\d+) fen, its amount is (-?\d+) fen",
            lambda m: f"明细合计 {m[1]} 分，订单金额 {m[2]} 分",
        ),
        (r"(\w+) there, unknown here", lambda m: f"平台{state_word(m[1])}，本方无此订单"),
        (
            r"(\w+) here with (-?\d+) fen, unknown there",
            lambda m: f"本方{state_word(m[1])}、余额 {m[2]} 分，平台无此订单",
        ),
        (
            r"(\w+) here with (-?\d+) fen, (\w+) there",
            lambda m: f"本方{state_word(m[1])}、余额 {m[2]} 分，平台{state_word(m[3])}",
        ),
        (r"ordered for (-?\d+) fen, there for (-?\d+) fen", lambda m: f"本方订单金额 {m[1]} 分，平台 {m[2]} 分"),
        (
            r"(payment|refund) (\S+) booked as (-?\d+) fen, there (-?\d+) fen",
            lambda m: f"{_MONEY[m[1]]} {m[2]} 本方记 {m[3]} 分，平台 {m[4]} 分",
        ),
        (r"(-?\d+) fen are here for (-?\d+) fen", lambda m: f"本方收到 {m[1]} 分，应收 {m[2]} 分"),
        (r"(payment|refund) (\S+) is not there", lambda m: f"平台没有{_MONEY[m[1]]} {m[2]}"),
        (
            r"(\S+) again: (\w+) here, (\w+) there",
            lambda m: f"再次{_action(m[1])}：本方{state_word(m[2])}，平台{state_word(m[3])}",
        ),
        (
            f"{_ONE_SIDE} here, {_ONE_SIDE} there",
            lambda m: f"本方：{_side(m[1], m[2], m[3])}；平台：{_side(m[4], m[5], m[6])}",
        ),
    )
)
