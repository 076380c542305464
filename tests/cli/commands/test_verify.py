"""`jiuwu verify` tells good from bad by its exit code, and --explain tells why."""

import pytest

from jiuwu.platform import signing
from jiuwu.platform.profile import load
from jiuwu.platform.signed_notifications import sign_notification
from tests.cli.conftest import SECRET, Jiuwu

PROFILE = load()
NOW = 1_763_800_000
PARAMS = {"app_id": "my-app", "timestamp": str(NOW), "nonce": "n1", "sign_method": "HMAC-SHA256", "empty": ""}
BODY = '{"title":"龙井"}'


def _call(signature: str, **changed: str) -> list[str]:
    params = PARAMS | {"sign": signature} | changed
    return [*(part for name, value in params.items() for part in ("-p", f"{name}={value}")), "--now", str(NOW)]


def _signature(**changed: str) -> str:
    return signing.sign(PROFILE.signing, {**PARAMS, "body": BODY, **changed}, secret=SECRET)


def test_a_good_call_is_good(jiuwu: Jiuwu) -> None:
    result = jiuwu("verify", *_call(_signature()), "--body", BODY)

    assert (0, "good\n") == (result.exit_code, result.stdout)


def test_a_changed_body_is_not_good(jiuwu: Jiuwu) -> None:
    result = jiuwu("verify", *_call(_signature()), "--body", BODY.replace("龙", "虫"))

    assert (1, "not good; --explain says why\n") == (result.exit_code, result.stdout)


MISTAKES = {
    "empty_value": signing.digest(
        PROFILE.signing,
        signing.canonical_string(signing.Scheme(drop_empty=False), PARAMS | {"body": BODY}, secret=""),
        SECRET,
    ).hex(),
    "upper_lower_case": _signature().upper(),
    "prefix": f"sha256={_signature()}",
    "seconds_milliseconds": _signature(timestamp=f"{NOW}987"),
    "parameter_left_out": signing.sign(
        PROFILE.signing, {k: v for k, v in PARAMS.items() if k != "nonce"} | {"body": BODY}, secret=SECRET
    ),
    "body_left_out": signing.sign(PROFILE.signing, PARAMS, secret=SECRET),
    "unexplained": "00" * 32,
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_usual_mistakes_are_named(jiuwu: Jiuwu, mistake: str) -> None:
    result = jiuwu("verify", *_call(MISTAKES[mistake]), "--body", BODY, "--explain")

    assert f"[{mistake}]" in result.stdout
    assert 1 == result.exit_code


def test_the_first_difference_from_their_canonical_string_is_shown(jiuwu: Jiuwu) -> None:
    theirs = "app_id=my-app&nonce=n2"
    result = jiuwu("verify", *_call("ab" * 32), "--canonical", theirs, "--explain")

    assert "parts at" in result.stdout
    assert theirs in result.stdout


def test_an_old_call_is_not_good_though_its_signature_fits(jiuwu: Jiuwu) -> None:
    result = jiuwu("verify", *_call(_signature()), "--now", str(NOW + 301), "--body", BODY, "--explain")

    assert "signature fits" in result.stdout
    assert "[clock_skew]" in result.stdout
    assert 1 == result.exit_code


def _notification(**changed: str) -> list[str]:
    headers = sign_notification(
        PROFILE, app_id="my-app", secret=SECRET, event_id="ev_1", body=BODY, timestamp=NOW, nonce="n1"
    )
    given = {name.lower(): value for name, value in headers.items()} | changed
    return [*(part for name, value in given.items() for part in ("-H", f"{name}: {value}")), "--now", str(NOW)]


def test_a_good_notification_is_good_whatever_the_case_of_its_headers(jiuwu: Jiuwu) -> None:
    result = jiuwu("verify", *_notification(), "--body", BODY)

    assert (0, "good\n") == (result.exit_code, result.stdout)


def test_a_notification_under_another_event_id_is_not_good(jiuwu: Jiuwu) -> None:
    result = jiuwu("verify", *_notification(**{"x-jiuwu-event-id": "ev_2"}), "--body", BODY)

    assert 1 == result.exit_code


def test_the_previous_secret_is_tried_too(jiuwu: Jiuwu) -> None:
    given = [*_notification(), "--body", BODY, "--previous-secret-env", "PREVIOUS", "--explain"]
    result = jiuwu("verify", *given, secret="new", PREVIOUS=SECRET)

    assert "fits, with secret 2" in result.stdout
    assert 0 == result.exit_code


def test_no_secret_is_shown_even_when_it_was_typed_into_a_parameter(jiuwu: Jiuwu) -> None:
    result = jiuwu("verify", *_call("ab" * 32, print_note=SECRET), "--canonical", f"a={SECRET}", "--explain")

    assert SECRET not in result.output
