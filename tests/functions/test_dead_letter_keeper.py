"""DeadLetterKeeper against the local AWS: each message given up becomes one dead letter, or stays where it is."""

import json
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from jiuwu.aws.settings import SettingsError, load
from jiuwu.dead_letters.dead_letter import DeadLetter
from jiuwu.dead_letters.failed_message import FailedMessage, Kind
from jiuwu.dead_letters.repository import DeadLetterRepository
from jiuwu.runtime import Runtime
from tests.dead_letters.failed_messages import NOW, ORDER_NO, PAID, a_failed_message, given_up
from tests.functions.trade_messages import ENVIRONMENT, CapturedTelemetry, batch, capture_telemetry, failed

QUEUES = {
    "orders": "OrderQueue",
    "effects": "EffectQueue",
    "community": "CommunityQueue",
    "quarantine": "WebhookIntake",
}
ARN = "arn:aws:sqs:eu-west-1:1:"


class Desk:
    """The function on a table of its own."""

    def __init__(self, app: ModuleType, environment: dict[str, str], captured: CapturedTelemetry) -> None:
        self.app, self.environment, self.captured = app, environment, captured
        self.dependencies = app.build(load(app.Settings, environment), Runtime(clock=lambda: NOW + 0.9))
        self.repository: DeadLetterRepository = self.dependencies.repository

    def handle(self, *records: dict[str, Any], **changes: Any) -> list[str]:
        return failed(self.app.handle(self.dependencies._replace(**changes), batch(*records)))

    @property
    def dead_letters(self) -> list[DeadLetter]:
        return [dead_letter for kind in Kind for dead_letter in self.repository.of_kind(kind)]


@pytest.fixture
def environment(dead_letters_table: str) -> dict[str, str]:
    names = ("JIUWU_PROFILE", "PLATFORM_URL", "APP_ID")
    return {name: ENVIRONMENT[name] for name in names} | {
        "APP_SECRET_NAME": "unused",
        "DEAD_LETTERS_TABLE": dead_letters_table,
        "ORDER_DEAD_LETTERS_ARN": f"{ARN}orders",
        "EFFECT_DEAD_LETTERS_ARN": f"{ARN}effects",
        "COMMUNITY_DEAD_LETTERS_ARN": f"{ARN}community",
        "QUARANTINE_ARN": f"{ARN}quarantine",
    }


@pytest.fixture
def desk(
    load_function: Callable[..., ModuleType], environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> Desk:
    return Desk(load_function("dead_letter_keeper", **environment), environment, capture_telemetry(capsys))


def test_the_example_event_becomes_a_dead_letter(
    load_function: Callable[..., ModuleType], environment: dict[str, str], project: Path
) -> None:
    event = json.loads((project / "events" / "dead_letter_keeper.json").read_text())
    arn = event["Records"][0]["eventSourceARN"]
    function = load_function("dead_letter_keeper", **environment)
    dependencies = function.build(load(function.Settings, environment | {"ORDER_DEAD_LETTERS_ARN": arn}))

    assert {"batchItemFailures": []} == function.handle(dependencies, event)
    (dead_letter,) = dependencies.repository.about(ORDER_NO)
    assert (Kind.QUARANTINED, "OrderQueue", "evt_20251122_000002") == (
        dead_letter.kind,
        dead_letter.source,
        dead_letter.event_id,
    )


def test_each_kind_is_kept_whole_and_counted_apart(desk: Desk) -> None:
    poison = given_up(message="m-1", kind="poison", reason="order_unknown: n", delivery_id="d-1", headers='{"a":"b"}')
    exhausted = given_up('{"order_no":"JW1"}', message="m-2", queue="effects", event_id="", event_type="", received=6)
    quarantined = given_up("ew==", message="m-3", queue="quarantine", kind="quarantined", encoding="base64")

    assert [] == desk.handle(poison, exhausted, quarantined)

    found = [desk.repository.get(dead_letter.dead_letter_id) for dead_letter in desk.dead_letters]
    kept = {dead_letter.kind: dead_letter for dead_letter in found if dead_letter}
    bodies = {kind: dead_letter.body for kind, dead_letter in kept.items()}
    assert {"poison": PAID.encode(), "exhausted": b'{"order_no":"JW1"}', "quarantined": b"{"} == bodies
    assert ("d-1", '{"a":"b"}') == (kept[Kind.POISON].delivery_id, kept[Kind.POISON].headers)
    assert {"poison": 1, "exhausted": 1, "quarantined": 1} == desk.captured.counted("DeadLetters")


def test_a_message_delivered_again_changes_nothing(desk: Desk) -> None:
    record = given_up(kind="poison", attempts="1")

    desk.handle(record)
    before = desk.dead_letters
    desk.handle(record, record, runtime=Runtime(clock=lambda: NOW + 99))

    assert before == desk.dead_letters
    assert (1, 1) == (before[0].failures, before[0].attempts)


def test_the_same_thing_given_up_again_is_found_under_one_id_with_its_history(desk: Desk) -> None:
    desk.handle(given_up(message="m-1", received=6))
    desk.handle(given_up(message="m-2", received=6), runtime=Runtime(clock=lambda: NOW + 600))

    (dead_letter,) = desk.dead_letters
    assert (2, 10, 1_763_800_000, NOW + 600) == (
        dead_letter.failures,
        dead_letter.attempts,
        dead_letter.first_at,
        dead_letter.last_at,
    )
    assert [dead_letter] == list(desk.repository.about(ORDER_NO))


def test_two_keepers_at_once_lose_no_failure(desk: Desk) -> None:
    records = [given_up(message=f"m-{n}", received=6) for n in range(4)]

    with ThreadPoolExecutor(4) as keepers:
        again = [record for kept in keepers.map(desk.handle, records) for record in kept]
    while again:  # as the queue would
        again = desk.handle(*(record for record in records if record["messageId"] in again))

    (dead_letter,) = desk.dead_letters
    assert (4, 20) == (dead_letter.failures, dead_letter.attempts)


class Overtaken(DeadLetterRepository):
    """A table in which another failure of the same message is kept just after the dead letter is read."""

    def __init__(self, dynamodb: Any, table: str, other: FailedMessage) -> None:
        super().__init__(dynamodb, table)
        self.others = [other]
        self.beside = DeadLetterRepository(dynamodb, table)

    def get(self, id_: str) -> DeadLetter | None:
        found = super().get(id_)
        if self.others:
            self.beside.keep(self.others.pop())
        return found


def test_a_failure_kept_between_reading_and_writing_is_not_lost(desk: Desk, aws: Callable[[str], Any]) -> None:
    desk.handle(given_up(message="m-1", received=6))
    table = desk.environment["DEAD_LETTERS_TABLE"]

    overtaken = Overtaken(aws("dynamodb"), table, a_failed_message(message="m-2", received=6))
    assert [] == desk.handle(given_up(message="m-3", received=6), repository=overtaken)

    (dead_letter,) = desk.dead_letters
    assert (3, 15) == (dead_letter.failures, dead_letter.attempts)


def test_a_redrive_noted_at_the_same_instant_is_not_written_over(desk: Desk) -> None:
    desk.handle(given_up(message="m-1"))
    (dead_letter,) = desk.dead_letters
    desk.repository.redriven(dead_letter, as_="redrive-1", at=NOW)
    assert ["redriven"] == [found.state for found in desk.dead_letters]

    desk.handle(given_up(message="m-2", redriven_from=dead_letter.dead_letter_id, delivery_id="redrive-1"))

    (again,) = desk.dead_letters
    assert ("failed again", "redrive-1", 2) == (again.state, again.redriven_as, again.failures)
    assert "failed again" == desk.captured.about("dead letter")[-1]["state"]


@pytest.mark.parametrize("body", [" ", "{", "null", "[]", '"x"', "\x7f", '{"data": []}', "茶" * 80_000])
@pytest.mark.parametrize("queue", [*QUEUES, "another"])
def test_whatever_lies_in_a_dead_letter_queue_is_kept(desk: Desk, queue: str, body: str) -> None:
    record = given_up(body, queue=queue) | {"messageAttributes": {}}

    assert [] == desk.handle(record)
    (dead_letter,) = desk.dead_letters
    assert QUEUES.get(queue, "another") == dead_letter.source


class Down:
    """A client of which every call fails."""

    exceptions = type("exceptions", (), {"ConditionalCheckFailedException": KeyError})

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def fail(**request: Any) -> Any:
            raise EndpointConnectionError(endpoint_url="https://dynamodb")

        return fail


def test_what_cannot_be_kept_stays_in_its_queue_and_is_not_counted(desk: Desk) -> None:
    down: Any = Down()

    assert ["m-1"] == desk.handle(given_up(message="m-1"), repository=DeadLetterRepository(down, "dead letters"))
    assert ["EndpointConnectionError"] == [line["failed"] for line in desk.captured.about("dead letter not kept")]
    assert {} == desk.captured.counted("DeadLetters")


def test_one_dead_letter_too_large_for_the_table_holds_up_no_other(desk: Desk) -> None:
    body = "".join(random.Random(7).choices([*map(chr, range(0x4E00, 0x9FFF))], k=240_000))

    assert ["m-1"] == desk.handle(given_up(body, message="m-1"), given_up(message="m-2"))
    assert 1 == len(desk.dead_letters)


def test_the_line_tells_what_to_look_for_and_nothing_of_the_body(desk: Desk) -> None:
    desk.handle(given_up(PAID.replace("}}", ',"open_id":"ou_secret"}}'), kind="poison", reason="a: b"))

    (line,) = desk.captured.about("dead letter")
    fields = {name: line[name] for name in ("kind", "reason", "source", "event_id", "order_no", "state")}
    expected = {"kind": "poison", "reason": "a: b", "source": "OrderQueue", "event_id": "evt-1", "order_no": ORDER_NO}
    assert expected | {"state": "waiting"} == fields
    assert "ou_secret" not in desk.captured.everything


@pytest.mark.parametrize("variable", ["DEAD_LETTERS_TABLE", "QUARANTINE_ARN", "ORDER_DEAD_LETTERS_ARN"])
def test_a_missing_variable_is_named_at_start(
    load_function: Callable[..., ModuleType], environment: dict[str, str], variable: str
) -> None:
    with pytest.raises(SettingsError, match=variable):
        load_function("dead_letter_keeper", **environment | {variable: ""})
