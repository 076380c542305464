"""Which addresses of the platform's a member's browser may follow."""

import pytest

from jiuwu.platform import payloads, profile
from jiuwu.platform.web_address import is_safe
from tests.platform.fakes import order

PROFILE = profile.load()

SAFE = [
    "https://pay.example/1",
    "https://pay.example",
    "HTTPS://pay.example:8443/?a=b#c",
    "https://支付.example/订单?号=1",
    "http://127.0.0.1:8080/pay/1",
    "http://localhost/pay",
    "http://[::1]:9/pay",
]
UNSAFE = [
    "",
    "javascript:alert(1)",
    "JavaScript:alert(1)//https://pay.example",
    " javascript:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "file:///etc/passwd",
    "//pay.example/1",
    "/pay/1",
    "http://pay.example/1",
    "http://127.0.0.1.evil.example/",
    "http://localhost.evil.example/",
    "http://localhost@evil.example/",
    "http://127.0.0.1:80@evil.example/",
    "https://user:word@evil.example/",
    "https://pay.example\\@evil.example/",
    "https://",
    "https:///pay",
    "https:pay.example",
    "https://pay.example/\u202e1",
    "https://pay.example/ 1",
    "https://pay.example/\x00",
    'https://pay.example/"onload="x',
    "https://pay.example/<script>",
    "https://pay.example/" + "a" * 2048,
]


@pytest.mark.parametrize("url", SAFE)
def test_https_and_this_machine_may_be_linked_to(url: str) -> None:
    assert is_safe(url)
    assert url == payloads.parse_user(PROFILE, {"open_id": "o1", "avatar_url": url}).avatar_url


@pytest.mark.parametrize("url", UNSAFE, ids=lambda url: ascii(url)[:40])
def test_any_other_address_is_left_out_and_takes_nothing_else_with_it(url: str) -> None:
    assert not is_safe(url)
    user = payloads.parse_user(PROFILE, {"open_id": "o1", "nickname": "小九", "avatar_url": url})
    assert ("小九", "") == (user.nickname, user.avatar_url)
    remote = payloads.parse_order(PROFILE, order(pay_url=url))
    assert ("", True) == (remote.pay_url, bool(remote.out_order_no))


def test_a_members_name_has_a_length() -> None:
    user = payloads.parse_user(PROFILE, {"open_id": "o1", "nickname": "九" * 100_000})
    assert "九" * 64 == user.nickname
