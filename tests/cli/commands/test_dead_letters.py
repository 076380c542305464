"""`jiuwu dead-letters`: list, show, and redrive so that nothing happens twice."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from jiuwu.dead_letters.dead_letter import DeadLetter
from jiuwu.dead_letters.failed_message import COMMUNITY, EFFECTS, INTAKE, ORDERS, Kind
from jiuwu.dead_letters.repository import DeadLetterRepository
from jiuwu.orders.effect_key import RefundPart, Ship
from jiuwu.orders.events import EffectFailed
from jiuwu.orders.order import Effect, Failure, Order
from jiuwu.orders.state_machine import Applied, apply
from jiuwu.runtime import Runtime
from jiuwu_cli.dead_letters.redrive import Redriver, RedriveRefused, redrive_all
from jiuwu_cli.deployment.stack import Stack
from tests.cli.conftest import Jiuwu, complaint
from tests.cli.deployed_stack import deploy, fresh
from tests.dead_letters.failed_messages import NOW, a_failed_message
from tests.functions.trade_messages import an_order, drained, notification, number
from tests.orders.lives import PAID

UNKNOWN = "order_unknown: out_order_no: neither we nor the platform know it"


@pytest.fixture(scope="module")
def deployed(aws: Callable[[str], Any], cloud: object) -> Stack:
    return deploy(aws)


@pytest.fixture
def repository(deployed: Stack, make_table: Callable[[str], str]) -> DeadLetterRepository:
    fresh(deployed, make_table, "DeadLettersTable", "OrdersTable")
    return DeadLetterRepository(deployed.client("dynamodb"), deployed.output("DeadLettersTable"))


@pytest.fixture
def dead_letters(
    jiuwu: Jiuwu, deployed: Stack, repository: DeadLetterRepository, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """dead_letters("list") runs the command on that stack."""
    monkeypatch.setattr("jiuwu_cli.deployment.stack.find", lambda name: {"the-stack": deployed}[name])
    return lambda *arguments, **more: jiuwu("dead-letters", *arguments, "--stack", "the-stack", **more)


def lines(result: Any) -> list[str]:
    assert 0 == result.exit_code, result.output
    return [line for line in result.stdout.splitlines() if line]


def paid(n: int = 0, **changes: Any) -> str:
    return json.dumps(notification("paid", n, **changes), ensure_ascii=False)


@pytest.mark.parametrize("command", ["list", "show", "redrive"])
def test_every_command_explains_itself_with_an_example(jiuwu: Jiuwu, command: str) -> None:
    result = jiuwu("dead-letters", command, "--help")

    assert 0 == result.exit_code
    assert f"jiuwu dead-letters {command}" in result.stdout.split("Example", 1)[1]


# ---- list and show ---------------------------------------------------------------------------------------------------


def test_the_list_has_a_line_for_each_that_waits_the_latest_first(
    dead_letters: Callable[..., Any], repository: DeadLetterRepository
) -> None:
    old = repository.keep(a_failed_message(paid(0), message="m-1", kind="poison", reason=UNKNOWN, now=NOW))
    new = repository.keep(
        a_failed_message("{", message="m-2", source=INTAKE, kind="quarantined", event_type="", now=NOW + 60)
    )
    sent = repository.keep(a_failed_message(paid(2), message="m-3", received=6))
    repository.redriven(sent, as_="redrive-1", at=NOW)

    first, second = lines(dead_letters("list"))

    assert [new.dead_letter_id, "2025-11-22", "16:36:00", "+08:00", "quarantined", "waiting"] == first.split()[:6]
    assert f"order.paid {number(0)}  {UNKNOWN}" in second
    assert second.startswith(old.dead_letter_id)


@pytest.mark.parametrize("reason", ["NotAuthorized", "poison: Not"])
def test_the_list_names_a_kind_once_and_chooses_by_the_reason_with_or_without_it(
    dead_letters: Callable[..., Any], repository: DeadLetterRepository, reason: str
) -> None:
    repository.keep(
        a_failed_message(
            '{"order_no":"JW1"}', source=EFFECTS, effect="ship", kind="poison", reason="poison: NotAuthorized"
        )
    )

    (line,) = lines(dead_letters("list", "--reason", reason))

    assert (1, True) == (line.count("poison"), line.endswith("  NotAuthorized"))


def test_what_was_sent_back_is_listed_on_demand_and_when_it_died_again(
    dead_letters: Callable[..., Any], repository: DeadLetterRepository
) -> None:
    dead_letter = repository.keep(a_failed_message(message="m-1", received=6))
    repository.redriven(dead_letter, as_="redrive-1", at=NOW)
    assert [] == lines(dead_letters("list"))
    assert "redriven" in lines(dead_letters("list", "--all"))[0]

    repository.keep(a_failed_message(message="m-2", received=6, redriven_from=dead_letter.dead_letter_id))

    assert "failed again" in lines(dead_letters("list"))[0]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (("--kind", "poison"), {"m-1"}),
        (("--kind", "exhausted"), {"m-2"}),
        (("--since", "2025-11-22T16:36"), {"m-2"}),
        (("--reason", "order_unknown"), {"m-1"}),
        (("--reason", "malformed"), set()),
    ],
)
def test_kind_time_and_reason_choose(
    dead_letters: Callable[..., Any], repository: DeadLetterRepository, choice: tuple[str, str], expected: set[str]
) -> None:
    ids = {
        "m-1": repository.keep(a_failed_message(paid(0), message="m-1", kind="poison", reason=UNKNOWN)).dead_letter_id,
        "m-2": repository.keep(a_failed_message(paid(1), message="m-2", received=6, now=NOW + 60)).dead_letter_id,
    }

    (found,) = lines(dead_letters("list", "--json", *choice))

    assert {ids[one] for one in expected} == {dead_letter["dead_letter_id"] for dead_letter in json.loads(found)}


def test_a_dead_letter_is_shown_whole_without_signature(
    dead_letters: Callable[..., Any], repository: DeadLetterRepository
) -> None:
    headers = json.dumps({"X-Jiuwu-Nonce": "n-1", "X-Jiuwu-Event-Id": "evt-1"})
    dead_letter = repository.keep(
        a_failed_message(paid(0), kind="poison", reason=UNKNOWN, headers=headers, delivery_id="n-1")
    )

    shown = dead_letters("show", dead_letter.dead_letter_id).stdout

    for expected in (
        "poison",
        "waiting",
        UNKNOWN,
        "1 in 1 failure",
        "2025-11-22 16:26:40 +08:00",
        "X-Jiuwu-Nonce: n-1",
    ):
        assert expected in shown
    assert '    "amount": "12.34"' in shown
    assert "ignature" not in shown


@pytest.mark.parametrize("body", [b"\xff\xfe\x00\x1b[2J", b"{\x1b", "茶\u202e".encode()])
def test_hostile_bytes_do_not_reach_the_terminal_and_are_there_on_demand(
    dead_letters: Callable[..., Any], repository: DeadLetterRepository, body: bytes
) -> None:
    dead_letter = repository.keep(replace(a_failed_message("x", source=INTAKE, kind="quarantined"), body=body))

    assert not {"\x1b", "\u202e", "\x00"} & set(dead_letters("show", dead_letter.dead_letter_id).stdout)
    assert body == dead_letters("show", "--raw", dead_letter.dead_letter_id).stdout_bytes


# ---- redrive ---------------------------------------------------------------------------------------------------------


def queued(stack: Stack, name: str) -> list[dict[str, Any]]:
    sqs, url = stack.client("sqs"), stack.output(name)
    found = drained(sqs, url)
    for message in found:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


def attributes(message: dict[str, Any]) -> dict[str, str]:
    return {name: value["StringValue"] for name, value in message.get("MessageAttributes", {}).items()}


def test_a_redrive_sends_the_original_bytes_under_a_new_delivery_id(
    dead_letters: Callable[..., Any], repository: DeadLetterRepository, deployed: Stack
) -> None:
    body = paid(0) + " \n"
    dead_letter = repository.keep(
        a_failed_message(body, kind="poison", reason=UNKNOWN, delivery_id="n-1", headers='{"a":"b"}')
    )

    (line,) = lines(dead_letters("redrive", dead_letter.dead_letter_id, "--yes"))

    (message,) = queued(deployed, "OrderQueue")
    sent = attributes(message)
    assert body == message["Body"]
    assert sent.pop("delivery_id").startswith("redrive-")
    assert {
        "event_id": "evt-1",
        "event_type": "order.paid",
        "received_at": "1763800000",
        "headers": '{"a":"b"}',
        "redriven_from": dead_letter.dead_letter_id,
    } == sent
    assert f"{dead_letter.dead_letter_id}  sent to OrderQueue as redrive-" in line
    assert "redriven" == get(repository, dead_letter).state


def test_a_dry_run_says_what_would_go_where_and_sends_nothing(
    dead_letters: Callable[..., Any], repository: DeadLetterRepository, deployed: Stack
) -> None:
    repository.keep(a_failed_message(paid(0), message="m-1", received=6))
    repository.keep(a_failed_message("{}", message="m-2", received=6, source=COMMUNITY, event_type="user.updated"))

    said = lines(dead_letters("redrive", "--kind", "exhausted", "--dry-run"))

    assert {"would be sent to OrderQueue", "would be sent to CommunityQueue"} == {line[21:] for line in said}
    assert [] == queued(deployed, "OrderQueue") + queued(deployed, "CommunityQueue")
    assert {"waiting"} == {dead_letter.state for dead_letter in repository.of_kind(Kind.EXHAUSTED)}


def test_a_quarantined_one_goes_in_as_soon_as_the_profile_reads_it(
    dead_letters: Callable[..., Any], repository: DeadLetterRepository, deployed: Stack
) -> None:
    readable = {**notification("paid"), "event_id": "evt-1"}
    text = json.dumps(readable | {"data": readable["data"] | {"title": "\ufffe"}}, ensure_ascii=False)
    dead_letter = repository.keep(
        replace(
            a_failed_message("x", source=INTAKE, kind="quarantined", event_type=""), body=text.encode(), order_no=""
        )
    )

    lines(dead_letters("redrive", dead_letter.dead_letter_id, "--yes"))

    (message,) = queued(deployed, "OrderQueue")
    assert json.loads(text) == json.loads(message["Body"])
    assert "order.paid" == attributes(message)["event_type"]


CANNOT: dict[str, tuple[dict[str, Any], str]] = {
    "still no JSON": (
        {"body": "{", "source": INTAKE},
        "it still does not match the profile: the body is not JSON",
    ),
    "an effect of no order": ({"body": "{", "source": EFFECTS}, "it names no order"),
    "an effect of an order that is not there": (
        {"body": '{"order_no":"JW1"}', "source": EFFECTS},
        "there is no order JW1",
    ),
    "a queue of someone else": ({"source": "TheirQueue"}, "its source TheirQueue takes no redrives"),
    "no bytes": ({"body": "=", "encoding": "base64", "source": ORDERS}, "its body is empty"),
}


@pytest.mark.parametrize(("facts", "why"), CANNOT.values(), ids=CANNOT)
def test_what_cannot_be_sent_says_why_and_stays(
    dead_letters: Callable[..., Any], repository: DeadLetterRepository, facts: dict[str, Any], why: str
) -> None:
    dead_letter = repository.keep(a_failed_message(**facts))

    result = dead_letters("redrive", dead_letter.dead_letter_id, "--yes")

    assert f"{dead_letter.dead_letter_id}  not sent: {why}" in result.stdout
    assert "1 of 1 dead letter cannot be redriven; see the lines above" in complaint(result)
    assert "waiting" == get(repository, dead_letter).state


def test_many_are_sent_only_when_a_person_says_yes(
    dead_letters: Callable[..., Any], repository: DeadLetterRepository, deployed: Stack, terminal: None
) -> None:
    for n in range(11):
        repository.keep(a_failed_message(paid(n), message=f"m-{n}", received=6))

    requested = dead_letters("redrive", "--kind", "exhausted", stdin="n\n")
    assert (130, True) == (requested.exit_code, "Redrive 11 dead letters in" in requested.stderr)
    assert [] == queued(deployed, "OrderQueue")

    assert 11 == len(lines(dead_letters("redrive", "--kind", "exhausted", "--yes", "--rate", "1000")))
    assert 11 == len(queued(deployed, "OrderQueue"))


def test_one_is_sent_only_when_a_person_says_yes(
    dead_letters: Callable[..., Any], repository: DeadLetterRepository, deployed: Stack, terminal: None
) -> None:
    dead_letter = repository.keep(a_failed_message(paid(0)))

    declined = dead_letters("redrive", dead_letter.dead_letter_id, stdin="n\n")
    assert (130, True) == (declined.exit_code, "Redrive 1 dead letter in " in declined.stderr)
    assert (0, []) == (
        dead_letters("redrive", dead_letter.dead_letter_id, "--dry-run").exit_code,
        queued(deployed, "OrderQueue"),
    )

    assert 0 == dead_letters("redrive", dead_letter.dead_letter_id, stdin="y\n").exit_code
    assert 1 == len(queued(deployed, "OrderQueue"))


@pytest.mark.parametrize("stdin", ["", "y\n"])
def test_without_a_terminal_a_dead_letter_is_sent_only_by_yes(
    dead_letters: Callable[..., Any], repository: DeadLetterRepository, deployed: Stack, stdin: str
) -> None:
    result = dead_letters("redrive", repository.keep(a_failed_message(paid(0))).dead_letter_id, stdin=stdin)

    assert "give --yes" in complaint(result)
    assert (1, []) == (result.exit_code, queued(deployed, "OrderQueue"))


def test_the_rate_is_kept_between_dead_letters(repository: DeadLetterRepository, deployed: Stack) -> None:
    dead_letters = [repository.keep(a_failed_message(paid(n), message=f"m-{n}")) for n in range(3)]
    slept: list[float] = []

    redrive_all(Redriver(deployed), dead_letters, rate=4, runtime=Runtime(sleep=slept.append))

    assert [0.25, 0.25] == slept
    queued(deployed, "OrderQueue")


@pytest.mark.parametrize(
    "arguments",
    [
        ("redrive",),
        ("redrive", "dl_x", "--kind", "poison"),
        ("list", "--since", "yesterday"),
        ("list", "--kind", "bad"),
    ],
    ids=" ".join,
)
def test_misuse_is_refused_on_one_line(dead_letters: Callable[..., Any], arguments: tuple[str, ...]) -> None:
    result = dead_letters(*arguments)

    assert "; " in complaint(result)
    assert 2 == result.exit_code


@pytest.mark.parametrize("id_", ["dl_nobody", "x" * 5000, "信", "\x1b[2J"])
def test_a_dead_letter_that_is_not_there_is_said_so(dead_letters: Callable[..., Any], id_: str) -> None:
    assert "`jiuwu dead-letters list --all` lists the ids" in complaint(dead_letters("show", id_))


# ---- effects ---------------------------------------------------------------------------------------------------------


def given_up_effect(stack: Stack, repository: DeadLetterRepository) -> tuple[Order, DeadLetter]:
    """A paid order whose shipping was given up, and its letter."""
    order = stack.store.create(an_order(base=PAID))
    failed = apply(order, EffectFailed(NOW, Ship(), failure=Failure("poison", "NotAuthorized")), policy=stack.policy)
    assert isinstance(failed, Applied)
    assert set() == stack.store.save_many([(order, failed.order)])
    body = json.dumps({"order_no": order.order_no})
    dead_letter = repository.keep(
        a_failed_message(body, source=EFFECTS, effect="ship", kind="poison", reason="poison: NotAuthorized")
    )
    return now(stack, order), dead_letter


def now(stack: Stack, order: Order) -> Order:
    found = stack.store.get(order.order_no)
    assert found is not None
    return found


def get(repository: DeadLetterRepository, dead_letter: DeadLetter) -> DeadLetter:
    found = repository.get(dead_letter.dead_letter_id)
    assert found is not None
    return found


def test_an_effect_gets_a_second_life_and_its_order_is_queued(
    dead_letters: Callable[..., Any], repository: DeadLetterRepository, deployed: Stack
) -> None:
    order, dead_letter = given_up_effect(deployed, repository)
    assert () == order.pending

    assert (
        f"{dead_letter.dead_letter_id}  sent to EffectQueue"
        == lines(dead_letters("redrive", dead_letter.dead_letter_id, "--yes"))[0]
    )

    assert (Ship(),) == now(deployed, order).pending
    assert [{"order_no": order.order_no}] == [json.loads(one["Body"]) for one in queued(deployed, "EffectQueue")]
    assert "redriven" == get(repository, dead_letter).state


def test_redriving_an_effect_twice_changes_nothing_more(repository: DeadLetterRepository, deployed: Stack) -> None:
    order, dead_letter = given_up_effect(deployed, repository)

    Redriver(deployed, runtime=Runtime(clock=lambda: NOW)).send(dead_letter)
    once = now(deployed, order)
    Redriver(deployed, runtime=Runtime(clock=lambda: NOW)).send(dead_letter)

    assert once == now(deployed, order)
    queued(deployed, "EffectQueue")


def test_an_effect_that_was_done_since_is_left_alone(repository: DeadLetterRepository, deployed: Stack) -> None:
    order, dead_letter = given_up_effect(deployed, repository)
    done = order.with_effect(Ship(), Effect(1, NOW))
    deployed.store.save_many([(order, done)])

    assert "nothing to do: ship is done" == Redriver(deployed).send(dead_letter)
    assert [] == queued(deployed, "EffectQueue")


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_refund_whose_money_went_back_otherwise_gets_no_second_life(
    repository: DeadLetterRepository, deployed: Stack, dry_run: bool
) -> None:
    order = deployed.store.create(an_order(base=PAID))
    effect = RefundPart("t1", "A" * 16)
    full = order.with_effect(effect, Effect(5, fen=600, failure=Failure("exhausted", "x"))).with_effect(
        RefundPart("t1", "B" * 16), Effect(fen=1234)
    )
    deployed.store.save_many([(order, full)])
    dead_letter = repository.keep(
        a_failed_message(json.dumps({"order_no": order.order_no}), source=EFFECTS, effect=str(effect), kind="exhausted")
    )

    with pytest.raises(RedriveRefused, match="refundable amount is smaller now"):
        Redriver(deployed, runtime=Runtime(clock=lambda: NOW)).send(dead_letter, dry_run=dry_run)

    assert now(deployed, order).effect(effect) == full.effect(effect)
    assert [] == queued(deployed, "EffectQueue")
