import hashlib
import hmac
from base64 import b64encode
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiuwu.platform import signing
from jiuwu.platform.profile import load
from jiuwu.platform.signing import BadSignature, Scheme, SchemeRefused

SECRET = "s3cr3t-of-the-app"
PARAMS = {
    "app_id": "jw_demo",
    "timestamp": "1763800000",
    "nonce": "n-0001",
    "event_id": "evt_1",
    "body": '{"event_id":"evt_1","title":"一杯茶"}',
    "access_token": "",
    "sign": "not part of it",
}
# Checked with: printf %s CANONICAL | openssl dgst -sha256 -hmac s3cr3t-of-the-app
SIGNATURE = "cefa66ecb1df38daa22253e6340a495b368be0d121b487428cf1a65991029e49"

WECHAT_KEY = "192006250b4c09247ec02edce69f6a2d"
WECHAT = {
    "appid": "wxd930ea5d5a258f4f",
    "body": "test",
    "device_info": "1000",
    "mch_id": "10000100",
    "nonce_str": "ibuaiVcKdpRxkhJA",
}
TOP = {
    "method": "taobao.item.seller.get",
    "app_key": "12345678",
    "session": "test",
    "timestamp": "2016-01-01 12:00:00",
    "format": "json",
    "v": "2.0",
    "sign_method": "md5",
    "fields": "num_iid,title,nick,price,num",
    "num_iid": "11223344",
}
PINDUODUO = {
    "access_token": "asd78172s8ds9a921j9qqwda12312w1w21211",
    "client_id": "1",
    "data_type": "XML",
    "type": "pdd.order.number.list.get",
    "timestamp": "1480411125",
    "order_status": "1",
    "page": "1",
    "page_size": "10",
}


def published(name: str) -> Scheme:
    """Another platform's scheme: a profile that differs from ours in a few lines; its document stands there."""
    return load(name, directory=Path(__file__).parents[1] / "profiles").signing


VECTORS = [
    pytest.param(Scheme(), PARAMS, SECRET, SIGNATURE, id="our contract"),
    # The example of the document's section 签名算法, for both sign types.
    pytest.param(
        published("wechat_pay_v2"),
        WECHAT,
        WECHAT_KEY,
        "9A0A8659F005D6984697E2CA0A9CF3B7",
        id="WeChat Pay v2 MD5",
    ),
    pytest.param(
        published("wechat_pay_v2_hmac"),
        WECHAT,
        WECHAT_KEY,
        "6A9AE1657590FD6257D693A078E1C3E4BB6BA4DC30B23E0EE2496E54170DACD6",
        id="WeChat Pay v2 HMAC-SHA256",
    ),
    # The example of the document's section 签名算法.
    pytest.param(published("taobao_top"), TOP, "helloworld", "66987CB115214E59E6EC978214934FB8", id="Taobao TOP md5"),
    # The document publishes no example for hmac. Names and values run together there, so RFC 2202 (2., case 1) and
    # RFC 4231 (4.2) have "Hi There" as one pair and prove the keyed digests as published.
    pytest.param(
        published("taobao_top_hmac"),
        {"Hi": " There"},
        "\x0b" * 16,
        "9294727A3638BB1C13F48EF8158BFC9D",
        id="Taobao TOP hmac, by RFC 2202",
    ),
    pytest.param(
        Scheme(algorithm="hmac-sha1", pair_joiner=""),
        {"Hi": " There"},
        "\x0b" * 20,
        "b617318655057264e28bc0b6fb378c8ef146be00",
        id="HMAC-SHA1, by RFC 2202",
    ),
    pytest.param(
        Scheme(pair_joiner="", output="base64"),
        {"Hi": " There"},
        "\x0b" * 20,
        "sDRMYdjbOFNcqK/OrwvxK4gdwgDJgz2nJuk3bC4yz/c=",
        id="HMAC-SHA256 in Base64, by RFC 4231",
    ),
    # The example of the document's section 调用示例.
    pytest.param(
        published("pinduoduo"), PINDUODUO, "testSecret", "E4DE3ED21002510DED352819E7AE6775", id="Pinduoduo md5"
    ),
]


@pytest.mark.parametrize(("scheme", "params", "secret", "signature"), VECTORS)
def test_published_vectors(scheme: Scheme, params: dict[str, str], secret: str, signature: str) -> None:
    assert signature == signing.sign(scheme, params, secret=secret)
    assert signing.verify(scheme, params, signature, secrets=(secret,)) == 0


def test_canonical_string_is_sorted_raw_without_empty_values_and_without_sign() -> None:
    expected = (
        'app_id=jw_demo&body={"event_id":"evt_1","title":"一杯茶"}&event_id=evt_1&nonce=n-0001&timestamp=1763800000'
    )
    assert expected == signing.canonical_string(Scheme(), PARAMS, secret=SECRET)


def test_the_index_tells_which_secret_matched() -> None:
    assert signing.verify(Scheme(), PARAMS, SIGNATURE, secrets=("new", SECRET)) == 1


@pytest.mark.parametrize(
    "signature",
    [
        "", " ", SIGNATURE.upper(), SIGNATURE + " ", SIGNATURE[:-1], "签名", "\ud800", "é" * 64, "=" * 64, "zz",
        "\x00" * 64, None, 5, b"bytes", ["list"], "A" * 1_000_000,
    ],
)  # fmt: skip
def test_whatever_is_not_the_signature_is_a_bad_signature(signature: object) -> None:
    with pytest.raises(BadSignature):
        signing.verify(Scheme(), PARAMS, signature, secrets=(SECRET,))  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [None, 5, b"bytes", "\ud800"])
def test_a_hostile_parameter_is_a_bad_signature(value: object) -> None:
    for scheme in (Scheme(), Scheme(encoding="url")):
        with pytest.raises(BadSignature):
            signing.verify(scheme, {**PARAMS, "nonce": value}, SIGNATURE, secrets=(SECRET,))  # type: ignore[dict-item]


def test_an_empty_secret_never_matches_and_never_signs() -> None:
    with pytest.raises(ValueError, match="the secret is empty"):
        signing.sign(Scheme(), PARAMS, secret="")
    with pytest.raises(BadSignature):
        signing.verify(published("wechat_pay_v2"), PARAMS, "", secrets=("",))
    anybodys = hmac.digest(b"", signing.canonical_string(Scheme(), PARAMS, secret="").encode(), "sha256").hex()
    with pytest.raises(BadSignature):
        signing.verify(Scheme(), PARAMS, anybodys, secrets=("",))


def test_a_plain_digest_without_a_secret_in_the_text_is_refused() -> None:
    with pytest.raises(SchemeRefused, match="secret_place: a plain digest has no key"):
        Scheme(algorithm="sha256")


@pytest.mark.parametrize("seconds", [-1, 0, 3601])
def test_a_tolerance_of_nothing_or_more_than_an_hour_is_refused(seconds: int) -> None:
    with pytest.raises(SchemeRefused, match="tolerance_seconds: must be above 0 and at most 3600"):
        Scheme(tolerance_seconds=seconds)
    assert (1, 3600) == tuple(Scheme(tolerance_seconds=allowed).tolerance_seconds for allowed in (1, 3600))


@pytest.mark.parametrize("hours", [-24, 24])
def test_a_zone_of_a_whole_day_is_refused(hours: float) -> None:
    with pytest.raises(SchemeRefused, match="timestamp_zone_hours: is no time zone"):
        Scheme(timestamp_zone_hours=hours)
    assert hours * 0.99 == Scheme(timestamp_zone_hours=hours * 0.99).timestamp_zone_hours


@pytest.mark.parametrize("pattern", ["%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %I:%M:%S", "no time"])
def test_a_time_format_that_loses_part_of_the_time_is_refused(pattern: str) -> None:
    with pytest.raises(SchemeRefused, match="timestamp_format: does not write a time that can be read back"):
        Scheme(timestamp_format=pattern)


def test_a_time_may_have_sixteen_digits() -> None:
    assert 1_111_111_111_111_111 == signing.parse_timestamp(Scheme(), "1" * 16)


@pytest.mark.parametrize(
    ("scheme", "expected"),
    [
        (Scheme(drop_empty=False), "a=1 +茶&b=&path=/x"),
        (Scheme(excluded=("a",)), "path=/x&sign=s"),
        (Scheme(excluded=()), "a=1 +茶&path=/x&sign=s"),
        (Scheme(encoding="url"), "a=1%20%2B%E8%8C%B6&path=%2Fx"),
        (Scheme(include_path=True), "/ordersa=1 +茶&path=/x"),
        (Scheme(pair_joiner="", field_joiner=""), "a1 +茶path/x"),
        (Scheme(secret_place="append"), "a=1 +茶&path=/xkey"),
        (Scheme(secret_place="append_key", append_name="secret"), "a=1 +茶&path=/x&secret=key"),
        (Scheme(secret_place="both_ends"), "keya=1 +茶&path=/xkey"),
    ],
)
def test_every_field_of_the_scheme_shows_in_the_canonical_string(scheme: Scheme, expected: str) -> None:
    params = {"sign": "s", "path": "/x", "b": "", "a": "1 +茶"}
    assert expected == signing.canonical_string(scheme, params, secret="key", path="/orders")


def test_names_are_sorted_by_their_bytes() -> None:
    params = {"b": "1", "a": "1", "B": "1", "_": "1", "é": "1", "a1": "1", "\U0001f375": "1", "\uffee": "1"}
    expected = sorted(params, key=str.encode)
    assert "&".join(f"{name}=1" for name in expected) == signing.canonical_string(Scheme(), params, secret="")


@pytest.mark.parametrize(
    ("scheme", "text"),
    [
        (Scheme(), "1763800000"),
        (Scheme(timestamp_format="milliseconds"), "1763800000000"),
        (published("taobao_top"), "2025-11-22 16:26:40"),
        (Scheme(timestamp_format="%Y%m%d%H%M%S", timestamp_zone_hours=0), "20251122082640"),
        (Scheme(timestamp_format="%Y-%m-%dT%H:%M:%SZ", timestamp_zone_hours=0), "2025-11-22T08:26:40Z"),
        (Scheme(timestamp_format="%Y-%m-%dT%H:%M:%S%z"), "2025-11-22T16:26:40+0800"),
    ],
)
def test_a_time_is_written_and_read_as_the_scheme_says(scheme: Scheme, text: str) -> None:
    assert text == signing.format_timestamp(scheme, 1_763_800_000)
    assert signing.parse_timestamp(scheme, text) == 1_763_800_000


def test_a_time_that_names_its_zone_is_in_that_one() -> None:
    scheme = Scheme(timestamp_format="%Y-%m-%dT%H:%M:%S%z")
    for text in ("2025-11-22T08:26:40+0000", "2025-11-22T08:26:40Z", "2025-11-22T03:26:40-05:00"):
        assert signing.parse_timestamp(scheme, text) == 1_763_800_000
    for text in ("0001-01-01T00:00:00+2359", "9999-12-31T23:59:59-2359"):
        assert abs(signing.parse_timestamp(scheme, text)) > 6e10


@pytest.mark.parametrize("text", ["", " ", "-1", "+1", "1.0", "1e9", "1_000", "１", "²", "0x1", "9" * 17, "\ud800"])
def test_what_is_no_time_is_a_value_error(text: str) -> None:
    for scheme in (Scheme(), Scheme(timestamp_format="milliseconds"), published("taobao_top")):
        with pytest.raises(ValueError, match=r"."):
            signing.parse_timestamp(scheme, text)


def test_the_first_and_last_years_are_times_or_value_errors() -> None:
    for zone in (-12.0, 14.0):
        scheme = Scheme(timestamp_format="%Y-%m-%d %H:%M:%S", timestamp_zone_hours=zone)
        for text in ("0001-01-01 00:00:00", "9999-12-31 23:59:59"):
            assert abs(signing.parse_timestamp(scheme, text)) > 6e10


def test_hmac_sm3_is_rfc_2104_over_sm3() -> None:
    if "sm3" not in hashlib.algorithms_available:
        pytest.skip("this OpenSSL has no SM3")
    # GB/T 32905-2016, A.1: the digest of "abc"
    assert hashlib.new("sm3", b"abc").hexdigest() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    key, message = b"k".ljust(64, b"\0"), b"a=1"
    inner = hashlib.new("sm3", bytes(byte ^ 0x36 for byte in key) + message).digest()
    expected = hashlib.new("sm3", bytes(byte ^ 0x5C for byte in key) + inner).hexdigest()
    assert expected == signing.sign(Scheme(algorithm="hmac-sm3"), {"a": "1"}, secret="k")


def test_an_algorithm_that_openssl_lacks_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_sm3(key: bytes, message: bytes, name: str) -> bytes:
        raise ValueError(f"unsupported hash type {name}")

    # there is no other way to have an OpenSSL without SM3 in one process
    monkeypatch.setattr("hmac.digest", without_sm3)
    with pytest.raises(SchemeRefused, match="algorithm: this Python's OpenSSL does not offer hmac-sm3"):
        Scheme(algorithm="hmac-sm3")


# A busy machine is slow, not wrong.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SCHEMES = st.builds(
    Scheme,
    algorithm=st.sampled_from([name for name in get_args(signing.Algorithm) if name != "hmac-sm3"]),
    secret_place=st.sampled_from([place for place in get_args(signing.SecretPlace) if place != "key"]),
    output=st.sampled_from(get_args(signing.Output)),
    encoding=st.sampled_from(["raw", "url"]),
    drop_empty=st.booleans(),
)


@given(scheme=SCHEMES, params=st.dictionaries(TEXT, TEXT, max_size=6), secret=TEXT.filter(bool))
def test_what_is_signed_verifies_under_every_scheme(scheme: Scheme, params: dict[str, str], secret: str) -> None:
    signature = signing.sign(scheme, params, secret=secret)
    assert signing.verify(scheme, params, signature, secrets=("another one", secret)) == 1 or secret == "another one"


@given(scheme=SCHEMES, params=st.dictionaries(TEXT, TEXT, max_size=6), value=TEXT.filter(bool))
def test_a_changed_value_never_verifies(scheme: Scheme, params: dict[str, str], value: str) -> None:
    signature = signing.sign(scheme, {**params, "amount": value}, secret="key")
    with pytest.raises(BadSignature):
        signing.verify(scheme, {**params, "amount": value + "0"}, signature, secrets=("key",))


@given(signature=st.text() | st.binary().map(lambda raw: b64encode(raw).decode()))
def test_junk_never_verifies_and_never_breaks(signature: str) -> None:
    with pytest.raises(BadSignature):
        signing.verify(Scheme(), PARAMS, signature, secrets=(SECRET,))


def test_a_scheme_is_our_contracts_unless_it_says_otherwise() -> None:
    assert Scheme(drop_empty=True, include_path=False, timestamp_zone_hours=8.0, tolerance_seconds=300) == Scheme()


@pytest.mark.parametrize(
    "pattern",
    [
        "%Y-%m-%d %I:%M:%S",  # the evening is read as the morning
        "%y-%m-%dT%H:%M",  # no seconds
        "%Y-%m-%d %H:%M:00",
        "%Y-%m-%d %H:%M:59",
    ],
)
def test_a_time_format_that_reads_back_another_time_is_refused(pattern: str) -> None:
    with pytest.raises(SchemeRefused, match="timestamp_format: does not write a time that can be read back"):
        Scheme(timestamp_format=pattern)


@pytest.mark.parametrize(("params", "signature"), [({"a": "\ud800"}, "x"), ({"a": "1"}, "\ud800")])
def test_half_a_character_is_a_bad_signature_that_says_so(params: dict[str, str], signature: str) -> None:
    with pytest.raises(BadSignature, match="a parameter or the signature is not valid Unicode"):
        signing.verify(Scheme(encoding="url"), params, signature, secrets=["s"])
