import msgspec
import pytest

from jiuwu.platform import signing
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

WECHAT = Scheme(algorithm="md5", secret_place="append_key", output="hex_upper")
WECHAT_PARAMS = {
    "appid": "wxd930ea5d5a258f4f",
    "body": "test",
    "device_info": "1000",
    "mch_id": "10000100",
    "nonce_str": "ibuaiVcKdpRxkhJA",
}
TOP = Scheme(
    algorithm="md5",
    secret_place="both_ends",
    pair_joiner="",
    field_joiner="",
    output="hex_upper",
    timestamp_format="%Y-%m-%d %H:%M:%S",
    tolerance_seconds=600,
)
TOP_PARAMS = {
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
PINDUODUO = msgspec.structs.replace(TOP, timestamp_format="seconds")
PINDUODUO_PARAMS = {
    "access_token": "asd78172s8ds9a921j9qqwda12312w1w21211",
    "client_id": "1",
    "data_type": "XML",
    "type": "pdd.order.number.list.get",
    "timestamp": "1480411125",
    "order_status": "1",
    "page": "1",
    "page_size": "10",
}
VECTORS = [
    pytest.param(Scheme(), PARAMS, SECRET, SIGNATURE, id="our contract"),
    # 微信支付 API v2 开发文档, 安全规范, 签名算法: its example, both sign types
    pytest.param(
        WECHAT,
        WECHAT_PARAMS,
        "192006250b4c09247ec02edce69f6a2d",
        "9A0A8659F005D6984697E2CA0A9CF3B7",
        id="WeChat Pay v2 MD5",
    ),
    pytest.param(
        msgspec.structs.replace(WECHAT, algorithm="hmac-sha256"),
        WECHAT_PARAMS,
        "192006250b4c09247ec02edce69f6a2d",
        "6A9AE1657590FD6257D693A078E1C3E4BB6BA4DC30B23E0EE2496E54170DACD6",
        id="WeChat Pay v2 HMAC-SHA256",
    ),
    # 淘宝开放平台文档中心, API调用方法详解 (articleId 101617), 签名算法: its example
    pytest.param(TOP, TOP_PARAMS, "helloworld", "66987CB115214E59E6EC978214934FB8", id="Taobao TOP md5"),
    # 拼多多开放平台, API调用指南, 签名算法 and 调用示例 (pdd.order.number.list.get): its example
    pytest.param(PINDUODUO, PINDUODUO_PARAMS, "testSecret", "E4DE3ED21002510DED352819E7AE6775", id="Pinduoduo md5"),
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
        signing.verify(WECHAT, PARAMS, "", secrets=("",))


def test_a_plain_digest_without_a_secret_in_the_text_is_refused() -> None:
    with pytest.raises(SchemeRefused, match="secret_place: a plain digest has no key"):
        Scheme(algorithm="sha256")
