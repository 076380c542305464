import hmac
import json
import re
from base64 import b64encode
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from jiuwu.platform import signing
from jiuwu.platform.signing import Scheme
from jiuwu.platform.signing.explain import HINTS, Explanation, explain
from jiuwu.platform.signing.mistakes import EXHAUSTIVE, VARIATIONS

SCHEME, SECRET, NOW = Scheme(), "s3cr3t-of-the-app", 1_763_800_000
BODY = '{"title": "一杯茶 + 一块饼","amount":"12.34"}'
PARAMS = {
    "timestamp": str(NOW),
    "app_id": "jw_demo",
    "nonce": "n 0001/+",
    "cursor": "",
    "body": BODY,
    "sign": "0123456789",
}
APPENDED = Scheme(algorithm="md5", secret_place="append_key", output="hex_upper")


def text(scheme: Scheme = SCHEME, **changes: str) -> str:
    """The canonical string of PARAMS, some values changed."""
    return signing.canonical_string(scheme, {**PARAMS, **changes}, secret=SECRET)


def hmac_of(canonical: str, secret: str = SECRET) -> str:
    return hmac.digest(secret.encode(), canonical.encode(), "sha256").hex()


def reserialised(**options: Any) -> str:
    return text(body=json.dumps(json.loads(BODY), **options))


def lower_case(quoted: str) -> str:
    return re.sub("%..", lambda byte: byte[0].lower(), quoted)


def pairs(*names: str) -> str:
    return "&".join(f"{name}={PARAMS[name]}" for name in names)


MISTAKES = [
    ("order", pairs("timestamp", "app_id", "nonce", "body")),
    ("empty_value", pairs("app_id", "body", "cursor", "nonce", "timestamp")),
    ("url_encoding", text(body=quote(BODY, safe=""), nonce=quote("n 0001/+", safe=""))),
    ("url_encoding", text(body=quote_plus(BODY), nonce=quote_plus("n 0001/+"))),
    ("url_encoding", text(body=lower_case(quote(BODY, safe="")), nonce=lower_case(quote("n 0001/+", safe="")))),
    ("stray_space", text(body=BODY + "\n")),
    ("missing_ampersand", text().replace("&", "")),
    ("seconds_milliseconds", text(timestamp=f"{NOW}000")),
    ("body_reserialised", reserialised(separators=(",", ":"), ensure_ascii=False)),
    ("body_reserialised", reserialised()),
    ("body_reserialised", reserialised(indent=2, sort_keys=True, ensure_ascii=False)),
    ("body_left_out", pairs("app_id", "nonce", "timestamp")),
    ("sign_included", pairs("app_id", "body", "nonce", "sign", "timestamp")),
    ("body_last", pairs("app_id", "nonce", "timestamp", "body")),
    ("body_last", pairs("body", "app_id", "nonce", "timestamp")),
    ("body_unnamed", f"{pairs('app_id')}&{BODY}&{pairs('nonce', 'timestamp')}"),
    ("parameter_left_out:nonce", pairs("app_id", "body", "timestamp")),
    ("parameter_left_out:timestamp", pairs("app_id", "body", "nonce")),
    ("parameter_left_out:app_id", pairs("body", "nonce", "timestamp")),
    ("seconds_milliseconds", text(timestamp=f"{NOW}123")),
    ("order", pairs("nonce", "body", "timestamp", "app_id")),
    ("order", pairs("body", "timestamp", "nonce", "app_id")),
    ("path", "/orders" + text()),
    ("secret_place", text() + SECRET),
    ("secret_place", f"{text()}&key={SECRET}"),
]


def causes(**said: Any) -> tuple[str, ...]:
    return explain(SCHEME, PARAMS, secrets=(SECRET, "another"), path="/orders", **said).hints


@pytest.mark.parametrize(("mistake", "canonical"), MISTAKES)
def test_a_usual_mistake_is_recognised_from_the_signature_alone(mistake: str, canonical: str) -> None:
    assert (mistake,) == causes(signature=hmac_of(canonical))


@pytest.mark.parametrize(("mistake", "canonical"), MISTAKES)
def test_a_usual_mistake_is_recognised_from_the_canonical_string_alone(mistake: str, canonical: str) -> None:
    assert (mistake,) == causes(canonical=canonical)


@pytest.mark.parametrize(
    ("mistake", "signature"),
    [
        ("upper_lower_case", hmac_of(text()).upper()),
        ("base64_hex", b64encode(bytes.fromhex(hmac_of(text()))).decode()),
        ("stray_space", hmac_of(text()) + "\n"),
        ("secret_space", hmac_of(text(), SECRET + "\n")),
        ("algorithm", signing.sign(Scheme(algorithm="hmac-sha1"), PARAMS, secret=SECRET)),
        ("unexplained", "0" * 64),
        ("unexplained", "不是签名"),
        ("unexplained", hmac_of(text(), "nobody's")),
    ],
)
def test_a_mistake_in_how_the_signature_is_made_is_recognised(mistake: str, signature: str) -> None:
    assert (mistake,) == causes(signature=signature)


def test_a_text_signed_in_gbk_is_recognised() -> None:
    signature = hmac.digest(SECRET.encode(), text().encode("gbk"), "sha256").hex()
    assert ("charset",) == causes(signature=signature)


def test_a_body_sent_in_gbk_and_signed_in_utf8_is_recognised() -> None:
    sent = BODY.encode("gbk").decode("utf-8", "surrogateescape")
    found = explain(SCHEME, PARAMS | {"body": sent}, secrets=(SECRET,), signature=hmac_of(text()))
    assert ("charset",) == found.hints


@pytest.mark.parametrize(
    "prefix", ["sha256=", "SHA256=", "v1,", "v1=", f"t={NOW},v1=", "hmac-sha256=", "sign=", "v0: "]
)
def test_a_prefix_before_a_right_signature_is_named(prefix: str) -> None:
    assert ("prefix",) == causes(signature=prefix + hmac_of(text()))
    in_base64 = b64encode(bytes.fromhex(hmac_of(text()))).decode()
    assert ("prefix", "base64_hex") == causes(signature=prefix + in_base64)


def test_a_right_signature_with_a_time_that_will_be_refused_is_not_called_good() -> None:
    signature = hmac_of(text())
    for now, refused in ((NOW, False), (NOW + 301, True), (NOW * 1000, True)):
        found = explain(
            SCHEME, PARAMS, secrets=(SECRET,), signature=signature, timestamp=PARAMS["timestamp"], now=float(now)
        )
        assert (0, refused) == (found.secret_index, found.refused)
        assert refused is ("will be refused" in str(found))


def test_two_mistakes_at_once_are_recognised() -> None:
    unsorted_with_empty = pairs("timestamp", "app_id", "nonce", "cursor", "body")
    assert causes(signature=hmac_of(unsorted_with_empty).upper()) == ("order", "empty_value", "upper_lower_case")
    plain = signing.sign(Scheme(algorithm="sha256", secret_place="append"), PARAMS, secret=SECRET)
    assert causes(signature=plain) == ("secret_place", "algorithm")


IN_GBK = BODY.encode("gb18030").decode("utf-8", "surrogateescape")


@pytest.mark.parametrize(
    ("mistakes", "canonical"),
    [
        ({"body_unnamed", "body_last", "charset"}, pairs("app_id", "nonce", "timestamp") + "&" + IN_GBK),
        (
            {"body_unnamed", "body_last", "url_encoding"},
            text(nonce=quote_plus("n 0001/+")).replace(f"body={BODY}&", "") + "&" + BODY,
        ),
        ({"body_unnamed", "missing_ampersand"}, text().replace("&body=", "&", 1).replace("&", ",")),
        (
            {"body_reserialised", "url_encoding"},
            text(body=quote_plus(json.dumps(json.loads(BODY))), nonce=quote_plus("n 0001/+")),
        ),
        ({"body_last", "seconds_milliseconds"}, pairs("app_id", "nonce", "timestamp") + f"217&body={BODY}"),
        ({"body_left_out", "seconds_milliseconds"}, pairs("app_id", "nonce", "timestamp") + "999"),
        ({"parameter_left_out:app_id", "order"}, pairs("nonce", "body", "timestamp")),
        ({"body_left_out", "order"}, pairs("nonce", "timestamp", "app_id")),
    ],
)
def test_any_two_mistakes_at_once_are_recognised(mistakes: set[str], canonical: str) -> None:
    made = hmac.digest(SECRET.encode(), canonical.encode("utf-8", "surrogateescape"), "sha256").hex()
    assert mistakes == set(causes(signature=made))


@pytest.mark.parametrize(
    "canonical",
    [
        f"{pairs('app_id', 'nonce', 'timestamp')}&{BODY}",
        pairs("app_id", "nonce", "timestamp") + BODY,
        BODY + pairs("app_id", "nonce", "timestamp"),
    ],
)
def test_a_body_without_its_name_at_an_end_is_two_slips(canonical: str) -> None:
    expected = ("body_unnamed", "body_last")

    assert [expected] * 2 == [causes(signature=hmac_of(canonical)), causes(canonical=canonical)]


def test_a_body_without_its_name_that_belongs_at_the_end_is_one_slip() -> None:
    made = hmac_of(f"a=1&{BODY}")

    assert ("body_unnamed",) == explain(SCHEME, {"a": "1", "body": BODY}, secrets=(SECRET,), signature=made).hints


def test_what_no_usual_mistake_explains_may_be_another_secret() -> None:
    found = explain(SCHEME, PARAMS, secrets=(SECRET,), signature=hmac_of(text(), "nobody's"))

    assert "the secret may be another one" in str(found)


def test_a_time_in_another_unit_is_no_clock_that_is_wrong() -> None:
    found = explain(SCHEME, PARAMS, secrets=(SECRET,), signature="00", timestamp=f"{NOW}123", now=float(NOW))

    assert "clock " not in str(found)


def test_a_signature_that_a_url_spoiled_is_recognised() -> None:
    scheme = Scheme(output="base64")
    params = next(p for n in range(99) if "+" in signing.sign(scheme, p := {"n": str(n)}, secret=SECRET))
    spoiled = quote(signing.sign(scheme, params, secret=SECRET))
    assert explain(scheme, params, secrets=(SECRET,), signature=spoiled).hints == ("url_encoding",)


def test_the_same_text_with_another_signature_means_another_secret() -> None:
    assert causes(signature=hmac_of(text(), "nobody's"), canonical=text()) == ("wrong_secret",)


def test_the_secret_that_fits_is_named() -> None:
    found = explain(SCHEME, PARAMS, secrets=("new", SECRET), signature=hmac_of(text()))
    assert (1, ()) == (found.secret_index, found.hints)
    assert "fits, with secret 2" in str(found)


@pytest.mark.parametrize(
    ("canonical", "mistake"),
    [
        (text().replace("app_id=", "app_id= "), "stray_space"),
        (text().replace("app_id=", "APP_ID="), "upper_lower_case"),
        (pairs("nonce", "timestamp", "app_id", "body"), "order"),
        ("something=else", "unexplained"),
    ],
)
def test_a_text_that_no_variation_makes_is_compared_without_what_often_differs(canonical: str, mistake: str) -> None:
    assert (mistake,) == causes(canonical=canonical)


def test_the_first_difference_is_shown_with_what_stands_around_it() -> None:
    found = explain(SCHEME, {"a": "1", "b": "22"}, secrets=(SECRET,), canonical="a=1&b=23&c=4")
    assert found.difference is not None
    assert (7, "a=1&b=22", "a=1&b=23&c=4") == (
        found.difference.position,
        found.difference.ours,
        found.difference.theirs,
    )
    longer = explain(SCHEME, {"a": "1"}, secrets=(SECRET,), canonical="a=1\n")
    assert longer.difference is not None
    assert longer.difference.position == 3
    assert "theirs …a=1\\n…" in str(longer)


@pytest.mark.parametrize(
    ("timestamp", "skew", "hints"),
    [
        (str(NOW + 300), 300, ()),
        (str(NOW - 301), -301, ("clock_skew",)),
        (f"{NOW}123", None, ("seconds_milliseconds",)),
        (str(NOW // 1000), None, ("seconds_milliseconds",)),
        ("yesterday", None, ("timestamp_malformed",)),
        ("", None, ()),
    ],
)
def test_the_clocks_are_compared(timestamp: str, skew: float | None, hints: tuple[str, ...]) -> None:
    found = explain(SCHEME, PARAMS, secrets=(SECRET,), signature=hmac_of(text()), timestamp=timestamp, now=float(NOW))
    assert (skew, hints) == (found.skew_seconds, found.hints)


def everything_shown(found: Explanation) -> str:
    return repr(found) + str(found)


def test_a_secret_is_never_shown() -> None:
    theirs = text(APPENDED)
    assert SECRET in theirs
    found = explain(APPENDED, PARAMS, secrets=(SECRET,), signature="wrong", canonical=theirs + "x")
    assert SECRET not in everything_shown(found)
    assert found.ours.endswith("&key=***")


@pytest.mark.parametrize("signature", ["", "é", "\ud800", "=", "0", "a" * 100_000, "%%%", "\x00"])
def test_a_hostile_signature_is_explained_like_any_other(signature: str) -> None:
    expected = ("unexplained",) if signature else ()
    assert expected == causes(signature=signature)


def test_a_body_that_is_no_json_or_holds_half_characters_is_explained_too() -> None:
    for body in ("not json", '{"a":"\\ud800"}', "[" * 5000, "9" * 5000):
        found = explain(SCHEME, {**PARAMS, "body": body}, secrets=(SECRET,), signature="00")
        assert found.hints == ("unexplained",)


def test_every_hint_has_a_text() -> None:
    assert {name for name, _ in (*VARIATIONS, *EXHAUSTIVE)} <= HINTS.keys()


def test_what_was_left_out_is_named() -> None:
    found = explain(SCHEME, PARAMS, secrets=(SECRET,), signature=hmac_of(pairs("app_id", "body", "timestamp")))
    assert "is not signed (nonce) [parameter_left_out]" in str(found)
