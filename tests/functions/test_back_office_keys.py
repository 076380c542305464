"""Keys at the merchant's door: long enough, and wrong ones counted and slowed down by source."""

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any
from uuid import uuid4

import pytest

from tests.functions.both_sides import Sides
from tests.functions.storefront_rig import Answer
from tests.functions.test_back_office import EVENT, KEY, Merchant, back_office

__all__ = ["back_office"]  # a fixture

STRANGER, SERVER = "203.0.113.9", "198.51.100.23"


@pytest.fixture
def office(back_office: ModuleType, sides: Sides, limits_table: str) -> Merchant:
    sides.names["LIMITS_TABLE"] = limits_table
    return Merchant(back_office, sides)


def look(office: Merchant, key: str, source: str) -> Answer:
    http = EVENT["requestContext"]["http"] | {"method": "GET", "path": "/merchant/orders/JW1", "sourceIp": source}
    context = EVENT["requestContext"] | {"http": http}
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return office.send(EVENT | {"rawPath": "/merchant/orders/JW1", "requestContext": context, "headers": headers})


def test_a_stranger_who_guesses_is_slowed_and_the_merchants_server_is_not(office: Merchant) -> None:
    guesses = [look(office, f"guess-{number}", STRANGER) for number in range(13)]

    assert [401] * 10 + [429] * 3 == [answer.status for answer in guesses]
    assert ("too_many_wrong_keys", "10") == (guesses[-1].body["reason"], guesses[-1].headers["Retry-After"])
    assert (404, "order_unknown") == ((answer := look(office, KEY, SERVER)).status, answer.body["reason"])


def test_a_guess_that_fits_is_not_looked_at_while_its_source_waits(office: Merchant) -> None:
    for number in range(11):
        look(office, f"guess-{number}", STRANGER)

    assert 429 == look(office, KEY, STRANGER).status


def test_the_wait_ends(office: Merchant, sides: Sides) -> None:
    for number in range(11):
        look(office, f"guess-{number}", STRANGER)
    sides.now += 11

    assert (404, 404) == (look(office, KEY, STRANGER).status, look(office, KEY, STRANGER).status)


def test_right_keys_are_never_counted(office: Merchant, capsys: pytest.CaptureFixture[str]) -> None:
    assert {404} == {look(office, KEY, SERVER).status for _ in range(30)}
    assert "MerchantKeyFailures" not in capsys.readouterr().out


def test_who_brings_no_key_is_refused_and_not_counted(office: Merchant, capsys: pytest.CaptureFixture[str]) -> None:
    assert {401} == {look(office, "", STRANGER).status for _ in range(30)}
    assert "MerchantKeyFailures" not in capsys.readouterr().out


def test_wrong_keys_are_counted_and_neither_key_nor_address_is_logged(
    office: Merchant, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(12):
        look(office, f"guess-{number}", STRANGER)

    captured = capsys.readouterr().out
    assert 12 == captured.count('"MerchantKeyFailures":[1.0]')
    assert not [secret for secret in ("guess-", STRANGER, KEY) if secret in captured]


def test_the_table_holds_neither_key_nor_address(office: Merchant, sides: Sides) -> None:
    look(office, "guess-1", STRANGER)

    items = json.dumps(sides.dynamodb.scan(TableName=sides.names["LIMITS_TABLE"])["Items"])
    assert "wrong_keys#" in items
    assert not [secret for secret in ("guess-", STRANGER, KEY) if secret in items]


@pytest.mark.parametrize(("key", "status"), [("k" * 31, 503), ("k" * 32, 404), ("k" * 256, 404), ("k" * 257, 503)])
def test_a_merchant_key_of_less_than_32_characters_opens_nothing(
    back_office: ModuleType, sides: Sides, aws: Callable[[str], Any], key: str, status: int
) -> None:
    name = aws("secretsmanager").create_secret(Name=f"k-{uuid4().hex}", SecretString=json.dumps({"current": key}))
    sides.names["MERCHANT_KEY_NAME"] = name["Name"]

    answer = look(Merchant(back_office, sides), key[:256], SERVER)

    assert status == answer.status
    assert (status == 503) == (answer.body["reason"] == "secret_unavailable")
