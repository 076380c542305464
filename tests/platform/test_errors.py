"""Errors tell what happened and what to do, and nothing that must not be in a log."""

from typing import Any

import pytest

from jiuwu.platform import errors
from jiuwu.platform.errors import (
    AppSecretUnavailable,
    BadReply,
    CircuitOpen,
    ClockSkew,
    KeyUnavailable,
    MalformedPayload,
    OwnLimitReached,
    PlatformError,
    ProductRefused,
    RateLimited,
    TokenKeyUnavailable,
    UnknownOutcome,
)

OWN_FACTS: dict[type[PlatformError], dict[str, Any]] = {
    AppSecretUnavailable: {"problem": "secret x: field current is empty"},
    BadReply: {"field": "data.amount", "problem": "missing"},
    ClockSkew: {"server_time": 1_763_800_000},
    CircuitOpen: {"retry_after": 9.0},
    KeyUnavailable: {"problem": "EndpointConnectionError"},
    OwnLimitReached: {"retry_after": 0.5},
    RateLimited: {"retry_after": 3.0},
    ProductRefused: {"reason": "title_too_long"},
    TokenKeyUnavailable: {"problem": "EndpointConnectionError"},
    UnknownOutcome: {"reason": "no reply in time"},
}


def family(kind: type[PlatformError]) -> list[type[PlatformError]]:
    return [kind, *(below for child in kind.__subclasses__() for below in family(child))]


FAMILY = family(PlatformError)


def make(kind: type[PlatformError]) -> PlatformError:
    return kind(
        "orders.create", code=50002, msg="token AT-1 of 张三", request_id="r-1", status=200, **OWN_FACTS.get(kind, {})
    )


@pytest.mark.parametrize("kind", FAMILY)
def test_an_error_shows_the_call_the_fact_the_code_the_request_id_and_the_cure(kind: type[PlatformError]) -> None:
    text = str(make(kind))
    for part in ("orders.create", kind.__name__, "50002", "r-1", kind.hint):
        assert part in text


@pytest.mark.parametrize("kind", FAMILY)
def test_an_error_never_shows_the_platforms_message(kind: type[PlatformError]) -> None:
    error = make(kind)
    assert "token AT-1 of 张三" == error.msg
    for text in (str(error), repr(error), f"{error.args}"):
        assert "AT-1" not in text


def test_the_errors_that_a_little_time_can_cure_are_the_retryable_ones() -> None:
    expected = {
        "AppSecretUnavailable",
        "CircuitOpen",
        "KeyUnavailable",
        "NonceReused",
        "OwnLimitReached",
        "RateLimited",
        "PlatformInternal",
        "PlatformBusy",
        "PlatformUnreachable",
        "TokenKeyUnavailable",
    }
    assert expected == {kind.__name__ for kind in FAMILY if kind.retryable}


@pytest.mark.parametrize("kind", FAMILY)
def test_an_error_says_to_people_what_to_do_and_no_name_of_a_field(kind: type[PlatformError]) -> None:
    assert "retry_after" not in str(make(kind))


def test_an_error_without_a_reply_says_so() -> None:
    assert "(no reply)" in str(errors.PlatformUnreachable("time"))


def test_what_only_one_error_knows_is_in_its_fields() -> None:
    assert 1_763_800_000 == ClockSkew("time", server_time=1_763_800_000).server_time
    assert 3.0 == RateLimited("time", retry_after=3.0).retry_after
    assert "no reply in time" in str(UnknownOutcome("orders.create", reason="no reply in time"))
    assert "data.amount: missing" in str(BadReply("orders.get", field="data.amount", problem="missing"))


@pytest.mark.parametrize(
    ("code", "status", "answered"),
    [
        (None, 200, True),
        (None, 299, True),
        (None, 300, False),
        (None, 199, False),
        (None, None, False),
        (500, 200, False),
    ],
)
def test_a_write_was_answered_when_the_status_is_success_and_no_code_was_understood(
    code: int | None, status: int | None, answered: bool
) -> None:
    assert answered is UnknownOutcome("orders.create", reason="odd", code=code, status=status).answered


def test_a_malformed_payload_names_field_and_problem() -> None:
    error = MalformedPayload("amount", "missing")
    assert ("amount", "missing", "amount: missing") == (error.field, error.problem, str(error))
