"""The requests of the merchant's servers: money to give back, or points to add, and the reason."""

from typing import Annotated

import msgspec

from jiuwu.aws.http import body
from jiuwu.aws.http.errors import HttpError
from jiuwu.aws.http.request import Request
from jiuwu.human_text import first_unfit
from jiuwu.members.accounts import Accounts, is_member_id
from jiuwu.orders.refund_rules import MAX_REASON_CHARACTERS
from jiuwu.platform.money import MAX_FEN, MoneyError, fen
from jiuwu.points.ledger import MAX_POINTS

from .merchant_errors import member_unknown

Reason = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=MAX_REASON_CHARACTERS,
        description="原因：给人看的文字，不能只有空白，不能有控制字符",
        extra_json_schema={"pattern": r"[^\s]"},
    ),
]
AmountFen = Annotated[int, msgspec.Meta(ge=1, le=MAX_FEN, description="金额，单位分")]
AmountYuan = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(?!0(\.0{1,2})?$)(0|[1-9][0-9]{0,10})(\.[0-9]{1,2})?$",
        description='金额，单位元，如 "12.34"；amount 与 amount_fen 都不写则退还全部余额',
    ),
]
Change = Annotated[
    int,
    msgspec.Meta(
        ge=-MAX_POINTS, le=MAX_POINTS, description="增加多少；负数为扣减", extra_json_schema={"not": {"const": 0}}
    ),
]


class NewRefund(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a request for a refund: the amount in one of two forms, or neither for all that is left.

    A misspelled name, or null for an amount, is refused: it is no wish for all of it.
    """

    reason: Reason
    amount_fen: AmountFen | msgspec.UnsetType = msgspec.UNSET
    amount: AmountYuan | msgspec.UnsetType = msgspec.UNSET


class NewPoints(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a change of points: how many are added, or below zero taken away."""

    points: Change
    reason: Reason


_REFUND, _POINTS = msgspec.json.Decoder(NewRefund), msgspec.json.Decoder(NewPoints)


def read_refund(request: Request) -> tuple[int | None, str]:
    """Return the amount in fen (None: all that is left) and the reason; raise HttpError."""
    wanted = body.decode(request, _REFUND, _about_refunds)
    return _amount(wanted), _reason(wanted.reason)


def read_points(request: Request) -> tuple[int, str]:
    """Return the number of points, never 0, and the reason; raise HttpError."""
    wanted = body.decode(request, _POINTS, _about_points)
    if not wanted.points:
        raise HttpError(400, "field_malformed", _about_points("points"), "points")
    return wanted.points, _reason(wanted.reason)


def require_known_member(member_id: str, accounts: Accounts) -> None:
    """Raise HttpError for an id that is no member's."""
    if not is_member_id(member_id) or accounts.get(member_id) is None:
        raise member_unknown()


def _amount(wanted: NewRefund) -> int | None:
    if wanted.amount is msgspec.UNSET:
        return None if wanted.amount_fen is msgspec.UNSET else wanted.amount_fen
    if wanted.amount_fen is not msgspec.UNSET:
        raise HttpError(400, "amount_given_twice", "amount 与 amount_fen 只能填写其中一个", "amount")
    try:
        amount = fen(wanted.amount)
    except MoneyError:
        amount = 0
    if amount < 1:
        raise HttpError(400, "field_malformed", _about_refunds("amount"), "amount")
    return amount


def _reason(reason: str) -> str:
    """Return the reason, which people will read; raise HttpError for what is no text of people."""
    if unfit := first_unfit(reason):
        message = f"reason 的第 {unfit.position} 个字符 {unfit.code_point} 不能使用，请删除"
        raise HttpError(400, "field_malformed", message, "reason")
    if not reason.strip():
        raise HttpError(400, "field_malformed", "reason 不能只有空白", "reason")
    return reason


def _about_refunds(field: str) -> str:
    known = {
        "amount_fen": "amount_fen 必须是不小于 1 的整数（分）",
        "amount": 'amount 必须是大于 0 的金额文本（元），如 "12.34"',
        "reason": f"reason 必须是 1 到 {MAX_REASON_CHARACTERS} 个字符的文本",
    }
    return known.get(field, '请求应为 {"amount": "12.34", "reason": "…"}；不写 amount 则退还全部余额')


def _about_points(field: str) -> str:
    known = {
        "points": f"points 必须是不为 0 的整数，绝对值不超过 {MAX_POINTS}",
        "reason": f"reason 必须是 1 到 {MAX_REASON_CHARACTERS} 个字符的文本",
    }
    return known.get(field, '请求应为 {"points": 100, "reason": "…"}；负数为扣减')
