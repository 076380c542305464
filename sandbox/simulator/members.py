"""Members and products of the platform. A member exists from the first mention."""

import re

import msgspec

from sandbox.simulator.faults import roll

OPEN_ID = re.compile(r"ou_[A-Za-z0-9_-]{1,61}")

_FAMILY = "林陈王李张刘赵周吴徐"
_GIVEN = ("晓岚", "子墨", "雨桐", "浩然", "思远", "佳怡", "明轩", "若曦", "一诺", "嘉懿")


class Member(msgspec.Struct, frozen=True):
    open_id: str
    nickname: str
    level: int
    updated_at: int


class Product(msgspec.Struct, frozen=True):
    product_id: str
    title: str
    price_fen: int
    on_shelf: bool
    updated_at: int


# offered on the consent page
TEST_MEMBERS = {
    "ou_xiaolan": "林晓岚",
    "ou_zimo": "陈子墨",
    "ou_yutong": "王雨桐",
    "ou_haoran": "李浩然",
    "ou_siyuan": "周思远",
}


def member(open_id: str, now: int) -> Member:
    """Return a member; the same open_id has the same name in every run."""
    family = _FAMILY[int(roll(0, open_id, "family") * len(_FAMILY))]
    given = _GIVEN[int(roll(0, open_id, "given") * len(_GIVEN))]
    return Member(open_id, TEST_MEMBERS.get(open_id, family + given), 1 + int(roll(0, open_id, "level") * 9), now)
