"""What passing faults, crashes and the refresher do to tokens: nothing is lost."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from jiuwu.members.tokens import ReauthRequired, Tokens
from jiuwu.platform.errors import (
    BadReply,
    InvalidGrant,
    OwnLimitReached,
    PlatformBusy,
    PlatformError,
    TokenKeyUnavailable,
    UnknownOutcome,
)
from tests.members.rotation import MEMBER, NOW, USER, Clock, Dies, Platform

FAULTS = [PlatformBusy("oauth.refresh"), UnknownOutcome("oauth.refresh", reason="no reply in time")]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_a_passing_fault_costs_no_token(
    tokens: Tokens, platform: Platform, record: Callable[[], Any], fault: PlatformError
) -> None:
    before = record()
    platform.fault = fault
    with pytest.raises(type(fault)):
        tokens.source(MEMBER).renew("at_1")
    assert before == record()
    platform.fault = None
    assert tokens.source(MEMBER).renew("at_1") == "at_2"


def test_a_crash_between_the_platforms_rotation_and_our_save_is_recovered(
    tokens: Tokens, platform: Platform, clock: Clock, record: Callable[[], Any]
) -> None:
    def die() -> None:
        raise Dies

    platform.before_reply = die
    with pytest.raises(Dies):
        tokens.source(MEMBER).renew("at_1")
    assert "lease_id" in record()
    platform.before_reply = lambda: None
    clock.now += 61
    assert tokens.source(MEMBER).renew("at_1") == "at_3"
    assert tokens.source(MEMBER).renew("at_3") == "at_4"
    assert ["rt_1", "rt_1", "rt_3"] == platform.refreshes


def test_what_kms_fails_to_encrypt_is_renewed_from_the_old_token(
    make_tokens: Callable[..., Tokens], tokens: Tokens, platform: Platform, kms: Any, record: Callable[[], Any]
) -> None:
    class CannotSeal:
        decrypt = staticmethod(kms.decrypt)

        def encrypt(self, **_: Any) -> Any:
            raise ClientError({"Error": {"Code": "KMSInternalException"}}, "Encrypt")

    before = record()
    with pytest.raises(TokenKeyUnavailable):
        make_tokens(kms=CannotSeal()).source(MEMBER).renew("at_1")
    assert before == record()
    assert tokens.source(MEMBER).renew("at_1") == "at_3"


def test_invalid_grant_asks_for_a_login_and_keeps_the_grant(
    tokens: Tokens, platform: Platform, record: Callable[[], Any]
) -> None:
    before = record()
    platform.fault = InvalidGrant("oauth.refresh")
    with pytest.raises(ReauthRequired):
        tokens.source(MEMBER).renew("at_1")
    after = record()
    kept = ("access_encrypted", "refresh_encrypted", "token_version", "token_expires_at", "refresh_expires_at")
    assert [before[name] for name in kept] == [after[name] for name in kept]
    assert {"S": "reauth_required"} == after["link_status"]
    assert [] == [name for name in ("refresh_at", "refresh_shard", "lease_id", "lease_until") if name in after]


@pytest.mark.parametrize(
    ("later", "fault", "status"),
    [
        (2_592_001, BadReply("oauth.refresh", field="error", problem="new", status=400), "reauth_required"),
        (2_592_001, UnknownOutcome("oauth.refresh", reason="not understood", status=200), "reauth_required"),
        (2_592_001, BadReply("oauth.refresh", field="error", problem="new", status=502), "active"),
        (2_592_001, UnknownOutcome("oauth.refresh", reason="no reply in time"), "active"),
        (2_591_000, BadReply("oauth.refresh", field="error", problem="new", status=400), "active"),
    ],
)
def test_a_refusal_in_unknown_words_ends_a_grant_only_when_its_refresh_token_is_past_its_time(
    tokens: Tokens,
    platform: Platform,
    clock: Clock,
    record: Callable[[], Any],
    later: int,
    fault: PlatformError,
    status: str,
) -> None:
    platform.fault = fault
    clock.now += later
    with pytest.raises((ReauthRequired, PlatformError)):
        tokens.source(MEMBER).access_token()
    assert {"S": status} == record()["link_status"]


def test_invalid_grant_is_not_believed_when_the_record_has_changed(
    tokens: Tokens, platform: Platform, write: Callable[..., None], record: Callable[[], Any]
) -> None:
    newer = tokens.source(MEMBER)

    def someone_else_logs_in() -> None:
        tokens.link(MEMBER, USER, platform.consent())
        raise InvalidGrant("oauth.refresh")

    platform.before_reply = someone_else_logs_in
    assert newer.renew("at_1") == "at_3"
    assert {"S": "active"} == record()["link_status"]


def test_a_refresh_that_a_login_overtook_changes_nothing(
    tokens: Tokens, platform: Platform, record: Callable[[], Any]
) -> None:
    platform.before_reply = lambda: tokens.link(MEMBER, USER, platform.consent())
    assert tokens.source(MEMBER).renew("at_1") == "at_3"
    assert {"N": "2"} == record()["token_version"]


def test_a_login_ends_reauth_required(tokens: Tokens, platform: Platform, record: Callable[[], Any]) -> None:
    created = record()["created_at"]
    platform.fault = InvalidGrant("oauth.refresh")
    with pytest.raises(ReauthRequired):
        tokens.source(MEMBER).renew("at_1")
    with pytest.raises(ReauthRequired):
        tokens.source(MEMBER).access_token()
    tokens.link(MEMBER, USER, platform.consent())
    assert tokens.source(MEMBER).access_token() == "at_2"
    assert created == record()["created_at"]


def test_the_refresher_renews_what_is_due_and_nothing_else(tokens: Tokens, platform: Platform) -> None:
    assert tokens.refresh(MEMBER, ahead=900, due_before=NOW + 7199) == "not_due"
    assert tokens.refresh(MEMBER, ahead=900, due_before=NOW + 7200) == "renewed"
    assert tokens.refresh("mb_nobody", ahead=900) == "unknown"
    assert ["rt_1"] == platform.refreshes


def test_the_refresher_leaves_a_leased_member_alone(
    tokens: Tokens, platform: Platform, leased_by_another: None
) -> None:
    assert tokens.refresh(MEMBER, ahead=900) == "busy"
    assert [] == platform.refreshes


def test_a_failing_member_steps_back_for_longer_and_longer_pauses(
    tokens: Tokens, platform: Platform, record: Callable[[], Any]
) -> None:
    platform.fault = PlatformBusy("oauth.refresh")
    pauses = []
    for _ in range(9):
        assert tokens.refresh(MEMBER, ahead=900) == "failed"
        pauses.append(int(record()["refresh_at"]["N"]) - 900 - int(NOW))
    assert [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600] == pauses
    platform.fault = None
    assert tokens.refresh(MEMBER, ahead=900) == "renewed"
    assert {"N": "0"} == record()["refresh_failures"]


def test_a_renewal_that_our_own_limit_held_back_puts_the_member_off_by_nothing(
    tokens: Tokens, platform: Platform, record: Callable[[], Any]
) -> None:
    before = record()["refresh_at"]
    platform.fault = OwnLimitReached("oauth.refresh")

    assert "held_back" == tokens.refresh(MEMBER, ahead=900)
    assert (before, None) == (record()["refresh_at"], record().get("lease_until"))
    platform.fault = None
    assert "renewed" == tokens.refresh(MEMBER, ahead=900)


def test_the_refresher_believes_invalid_grant_once(tokens: Tokens, platform: Platform) -> None:
    platform.fault = InvalidGrant("oauth.refresh")
    assert ["reauth_required", "not_due"] == [tokens.refresh(MEMBER, ahead=900) for _ in range(2)]


def test_a_record_without_its_version_fails_alone(tokens: Tokens, write: Callable[..., None]) -> None:
    write("REMOVE token_version")
    assert tokens.refresh(MEMBER, ahead=900) == "failed"
