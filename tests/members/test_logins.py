"""States, tickets and sessions against the local AWS; the clock is the test's."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer

from jiuwu.members.logins import (
    Bearer,
    Claim,
    Ended,
    Logins,
    LoginState,
    Sessions,
    StateRefused,
    TicketRefused,
    is_secret,
    new_secret,
)
from jiuwu.runtime import Runtime
from tests.members.rotation import NOW, Clock

RETURN_TO = "https://shop.example.com/cart"


@pytest.fixture
def logins(dynamodb: Any, logins_table: str, clock: Clock) -> Logins:
    return Logins(dynamodb, logins_table, runtime=Runtime(clock=clock, sleep=clock.sleep))


@pytest.fixture
def sessions(dynamodb: Any, logins_table: str, clock: Clock) -> Sessions:
    return Sessions(dynamodb, logins_table, runtime=Runtime(clock=clock))


def _use(logins: Logins, state: str, binding: str = "browser", flow: Any = "h5", answer: str = "code 1") -> Any:
    return logins.use_state(state, Bearer(flow, binding, answer))


def _refusal(logins: Logins, state: str, binding: str = "browser", **more: Any) -> StateRefused:
    with pytest.raises(StateRefused) as refused:
        _use(logins, state, binding, **more)
    return refused.value


def test_a_state_is_given_back_to_the_browser_that_began(logins: Logins) -> None:
    state = logins.begin("h5", RETURN_TO, binding="browser")
    assert LoginState("h5", RETURN_TO) == _use(logins, state).state


def test_a_used_state_is_refused_with_another_code_and_still_says_where_it_wanted_to_return(logins: Logins) -> None:
    state = logins.begin("h5", RETURN_TO, binding="browser")
    logins.end(_use(logins, state), member_id="mb_1")
    refused = _refusal(logins, state, answer="code 2")
    assert ("used", LoginState("h5", RETURN_TO)) == (refused.reason, refused.state)


def test_the_same_browser_with_the_same_code_gets_the_same_end(logins: Logins) -> None:
    state = logins.begin("h5", RETURN_TO, binding="browser")
    logins.end(_use(logins, state), member_id="mb_1")
    assert [Ended(LoginState("h5", RETURN_TO), "mb_1", "")] * 2 == [_use(logins, state) for _ in range(2)]


def test_a_login_that_failed_ends_twice_alike(logins: Logins) -> None:
    state = logins.begin("h5", RETURN_TO, binding="browser")
    logins.end(_use(logins, state), failure="denied")
    assert "denied" == _use(logins, state).failure


def test_a_minute_after_its_end_a_used_state_is_refused(logins: Logins, clock: Clock) -> None:
    state = logins.begin("h5", RETURN_TO, binding="browser")
    logins.end(_use(logins, state), member_id="mb_1")
    clock.now += 59
    assert "mb_1" == _use(logins, state).member_id
    clock.now += 1
    assert "used" == _refusal(logins, state).reason


def test_another_browser_gets_nothing_of_a_used_state(logins: Logins) -> None:
    state = logins.begin("h5", RETURN_TO, binding="browser")
    logins.end(_use(logins, state), member_id="mb_1")
    assert "foreign" == _refusal(logins, state, "another browser").reason
    assert "foreign" == _refusal(logins, state, "").reason


def test_a_repeated_callback_waits_for_the_first_one(dynamodb: Any, logins_table: str, clock: Clock) -> None:
    ends: list[Claim] = []

    def sleep(seconds: float) -> None:
        clock.now += seconds
        if ends and clock.now > NOW + 3:
            waiting.end(ends.pop(), member_id="mb_1")

    waiting = Logins(dynamodb, logins_table, runtime=Runtime(clock=clock, sleep=sleep))
    state = waiting.begin("h5", RETURN_TO, binding="browser")
    ends.append(_use(waiting, state))

    assert "mb_1" == _use(waiting, state).member_id
    assert 3 < clock.now - NOW < 4


def test_a_login_that_died_midway_is_unfinished_after_ten_seconds_and_known_to_be_after_fifteen(
    logins: Logins, clock: Clock
) -> None:
    state = logins.begin("h5", RETURN_TO, binding="browser")
    _use(logins, state)
    assert "unfinished" == _refusal(logins, state).reason
    assert 10 <= clock.now - NOW < 11
    clock.now = NOW + 15
    assert "unfinished" == _refusal(logins, state).reason
    assert NOW + 15 == clock.now


def test_a_state_lives_ten_minutes(logins: Logins, clock: Clock) -> None:
    first, second = (logins.begin("h5", RETURN_TO, binding="browser") for _ in range(2))
    clock.now += 599
    _use(logins, first)
    clock.now += 1
    assert _refusal(logins, second).reason == "expired"


def test_another_browser_cannot_use_a_state_nor_use_it_up(logins: Logins) -> None:
    state = logins.begin("h5", RETURN_TO, binding="browser")
    assert _refusal(logins, state, "another browser").reason == "foreign"
    assert isinstance(_use(logins, state), Claim)


def test_a_mini_programs_state_is_foreign_to_a_browser(logins: Logins) -> None:
    state = logins.begin("mini_program", "", binding="same")
    assert _refusal(logins, state, "same", flow="h5").reason == "foreign"


def test_an_unknown_state_is_refused(logins: Logins) -> None:
    refused = _refusal(logins, new_secret())
    assert ("unknown", None) == (refused.reason, refused.state)


def test_of_sixteen_at_once_one_uses_the_state_and_all_hear_its_end(dynamodb: Any, logins_table: str) -> None:
    logins = Logins(dynamodb, logins_table)
    state = logins.begin("h5", RETURN_TO, binding="browser")

    def use(_: int) -> str:
        claim = _use(logins, state)
        if isinstance(claim, Ended):
            return claim.member_id
        with suppress(dynamodb.exceptions.ConditionalCheckFailedException):  # there are two winners
            logins.end(claim, member_id="mb_1")
        return "won"

    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(use, range(16)))
    assert sorted(["won"] + ["mb_1"] * 15) == sorted(outcomes)


def test_of_sixteen_at_once_one_redeems_the_ticket(logins: Logins) -> None:
    ticket = logins.issue_ticket("mb_1")

    def redeem(_: int) -> str:
        try:
            return logins.redeem(ticket)
        except TicketRefused:
            return "refused"

    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(redeem, range(16)))
    assert sorted(["mb_1"] + ["refused"] * 15) == sorted(outcomes)


class LosesTheReply:
    """Does update_item twice and answers the second time: what boto3 does when the first reply is lost."""

    def __init__(self, dynamodb: Any) -> None:
        self._dynamodb = dynamodb
        self.exceptions = dynamodb.exceptions
        self.put_item = dynamodb.put_item

    def update_item(self, **request: Any) -> Any:
        self._dynamodb.update_item(**request)
        return self._dynamodb.update_item(**request)


def test_a_lost_reply_of_the_table_does_not_lose_the_login(dynamodb: Any, logins_table: str) -> None:
    logins = Logins(LosesTheReply(dynamodb), logins_table)  # type: ignore[arg-type]
    state, ticket = logins.begin("h5", RETURN_TO, binding="browser"), logins.issue_ticket("mb_1")
    assert isinstance(_use(logins, state), Claim)
    assert logins.redeem(ticket) == "mb_1"


def test_a_ticket_lives_one_minute(logins: Logins, clock: Clock) -> None:
    first, second = logins.issue_ticket("mb_1"), logins.issue_ticket("mb_1")
    clock.now += 59
    assert logins.redeem(first) == "mb_1"
    clock.now += 1
    with pytest.raises(TicketRefused):
        logins.redeem(second)


def test_a_ticket_is_no_state_and_a_state_no_ticket(logins: Logins) -> None:
    state, ticket = logins.begin("h5", RETURN_TO, binding="browser"), logins.issue_ticket("mb_1")
    assert _refusal(logins, ticket, "browser").reason == "unknown"
    with pytest.raises(TicketRefused):
        logins.redeem(state)


def test_a_session_lives_seven_days_though_the_table_deletes_later(sessions: Sessions, clock: Clock) -> None:
    session = sessions.open("mb_1")
    clock.now += 7 * 86400 - 1
    assert sessions.member_id(session.token) == "mb_1"
    clock.now += 1
    assert sessions.member_id(session.token) is None


@pytest.mark.parametrize("token", ["", "x", "é" * 43, "a" * 44, "a" * 42 + "\n", "a" * 42 + "=", "a" * 43, "\0" * 43])
def test_what_is_no_session_token_is_nobodys(sessions: Sessions, token: str) -> None:
    assert sessions.member_id(token) is None


def test_ending_all_ends_every_session_of_the_member_and_no_other(sessions: Sessions) -> None:
    mine, others = [sessions.open("mb_1") for _ in range(3)], sessions.open("mb_2")
    sessions.end_all("mb_1")
    sessions.end_all("mb_1")
    assert [None] * 3 == [sessions.member_id(session.token) for session in mine]
    assert sessions.member_id(others.token) == "mb_2"


def test_a_member_without_sessions_can_end_them(sessions: Sessions) -> None:
    sessions.end_all("mb_nobody")


def test_after_all_have_ended_a_new_session_begins(sessions: Sessions) -> None:
    sessions.open("mb_1")
    sessions.end_all("mb_1")
    assert sessions.member_id(sessions.open("mb_1").token) == "mb_1"


def test_the_fifty_first_session_ends_the_oldest(sessions: Sessions, clock: Clock) -> None:
    opened = []
    for _ in range(51):
        opened.append(sessions.open("mb_1"))
        clock.now += 1
    assert [None, "mb_1"] == [sessions.member_id(session.token) for session in opened[:2]]


class RefusesEmptySets:
    """The table, with a rule of DynamoDB's that the local AWS lacks: a set of nothing is a ValidationException."""

    def __init__(self, dynamodb: Any) -> None:
        self._dynamodb = dynamodb

    def update_item(self, **requested: Any) -> Any:
        assert {"SS": []} not in requested["ExpressionAttributeValues"].values(), "DynamoDB refuses an empty set"
        return self._dynamodb.update_item(**requested)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dynamodb, name)


def test_opening_a_session_and_ending_none_sends_no_empty_set(dynamodb: Any, logins_table: str, clock: Clock) -> None:
    strict: Any = RefusesEmptySets(dynamodb)
    sessions = Sessions(strict, logins_table, runtime=Runtime(clock=clock))
    sessions.end_all("mb_1")

    assert "mb_1" == sessions.member_id(sessions.open("mb_1").token)


def test_expired_sessions_leave_the_members_list(
    sessions: Sessions, clock: Clock, dynamodb: Any, logins_table: str
) -> None:
    sessions.open("mb_1")
    clock.now += 7 * 86400
    sessions.open("mb_1")
    listed = dynamodb.get_item(TableName=logins_table, Key={"login_key": {"S": "sessions#mb_1"}})["Item"]["open"]["SS"]
    assert len(listed) == 1


def test_the_table_holds_no_secret(logins: Logins, sessions: Sessions, dynamodb: Any, logins_table: str) -> None:
    binding = new_secret()
    secrets = [
        binding,
        logins.begin("h5", RETURN_TO, binding=binding),
        logins.issue_ticket("mb_1"),
        sessions.open("mb_1").token,
    ]
    items = dynamodb.scan(TableName=logins_table)["Items"]
    assert len(items) == 4
    assert [] == [secret for secret in secrets if secret in json.dumps(items)]


def test_every_item_expires_by_itself(logins: Logins, sessions: Sessions, dynamodb: Any, logins_table: str) -> None:
    logins.begin("h5", RETURN_TO, binding="browser")
    logins.issue_ticket("mb_1")
    sessions.open("mb_1")
    expiries = [TypeDeserializer().deserialize(i["expires_at"]) for i in dynamodb.scan(TableName=logins_table)["Items"]]
    assert len(expiries) == 4
    assert all(at > int(NOW) and at == int(at) for at in expiries)


def test_secrets_have_the_form_that_is_looked_up() -> None:
    assert all(is_secret(new_secret()) for _ in range(100))
