import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from jiuwu.aws import secrets
from jiuwu.aws.secrets import AppSecrets, SecretMalformed, SecretReader, SecretUnavailable
from jiuwu.runtime import Runtime

REFUSED = ClientError({"Error": {"Code": "ThrottlingException", "Message": "hunter2"}}, "GetSecretValue")
FAULTS = [REFUSED, EndpointConnectionError(endpoint_url="https://hunter2")]


class FakeSecretsManager:
    def __init__(self, text: str) -> None:
        self.text = text
        self.fault: Exception | None = None
        self.calls = 0

    def get_secret_value(self, SecretId: str) -> dict[str, Any]:  # noqa: N803 -- AWS's name
        self.calls += 1
        if self.fault:
            raise self.fault
        return {"Name": SecretId, "SecretString": self.text}


def kept(text: str) -> Any:
    return FakeSecretsManager(text)


class Reading:
    """A reader on a clock of its own, and what it says of failures."""

    def __init__(self, text: str = '{"current": "old"}') -> None:
        self.now, self.source = 0.0, kept(text)
        self.failures: list[tuple[str, bool]] = []
        self.read = SecretReader(
            self.source, "name", on_failure=self._note, runtime=Runtime(monotonic=lambda: self.now)
        )

    def _note(self, problem: SecretUnavailable, *, has_good: bool) -> None:
        self.failures.append((str(problem), has_good))


def test_current_comes_before_previous() -> None:
    reader = SecretReader(kept(json.dumps({"current": "new", "previous": "old"})), "name")
    assert reader().all == ("new", "old")


@pytest.mark.parametrize(
    "text",
    ['{"current": "new"}', '{"current": "new", "previous": ""}', '{"current":"new","x":1}', ' {"current": "new"}\n'],
)
def test_outside_a_rotation_there_is_one_secret(text: str) -> None:
    assert SecretReader(kept(text), "name")().all == ("new",)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "hunter2", "[]", "{}", "null", '"hunter2"', '{"current": 1}', '{"current": null}'),
        *(
            '{"current": ""}',
            '{"previous": "hunter2"}',
            '{"current": ["hunter2"]}',
            '{"current": "hunter2", "previous": 7}',
        ),
        *(
            '\ufeff{"current": "hunter2"}',
            '{"current": "hunter2"',
            "{'current': 'hunter2'}",
            '{"current": "\ud83d"}',
            None,
        ),
        "[" * 100_000,
    ],
    ids=lambda text: repr(text)[:40],
)
def test_a_malformed_secret_is_named_and_not_shown(text: Any) -> None:
    with pytest.raises(SecretMalformed, match="secret name: ") as refused:
        SecretReader(kept(text), "name")()
    assert "hunter2" not in str(refused.value)


# What copying, editors and shells bring along, by its escape: it would be part of the key, and no signature would fit.
BROUGHT_ALONG = [
    " ",
    "\n",
    "\r\n",
    "\t",
    "\u00a0",
    "\u3000",
    "\ufeff",
    "\u200b",
    "\u200d",
    "\u2060",
    "\u202e",
    "\x00",
    "ａ",
    "é",
]


@pytest.mark.parametrize("field", ["current", "previous"])
@pytest.mark.parametrize("extra", BROUGHT_ALONG, ids=ascii)
@pytest.mark.parametrize("form", ["{}hunter2", "hunter2{}", "hun{}ter2"], ids=["before", "after", "within"])
def test_what_does_not_belong_in_a_secret_is_refused_by_field(field: str, extra: str, form: str) -> None:
    value = {"current": "fine"} | {field: form.format(extra)}

    with pytest.raises(SecretMalformed, match=f"secret name: field {field} ") as refused:
        SecretReader(kept(json.dumps(value)), "name")()

    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("extra", BROUGHT_ALONG[:-2], ids=ascii)
def test_a_secret_of_nothing_to_see_is_refused(extra: str) -> None:
    with pytest.raises(SecretMalformed, match="field current"):
        SecretReader(kept(json.dumps({"current": extra})), "name")()


@pytest.mark.parametrize(("characters", "taken"), [(31, False), (32, True), (256, True), (257, False)])
def test_a_secret_is_as_long_as_its_reader_wants(characters: int, taken: bool) -> None:
    reader = SecretReader(kept(json.dumps({"current": "k" * characters})), "name", minimum=32, maximum=256)
    if taken:
        assert "k" * characters == reader().current
    else:
        with pytest.raises(SecretMalformed, match="secret name: field current must have 32 to 256 characters"):
            reader()


def test_a_rotated_secret_is_known_after_five_minutes() -> None:
    reading = Reading()
    assert reading.read().current == "old"
    reading.source.text = '{"current": "new", "previous": "old"}'
    reading.now = 299.0
    assert reading.read().current == "old"
    assert reading.source.calls == 1
    reading.now = 301.0
    assert reading.read().current == "new"


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_the_last_good_secret_serves_on_while_secrets_manager_fails(fault: Exception) -> None:
    reading = Reading()
    reading.read()
    reading.source.fault = fault
    for reading.now in (301.0, 1000.0, 100_000.0):
        assert "old" == reading.read().current
    assert 3 == len(reading.failures)
    assert all(has_good for _, has_good in reading.failures)
    reading.source.fault, reading.source.text = None, '{"current": "new"}'
    reading.now += 61
    assert "new" == reading.read().current


@pytest.mark.parametrize("text", ["", "hunter2", '{"current": "hunter2\\n"}', '\ufeff{"current": "x"}', None])
def test_the_last_good_secret_serves_on_while_the_new_one_is_malformed(text: Any) -> None:
    reading = Reading()
    reading.read()
    reading.source.text, reading.now = text, 301.0
    assert "old" == reading.read().current
    assert [True] == [has_good for _, has_good in reading.failures]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_without_any_good_secret_the_secret_is_named_and_the_fault_by_its_kind(fault: Exception) -> None:
    reading = Reading()
    reading.source.fault = fault
    with pytest.raises(SecretUnavailable, match="secret name: cannot be read: ") as refused:
        reading.read()
    assert "hunter2" not in str(refused.value)
    assert [False] == [has_good for _, has_good in reading.failures]


def test_a_failed_read_is_not_repeated_by_every_request() -> None:
    reading = Reading()
    reading.read()
    reading.source.fault = REFUSED
    for reading.now in (301.0, 302.0, 330.0, 360.0, 362.0):
        reading.read()
    assert 1 + 2 == reading.source.calls


def test_without_any_good_secret_reads_come_ever_later_until_one_succeeds() -> None:
    reading = Reading()
    reading.source.fault = REFUSED
    reads = []
    for second in range(301):
        reading.now, before = float(second), reading.source.calls
        with pytest.raises(SecretUnavailable, match="secret name"):
            reading.read()
        reads += [second] if reading.source.calls > before else []
    assert [0, 1, 3, 7, 15, 31, 63, 123, 183, 243] == reads
    reading.source.fault, reading.now = None, 303.0
    assert "old" == reading.read().current


def test_a_failed_read_is_counted_and_logged_without_the_secret(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    secrets.count_failure(SecretMalformed("secret name: field current is empty"), has_good=True)
    assert '"SecretReadFailures":[1.0]' in capsys.readouterr().out
    assert ("secret name: field current is empty", "last_good") == (
        vars(caplog.records[0])["problem"],
        vars(caplog.records[0])["serving"],
    )


def test_secrets_do_not_print() -> None:
    assert "hunter2" not in repr(AppSecrets(current="hunter2", previous="hunter2"))
