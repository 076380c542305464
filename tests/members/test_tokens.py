"""Tokens handed out and renewed, on the local AWS and a platform in this process."""

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from jiuwu.members.accounts import Accounts, Member
from jiuwu.members.tokens import MemberUnknown, ReauthRequired, TokenBusy, Tokens
from jiuwu.platform.models import TokenReply
from jiuwu.runtime import Runtime
from tests.members.rotation import MEMBER, NOW, USER, Clock, Platform, Ticking


def test_a_linked_member_has_a_profile_and_a_token(tokens: Tokens, dynamodb: Any, members_table: str) -> None:
    assert tokens.source(MEMBER).access_token() == "at_1"
    expected = Member(MEMBER, "ou_1", "小九", "https://img.example.com/1.png", "active")
    assert expected == Accounts(dynamodb, members_table).get(MEMBER)


def test_the_table_holds_no_token(tokens: Tokens, record: Callable[[], Any]) -> None:
    held = json.dumps(record(), default=lambda part: bytes(part).decode("latin-1"))
    assert "access_encrypted" in held
    assert [] == [token for token in ("at_1", "rt_1") if token in held]


def test_a_ciphertext_does_not_open_for_another_member(tokens: Tokens, dynamodb: Any, members_table: str) -> None:
    item = dynamodb.get_item(TableName=members_table, Key={"member_id": {"S": MEMBER}})["Item"]
    dynamodb.put_item(TableName=members_table, Item=item | {"member_id": {"S": "mb_thief"}})
    with pytest.raises(ClientError):
        tokens.source("mb_thief").access_token()


def test_a_token_too_long_for_one_kms_call_is_kept_whole(make_tokens: Callable[..., Tokens]) -> None:
    long = TokenReply(access_token="a" * 8192, refresh_token="r", expires_in=7200, refresh_expires_in=1)
    tokens = make_tokens()
    tokens.link(MEMBER, USER, long)
    assert tokens.source(MEMBER).access_token() == "a" * 8192


def test_a_member_is_renewed_before_the_refresh_token_ends_whatever_the_access_token_says(
    make_tokens: Callable[..., Tokens], record: Callable[[], dict[str, Any]]
) -> None:
    # a lifetime in milliseconds, taken for seconds: 83 days
    odd = TokenReply(access_token="a", refresh_token="r", expires_in=7_200_000, refresh_expires_in=2_592_000)
    make_tokens().link(MEMBER, USER, odd)
    assert record()["refresh_at"] == record()["refresh_expires_at"]


def test_an_unknown_member_has_no_token(tokens: Tokens) -> None:
    with pytest.raises(MemberUnknown):
        tokens.source("mb_nobody").access_token()


def test_a_token_is_read_once_per_request(make_tokens: Callable[..., Tokens], tokens: Tokens, kms: Any) -> None:
    class OpensOnce:
        def __init__(self) -> None:
            self.left = 1

        def decrypt(self, **request: Any) -> Any:
            self.left -= 1
            assert self.left >= 0
            return kms.decrypt(**request)

    source = make_tokens(kms=OpensOnce()).source(MEMBER)
    assert ["at_1", "at_1"] == [source.access_token(), source.access_token()]


def test_a_token_past_its_time_is_renewed_before_it_is_handed_out(tokens: Tokens, clock: Clock) -> None:
    clock.now += 7199
    assert tokens.source(MEMBER).access_token() == "at_1"
    clock.now += 1
    assert tokens.source(MEMBER).access_token() == "at_2"


def test_a_stale_token_is_renewed_once(tokens: Tokens, platform: Platform, record: Callable[[], Any]) -> None:
    source = tokens.source(MEMBER)
    assert source.renew("at_1") == "at_2"
    assert source.access_token() == "at_2"
    assert ["rt_1"] == platform.refreshes
    assert {"N": "2"} == record()["token_version"]
    assert "lease_id" not in record()


def test_a_token_that_someone_renewed_already_is_not_renewed_again(tokens: Tokens, platform: Platform) -> None:
    late, early = tokens.source(MEMBER), tokens.source(MEMBER)
    late.access_token()
    early.renew("at_1")
    assert late.renew("at_1") == "at_2"
    assert tokens.source(MEMBER).renew("at_1") == "at_2"
    assert ["rt_1"] == platform.refreshes


def _at_once(steps: list[Callable[[], Any]]) -> list[Any]:
    together = threading.Barrier(len(steps))

    def run(step: Callable[[], Any]) -> Any:
        together.wait()
        return step()

    with ThreadPoolExecutor(len(steps)) as pool:
        return list(pool.map(run, steps))


def test_sixteen_at_once_make_one_refresh(
    make_tokens: Callable[..., Tokens], tokens: Tokens, platform: Platform
) -> None:
    platform.before_reply = lambda: time.sleep(0.3)
    clock = Ticking()
    ticking = make_tokens(runtime=Runtime(clock=clock, sleep=clock.sleep))
    sources = [ticking.source(MEMBER) for _ in range(16)]
    renewed = _at_once([lambda source=source: source.renew("at_1") for source in sources])  # type: ignore[misc]
    assert ["at_2"] * 16 == renewed
    assert ["rt_1"] == platform.refreshes


def test_the_refresher_and_the_clients_at_once_make_one_refresh(
    make_tokens: Callable[..., Tokens], tokens: Tokens, platform: Platform, write: Callable[..., None]
) -> None:
    write("SET refresh_at = :now", now={"N": str(int(NOW))})
    platform.before_reply = lambda: time.sleep(0.3)
    clock = Ticking()
    ticking = make_tokens(runtime=Runtime(clock=clock, sleep=clock.sleep))
    clients = [lambda: ticking.source(MEMBER).renew("at_1")] * 8
    refreshers = [lambda: ticking.refresh(MEMBER, ahead=900, due_before=NOW + 900)] * 8
    outcomes = _at_once([*clients, *refreshers])
    assert ["at_2"] * 8 == outcomes[:8]
    assert {"renewed", "busy", "not_due"} >= set(outcomes[8:])
    assert ["rt_1"] == platform.refreshes


def test_a_waiter_uses_what_the_other_one_brings(
    make_tokens: Callable[..., Tokens],
    tokens: Tokens,
    clock: Clock,
    write: Callable[..., None],
    record: Callable[[], Any],
    leased_by_another: None,
) -> None:
    encrypted = record()["access_encrypted"]

    def sleep(seconds: float) -> None:
        clock.now += seconds
        if clock.now > NOW + 1:
            write("SET token_version = :two, access_encrypted = :encrypted", two={"N": "2"}, encrypted=encrypted)

    # a refresh of its own would have brought at_2
    assert make_tokens(runtime=Runtime(clock=clock, sleep=sleep)).source(MEMBER).renew("at_1") == "at_1"


def test_a_waiter_gives_up_after_two_seconds(
    tokens: Tokens, clock: Clock, platform: Platform, leased_by_another: None
) -> None:
    with pytest.raises(TokenBusy):
        tokens.source(MEMBER).renew("at_1")
    assert NOW + 2 <= clock.now < NOW + 2.2
    assert [] == platform.refreshes


def test_a_lease_that_nobody_ended_lapses(
    tokens: Tokens, clock: Clock, platform: Platform, leased_by_another: None
) -> None:
    clock.now += 61
    assert tokens.source(MEMBER).renew("at_1") == "at_2"


def test_a_refresh_that_names_no_new_refresh_token_keeps_the_old_one(tokens: Tokens, platform: Platform) -> None:
    platform.names_a_new_refresh_token = False
    assert tokens.source(MEMBER).renew("at_1") == "at_2"
    assert tokens.source(MEMBER).renew("at_2") == "at_3"
    assert ["rt_1", "rt_1"] == platform.refreshes


def test_without_a_refresh_token_the_member_logs_in_again_when_the_access_token_ends(
    make_tokens: Callable[..., Tokens], platform: Platform, clock: Clock, record: Callable[[], Any]
) -> None:
    platform.names_a_new_refresh_token = False
    tokens = make_tokens()
    tokens.link(MEMBER, USER, platform.consent())
    assert "refresh_at" not in record()
    assert tokens.source(MEMBER).access_token() == "at_1"
    clock.now += 7200
    with pytest.raises(ReauthRequired):
        tokens.source(MEMBER).access_token()
    assert {"S": "reauth_required"} == record()["link_status"]
