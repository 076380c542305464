import json
from typing import Any

import pytest

from jiuwu.aws.secrets import AppSecrets, SecretMalformed, SecretReader


class FakeSecretsManager:
    def __init__(self, text: str) -> None:
        self.text = text
        self.calls = 0

    def get_secret_value(self, SecretId: str) -> dict[str, Any]:  # noqa: N803 -- AWS's name
        self.calls += 1
        return {"Name": SecretId, "SecretString": self.text}


def kept(text: str) -> Any:
    return FakeSecretsManager(text)


def test_current_comes_before_previous() -> None:
    reader = SecretReader(kept(json.dumps({"current": "new", "previous": "old"})), "name")
    assert reader().all == ("new", "old")


@pytest.mark.parametrize(
    "text", ['{"current": "new"}', '{"current": "new", "previous": ""}', '{"current":"new","x":1}']
)
def test_outside_a_rotation_there_is_one_secret(text: str) -> None:
    assert SecretReader(kept(text), "name")().all == ("new",)


@pytest.mark.parametrize(
    "text", ["", "hunter2", "[]", "{}", '{"current": 1}', '{"current": ""}', '{"previous": "hunter2"}']
)
def test_a_malformed_secret_is_named_and_not_shown(text: str) -> None:
    with pytest.raises(SecretMalformed, match="secret name: ") as refused:
        SecretReader(kept(text), "name")()
    assert "hunter2" not in str(refused.value)


def test_a_rotated_secret_is_known_after_five_minutes() -> None:
    now = 0.0
    fake = kept('{"current": "old"}')
    reader = SecretReader(fake, "name", clock=lambda: now)
    assert reader().current == "old"
    fake.text = '{"current": "new", "previous": "old"}'
    assert reader().current == "old"
    assert fake.calls == 1
    now = 301.0
    assert reader().current == "new"


def test_secrets_do_not_print() -> None:
    assert "hunter2" not in repr(AppSecrets(current="hunter2", previous="hunter2"))
