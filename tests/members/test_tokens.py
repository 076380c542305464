"""Tokens against the local AWS and a platform in this process; every interleaving is the test's own."""

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from jiuwu.members.accounts import Accounts, Member
from jiuwu.members.grants import SHARDS, Grants
from jiuwu.members.tokens import MemberUnknown, ReauthRequired, TokenBusy, Tokens
from jiuwu.platform.errors import InvalidGrant, PlatformBusy, PlatformError, TokenInvalid, UnknownOutcome
from jiuwu.platform.models import TokenReply, UserProfile

MEMBER = "mb_aaaaaaaaaaaaaaaaaaaa"
USER = UserProfile(open_id="ou_1", nickname="小九", avatar_url="https://img.example.com/1.png", level=3, updated_at=7)
NOW = 1_763_800_000.25


class Clock:
    """Moves only when told, or slept on."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Platform:
    """The contract's token endpoint: rotating refresh tokens, the previous one good until the new one is used."""

    def __init__(self) -> None:
        self.issued = 0
        self.previous = self.current = ""
        self.refreshes: list[str] = []
        self.revoked: list[str] = []
        self.fault: PlatformError | None = None
        self.revoke_fault: PlatformError | None = None
        self.before_reply: Callable[[], None] = lambda: None
        self.on_revoke: Callable[[str], None] = self.revoked.append
        self.names_a_new_refresh_token = True

    def consent(self) -> TokenReply:
        self.previous = ""
        return self._issue()

    def refresh(self, refresh_token: str) -> TokenReply:
        self.refreshes.append(refresh_token)
        if self.fault:
            raise self.fault
        if refresh_token not in {self.current, self.previous}:
            raise InvalidGrant("oauth.refresh")
        self.previous = refresh_token
        reply = self._issue()
        self.before_reply()
        return reply

    def revoke(self, token: str) -> None:
        if self.revoke_fault:
            raise self.revoke_fault
        self.on_revoke(token)

    def _issue(self) -> TokenReply:
        self.issued += 1
        refresh = f"rt_{self.issued}" if self.names_a_new_refresh_token else None
        self.current = refresh or self.previous
        return TokenReply(
            access_token=f"at_{self.issued}", refresh_token=refresh, expires_in=7200, refresh_expires_in=2592000
        )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def platform() -> Platform:
    return Platform()


@pytest.fixture
def dynamodb(aws: Callable[[str], Any]) -> Any:
    return aws("dynamodb")


@pytest.fixture
def kms(aws: Callable[[str], Any]) -> Any:
    return aws("kms")


@pytest.fixture
def make_tokens(
    aws: Callable[[str], Any], members_table: str, token_key: str, platform: Platform, clock: Clock
) -> Callable[..., Tokens]:
    stores = {"dynamodb": aws("dynamodb"), "kms": aws("kms")}

    def make(**replaced: Any) -> Tokens:
        parts = stores | {"oauth": platform, "clock": clock, "sleep": clock.sleep} | replaced
        return Tokens(table=members_table, key_id=token_key, **parts)

    return make


@pytest.fixture
def tokens(make_tokens: Callable[..., Tokens], platform: Platform) -> Tokens:
    """The tokens with one member linked, whose access token is at_1."""
    tokens = make_tokens()
    tokens.link(MEMBER, USER, platform.consent())
    return tokens


@pytest.fixture
def record(dynamodb: Any, members_table: str) -> Callable[[], dict[str, Any]]:
    """The member's item as it stands."""
    return lambda: dict(dynamodb.get_item(TableName=members_table, Key={"member_id": {"S": MEMBER}})["Item"])


@pytest.fixture
def write(dynamodb: Any, members_table: str) -> Callable[..., None]:
    """write("SET …", **{":value": …}) changes the member's item behind everybody's back."""

    def change(expression: str, **values: Any) -> None:
        found = {"ExpressionAttributeValues": {f":{name}": value for name, value in values.items()}} if values else {}
        dynamodb.update_item(
            TableName=members_table, Key={"member_id": {"S": MEMBER}}, UpdateExpression=expression, **found
        )

    return change


def _leased_by_another(write: Callable[..., None], clock: Clock) -> None:
    write("SET lease_id = :id, lease_until = :until", id={"S": "other"}, until={"N": str(int(clock.now) + 60)})


# ── Handing out ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_linked_member_has_a_profile_and_a_token(tokens: Tokens, dynamodb: Any, members_table: str) -> None:
    assert tokens.source(MEMBER).access_token() == "at_1"
    expected = Member(MEMBER, "ou_1", "小九", "https://img.example.com/1.png", "active")
    assert expected == Accounts(dynamodb, members_table).get(MEMBER)


def test_the_table_holds_no_token(tokens: Tokens, record: Callable[[], Any]) -> None:
    held = json.dumps(record(), default=lambda part: bytes(part).decode("latin-1"))
    assert "access_sealed" in held
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


# ── Renewing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_stale_token_is_renewed_once(tokens: Tokens, platform: Platform, record: Callable[[], Any]) -> None:
    source = tokens.source(MEMBER)
    assert source.renew("at_1") == "at_2"
    assert source.access_token() == "at_2"
    assert ["rt_1"] == platform.refreshes
    assert {"N": "2"} == record()["token_version"]
    assert "lease_id" not in record()


def test_a_token_that_somebody_renewed_already_is_not_renewed_again(tokens: Tokens, platform: Platform) -> None:
    late, early = tokens.source(MEMBER), tokens.source(MEMBER)
    late.access_token()
    early.renew("at_1")
    assert late.renew("at_1") == "at_2"
    assert tokens.source(MEMBER).renew("at_1") == "at_2"
    assert ["rt_1"] == platform.refreshes


class Ticking(Clock):
    """Starts at the tests' time and goes on by itself, for what really runs at once; slowly, for busy machines."""

    def __init__(self) -> None:
        super().__init__()
        self._started = time.monotonic()

    def __call__(self) -> float:
        return NOW + (time.monotonic() - self._started) / 20

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


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
    ticking = make_tokens(clock=clock, sleep=clock.sleep)
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
    ticking = make_tokens(clock=clock, sleep=clock.sleep)
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
) -> None:
    sealed = record()["access_sealed"]
    _leased_by_another(write, clock)

    def sleep(seconds: float) -> None:
        clock.now += seconds
        if clock.now > NOW + 1:
            write("SET token_version = :two, access_sealed = :sealed", two={"N": "2"}, sealed=sealed)

    # a refresh of its own would have brought at_2
    assert make_tokens(sleep=sleep).source(MEMBER).renew("at_1") == "at_1"


def test_a_waiter_gives_up_after_two_seconds(
    tokens: Tokens, clock: Clock, platform: Platform, write: Callable[..., None]
) -> None:
    _leased_by_another(write, clock)
    with pytest.raises(TokenBusy):
        tokens.source(MEMBER).renew("at_1")
    assert NOW + 2 <= clock.now < NOW + 2.2
    assert [] == platform.refreshes


def test_a_lease_that_nobody_ended_lapses(
    tokens: Tokens, clock: Clock, platform: Platform, write: Callable[..., None]
) -> None:
    _leased_by_another(write, clock)
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


# ── Faults ────────────────────────────────────────────────────────────────────────────────────────────────────────────

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


class Dies(Exception):
    """The process ends here."""


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


def test_what_kms_fails_to_seal_is_renewed_from_the_old_token(
    make_tokens: Callable[..., Tokens], tokens: Tokens, platform: Platform, kms: Any, record: Callable[[], Any]
) -> None:
    class CannotSeal:
        decrypt = staticmethod(kms.decrypt)

        def encrypt(self, **_: Any) -> Any:
            raise ClientError({"Error": {"Code": "KMSInternalException"}}, "Encrypt")

    before = record()
    with pytest.raises(ClientError):
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
    kept = ("access_sealed", "refresh_sealed", "token_version", "token_expires_at", "refresh_expires_at")
    assert [before[name] for name in kept] == [after[name] for name in kept]
    assert {"S": "reauth_required"} == after["link_status"]
    assert [] == [name for name in ("refresh_at", "refresh_shard", "lease_id", "lease_until") if name in after]


def test_invalid_grant_is_not_believed_when_the_record_has_changed(
    tokens: Tokens, platform: Platform, write: Callable[..., None], record: Callable[[], Any]
) -> None:
    newer = tokens.source(MEMBER)

    def somebody_else_logs_in() -> None:
        tokens.link(MEMBER, USER, platform.consent())
        raise InvalidGrant("oauth.refresh")

    platform.before_reply = somebody_else_logs_in
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


# ── The refresher's step ──────────────────────────────────────────────────────────────────────────────────────────────


def test_the_refresher_renews_what_is_due_and_nothing_else(tokens: Tokens, platform: Platform) -> None:
    assert tokens.refresh(MEMBER, ahead=900, due_before=NOW + 7199) == "not_due"
    assert tokens.refresh(MEMBER, ahead=900, due_before=NOW + 7200) == "renewed"
    assert tokens.refresh("mb_nobody", ahead=900) == "unknown"
    assert ["rt_1"] == platform.refreshes


def test_the_refresher_leaves_a_leased_member_alone(
    tokens: Tokens, platform: Platform, clock: Clock, write: Callable[..., None]
) -> None:
    _leased_by_another(write, clock)
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


def test_the_refresher_believes_invalid_grant_once(tokens: Tokens, platform: Platform) -> None:
    platform.fault = InvalidGrant("oauth.refresh")
    assert ["reauth_required", "not_due"] == [tokens.refresh(MEMBER, ahead=900) for _ in range(2)]


def test_a_record_without_its_version_fails_alone(tokens: Tokens, write: Callable[..., None]) -> None:
    write("REMOVE token_version")
    assert tokens.refresh(MEMBER, ahead=900) == "failed"


# ── Unlinking ─────────────────────────────────────────────────────────────────────────────────────────────────────────

TOKENS = ("access_sealed", "refresh_sealed", "token_expires_at", "refresh_expires_at", "refresh_at", "refresh_shard")


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
    assert [MEMBER] == [id_ for shard in SHARDS for id_ in Grants(dynamodb, members_table).due(shard, int(clock.now))]


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
    tokens: Tokens, clock: Clock, write: Callable[..., None], record: Callable[[], Any]
) -> None:
    _leased_by_another(write, clock)
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
