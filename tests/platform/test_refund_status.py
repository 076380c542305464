"""How a refund stands, from the platform's word to ours: what nobody knows never counts as succeeded."""

from pathlib import Path
from typing import Any

import pytest

from jiuwu.platform import payloads
from jiuwu.platform.profile import ProfileError, load
from tests.platform.fakes import REFUND
from tests.platform.test_payloads import ORDER

PROFILE = load()
WORDS = [
    *(("succeeded", "succeeded"), ("success", "succeeded"), ("processing", "processing"), ("pending", "processing")),
    *(("failed", "failed"), ("closed", "failed"), ("rejected", "failed")),
    *(("SUCCESS!", "unknown"), ("", "unknown"), (None, "unknown"), (7, "unknown"), (True, "unknown")),
    *(({}, "unknown"), (["succeeded"], "unknown"), ("Succeeded", "unknown")),
]
ABSENT = {name: value for name, value in REFUND.items() if name != "status"}
REPLY = {"refund_id": "R1", "out_refund_no": "OR1", "amount": "0.01"}
EVENT = {**ABSENT, "out_order_no": "JW1", "platform_order_no": "P1"}


def in_an_order(refund: dict[str, Any]) -> str:
    return payloads.parse_order(PROFILE, ORDER | {"refunds": [refund]}).refunds[0].status


def in_a_notification(refund: dict[str, Any]) -> str:
    event: Any = payloads.parse_event(PROFILE, "order.refunded", EVENT | refund)
    return str(event.refund_status)


def in_a_reply(refund: dict[str, Any]) -> str:
    return payloads.parse_refund(PROFILE, REPLY | refund).status


@pytest.mark.parametrize("read", [in_an_order, in_a_notification, in_a_reply])
@pytest.mark.parametrize(("word", "meaning"), WORDS, ids=str)
def test_only_a_word_for_it_means_that_a_refund_succeeded(read: Any, word: object, meaning: str) -> None:
    assert meaning == read(ABSENT | {"status": word})


@pytest.mark.parametrize("read", [in_an_order, in_a_notification, in_a_reply])
def test_where_a_platform_has_no_such_field_what_it_shows_has_succeeded(read: Any) -> None:
    assert "succeeded" == read(ABSENT)


@pytest.mark.parametrize("at", [{}, {"refunded_at": None}, {"refunded_at": ""}, {"refunded_at": -1}], ids=str)
@pytest.mark.parametrize("read", [in_an_order, in_a_notification])
def test_a_refund_that_gave_nothing_back_needs_no_time_at_which_it_did(read: Any, at: dict[str, Any]) -> None:
    open_ = {name: value for name, value in ABSENT.items() if name != "refunded_at"}

    assert "processing" == read({**open_, **at, "status": "processing"})


def test_the_platforms_own_words_and_numbers_are_another_profile(tmp_path: Path) -> None:
    words = '[refund_status]\nSUCCESS = "succeeded"\n"2" = "processing"\nCLOSED = "failed"\nABNORMAL = "failed"\n'
    (tmp_path / "mine.toml").write_text(words + '[fields.refund]\nstatus = "state.code"\n', "utf-8")
    mine = load("mine", directory=tmp_path)

    def read(state: object) -> str:
        return payloads.parse_order(mine, ORDER | {"refunds": [ABSENT | {"state": state}]}).refunds[0].status

    codes = [{"code": code} for code in ("SUCCESS", 2, "2", "ABNORMAL", "succeeded")]
    assert ["succeeded", "processing", "processing", "failed", "unknown"] == [read(code) for code in codes]
    assert ("succeeded", "unknown") == (read({}), read({"code": None}))


def test_a_profile_has_a_word_for_each_state_of_a_refund(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('[refund_status]\nDONE = "succeeded"\nOPEN = "processing"\n', "utf-8")

    with pytest.raises(ProfileError, match="refund_status: no word means failed"):
        load("mine", directory=tmp_path)
