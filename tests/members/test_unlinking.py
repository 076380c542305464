"""Members who leave: their tokens are of no use at once, and gone when the platform has revoked them."""

from collections.abc import Callable
from typing import Any

import pytest

from jiuwu.members.grants import SHARDS, Grants
from jiuwu.members.tokens import MemberUnknown, ReauthRequired, TokenBusy, Tokens
from jiuwu.platform.errors import PlatformBusy, TokenInvalid
from tests.members.rotation import MEMBER, NOW, USER, Clock, Dies, Platform

TOKENS = (
    "access_encrypted",
    "refresh_encrypted",
    "token_expires_at",
    "refresh_expires_at",
    "refresh_at",
    "refresh_shard",
)


def test_unlinking_revokes_both_tokens_and_erases_them(
    tokens: Tokens, platform: Platform, record: Callable[[], Any]
) -> None:
    assert tokens.unlink(MEMBER)
    assert ["at_1", "rt_1"] == platform.revoked
    assert {"S": "unlinked"} == record()["link_status"]
    assert [] == [name for name in (*TOKENS, "lease_id") if name in record()]
    with pytest.raises(ReauthRequired):
        tokens.source(MEMBER).access_token()


def test_unlinking_twice_is_unlinking_once(tokens: Tokens, platform: Platform) -> None:
    assert [True, True] == [tokens.unlink(MEMBER) for _ in range(2)]
    assert ["at_1", "rt_1"] == platform.revoked


def test_a_member_without_a_refresh_token_is_unlinked_without_one(
    make_tokens: Callable[..., Tokens], platform: Platform, record: Callable[[], Any]
) -> None:
    platform.names_a_new_refresh_token = False
    tokens = make_tokens()
    tokens.link(MEMBER, USER, platform.consent())

    assert tokens.unlink(MEMBER)
    assert ["at_1"] == platform.revoked
    assert {"S": "unlinked"} == record()["link_status"]


def test_while_the_platform_is_down_the_tokens_are_kept_but_not_used(
    tokens: Tokens, platform: Platform, record: Callable[[], Any]
) -> None:
    platform.revoke_fault = PlatformBusy("oauth.revoke")
    assert not tokens.unlink(MEMBER)
    assert {"S": "unlinking"} == record()["link_status"]
    assert [] == [name for name in TOKENS if name not in record()]
    with pytest.raises(ReauthRequired):
        tokens.source(MEMBER).access_token()


def test_the_refresher_finishes_an_unlinking(tokens: Tokens, platform: Platform, record: Callable[[], Any]) -> None:
    platform.revoke_fault = PlatformBusy("oauth.revoke")
    tokens.unlink(MEMBER)
    assert tokens.refresh(MEMBER, ahead=900, due_before=NOW + 900) == "failed"
    platform.revoke_fault = None
    assert tokens.refresh(MEMBER, ahead=900) == "unlinked"
    assert {"S": "unlinked"} == record()["link_status"]
    assert [] == platform.refreshes


def test_a_member_who_died_while_unlinking_is_due(
    tokens: Tokens, platform: Platform, clock: Clock, dynamodb: Any, members_table: str
) -> None:
    def die(token: str) -> None:
        raise Dies

    platform.on_revoke = die
    with pytest.raises(Dies):
        tokens.unlink(MEMBER)
    assert [MEMBER] == [
        id_ for shard in SHARDS for id_ in Grants(dynamodb, members_table).due(shard, int(clock.now)).member_ids
    ]


def test_a_token_that_the_platform_no_longer_knows_is_as_good_as_revoked(
    tokens: Tokens, platform: Platform, record: Callable[[], Any]
) -> None:
    platform.revoke_fault = TokenInvalid("oauth.revoke")
    assert tokens.unlink(MEMBER)
    assert {"S": "unlinked"} == record()["link_status"]


def test_tokens_past_their_time_are_erased_without_asking(
    tokens: Tokens, platform: Platform, clock: Clock, record: Callable[[], Any]
) -> None:
    platform.revoke_fault = PlatformBusy("oauth.revoke")
    tokens.unlink(MEMBER)
    clock.now += 2592000
    assert tokens.refresh(MEMBER, ahead=900) == "unlinked"
    assert {"S": "unlinked"} == record()["link_status"]


def test_unlinking_waits_for_a_refresh_under_way(
    tokens: Tokens, record: Callable[[], Any], leased_by_another: None
) -> None:
    with pytest.raises(TokenBusy):
        tokens.unlink(MEMBER)
    assert {"S": "active"} == record()["link_status"]


def test_a_login_during_an_unlinking_wins(tokens: Tokens, platform: Platform, record: Callable[[], Any]) -> None:
    def log_in(token: str) -> None:
        if token == "at_1":
            tokens.link(MEMBER, USER, platform.consent())

    platform.on_revoke = log_in
    tokens.unlink(MEMBER)
    assert {"S": "active"} == record()["link_status"]
    assert tokens.source(MEMBER).access_token() == "at_2"


def test_nobody_unlinks_who_is_no_member(tokens: Tokens) -> None:
    with pytest.raises(MemberUnknown):
        tokens.unlink("mb_nobody")
