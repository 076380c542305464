"""TokenRefresher over a table of members, with a platform in this process."""

import importlib
import itertools
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from jiuwu.aws import settings, task_queue
from jiuwu.aws.invocation import WrongPayload
from jiuwu.aws.settings import SettingsError
from jiuwu.bootstrap import MembersPlatform
from jiuwu.deadline import Deadline
from jiuwu.members.grants import SHARDS, Grants, shard_of
from jiuwu.members.refresh_worker import RefreshTask, RefreshWorker
from jiuwu.members.tokens import Tokens
from jiuwu.platform.models import TokenReply, UserProfile
from tests.functions.community import Community, invalid_grant
from tests.functions.oauth_browser import ENVIRONMENT

CLOCK_TICK: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "events" / "token_refresher.json").read_text("utf-8")
)
ANYWHERE = ENVIRONMENT | {
    "MEMBERS_TABLE": "m",
    "TOKEN_KEY_ID": "k",
    "APP_SECRET_NAME": "s",
    "REFRESH_AHEAD_SECONDS": "900",
    "REFRESH_QUEUE_URL": "http://127.0.0.1:9/r",
}
# Two in every shard.
MEMBERS = [f"mb_{number}" for number in range(200)]
PAIRS = [member for shard in SHARDS for member in [each for each in MEMBERS if shard_of(each) == shard][:2]]


class Context:
    """Lambda's: time for so many members, asked before each."""

    def __init__(self, members: int = 1000) -> None:
        self._asked, self._members = itertools.count(), members

    def get_remaining_time_in_millis(self) -> int:
        return 120_000 if next(self._asked) < self._members else 19_999


class RefreshCommunity(Community):
    """Knows refresh tokens by their member, so that trouble can be one member's: `ailing` ones get `trouble_of`."""

    def __init__(self) -> None:
        super().__init__()
        self.ailing: set[str] = set()
        self.trouble_of: Callable[[], httpx.Response] = lambda: httpx.Response(503, text="busy")
        self.meet: Callable[[], object] = lambda: None

    def _handle(self, request: httpx.Request) -> httpx.Response:
        form = dict(httpx.QueryParams(request.content.decode()))
        self.meet()
        if form["refresh_token"].removeprefix("rt_of_") in self.ailing:
            return self.trouble_of()
        self._refresh.setdefault(form["refresh_token"], form["refresh_token"].removeprefix("rt_of_"))
        return super()._handle(request)


@pytest.fixture
def community() -> RefreshCommunity:
    return RefreshCommunity()


@pytest.fixture(scope="module")
def app(cloud: object) -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ANYWHERE.items():
            patch.setenv(name, value)
        sys.modules.pop("functions.token_refresher.app", None)
        yield importlib.import_module("functions.token_refresher.app")


def build(app: ModuleType, environment: dict[str, str], http: httpx.Client | None = None) -> Any:
    """The function's dependencies in an environment."""
    chosen = settings.load(app.Settings, environment)
    platform = MembersPlatform(chosen, members_table=chosen.members_table, token_key_id=chosen.token_key_id, http=http)
    return app.build(chosen, platform)


@pytest.fixture
def dependencies(
    app: ModuleType,
    community: RefreshCommunity,
    members_table: str,
    token_key: str,
    app_secret: str,
    refresh_queue: str,
) -> Any:
    made = {"MEMBERS_TABLE": members_table, "TOKEN_KEY_ID": token_key, "APP_SECRET_NAME": app_secret}
    made["REFRESH_QUEUE_URL"] = refresh_queue
    return build(app, ANYWHERE | made, community.http)


class Ticks:
    """The function and its queue."""

    def __init__(self, app: ModuleType, dependencies: Any) -> None:
        self.app, self.dependencies = app, dependencies

    def handle(self, event: object, context: Context | None = None) -> dict[str, Any]:
        done: dict[str, Any] = self.app.handle(self.dependencies, event, Deadline.of(context or Context()))
        return done

    def tasks(self) -> list[dict[str, str]]:
        """The messages on the queue, as SQS hands them to the function."""
        sqs, url, found = self.dependencies.sqs, self.dependencies.settings.refresh_queue_url, list[dict[str, str]]()
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                found.append({"messageId": message["MessageId"], "eventSource": "aws:sqs", "body": message["Body"]})
        return found

    def parts(self) -> list[Any]:
        """The tasks of a tick."""
        self.handle(CLOCK_TICK)
        return [task.body for task in task_queue.tasks({"Records": self.tasks()}, RefreshTask)]

    def work(self, task: RefreshTask, context: Context | None = None) -> tuple[Counter[str], RefreshTask | None]:
        """One task, with time enough unless a context says otherwise: its outcomes, and the task that is left."""
        grants, tokens = self.dependencies.grants, self.dependencies.tokens
        return RefreshWorker(grants, tokens, ahead=900, deadline=Deadline.of(context or Context())).run(task)

    def __call__(self) -> dict[str, int]:
        """A tick and its tasks, side by side as Lambda runs them, and what is left over; the outcomes of all."""
        total, parts = Counter[str](), self.parts()
        while parts:
            with ThreadPoolExecutor(len(parts)) as invocations:
                done = list(invocations.map(self.work, parts))
            total = sum((outcomes for outcomes, _ in done), total)
            parts = [rest for _, rest in done if rest]
        return dict(sorted(total.items()))


@pytest.fixture
def run(app: ModuleType, dependencies: Any) -> Ticks:
    """run() is a tick of the clock and all that comes of it."""
    return Ticks(app, dependencies)


@pytest.fixture
def link(aws: Callable[[str], Any], members_table: str, token_key: str, community: Community) -> Callable[..., None]:
    """link("mb_1", expires_in=…) makes a member."""
    tokens = Tokens(aws("dynamodb"), members_table, aws("kms"), token_key, None)  # type: ignore[arg-type]

    def make(member_id: str, *, expires_in: int = 600) -> None:
        reply = TokenReply(
            access_token=f"at_of_{member_id}",
            refresh_token=f"rt_of_{member_id}",
            expires_in=expires_in,
            refresh_expires_in=2592000,
        )
        tokens.link(member_id, UserProfile(open_id=f"ou_{member_id}", nickname="小九", avatar_url=""), reply)

    return make


@pytest.fixture
def grants(aws: Callable[[str], Any], members_table: str) -> Grants:
    return Grants(aws("dynamodb"), members_table)


def _version(grants: Grants, member_id: str) -> int:
    grant = grants.read(member_id)
    assert grant is not None
    return grant.version


def test_a_tick_renews_every_member_who_is_due_and_no_other(
    run: Ticks, link: Callable[..., None], grants: Grants, community: RefreshCommunity
) -> None:
    for member in PAIRS:
        link(member, expires_in=600)
    link("mb_later", expires_in=7200)
    assert {"renewed": 16} == run()
    assert [2] * 16 + [1] == [_version(grants, member) for member in [*PAIRS, "mb_later"]]
    assert {} == run()
    assert 16 == len(community.calls("/oauth/token"))


def test_eight_renewals_of_a_shard_overlap(run: Ticks, link: Callable[..., None], community: RefreshCommunity) -> None:
    for member in of_one_shard(16):
        link(member)
    # nobody is answered before eight are asking
    community.meet = threading.Barrier(8, timeout=30).wait
    assert {"renewed": 16} == run()


def test_one_members_failure_stops_no_other_and_comes_back_after_a_pause(
    run: Ticks, link: Callable[..., None], grants: Grants, community: RefreshCommunity
) -> None:
    for member in PAIRS:
        link(member)
    # the first of their shards: a member whose renewal fails must not hold up the next
    community.ailing = set(PAIRS[:4:2])
    assert {"failed": 2, "renewed": 14} == run()
    assert {} == run()
    grant = grants.read(PAIRS[0])
    assert grant is not None
    assert 900 + 30 <= grant.refresh_at - time.time() <= 900 + 60
    assert grant.status == "active"


def test_a_member_who_has_to_log_in_again_is_left_alone_from_then_on(
    run: Ticks, link: Callable[..., None], grants: Grants, community: RefreshCommunity
) -> None:
    link(PAIRS[0])
    community.ailing, community.trouble_of = {PAIRS[0]}, invalid_grant
    assert {"reauth_required": 1} == run()
    assert {} == run()


def of_one_shard(number: int) -> list[str]:
    return [member for member in MEMBERS if shard_of(member) == "3"][:number]


def part_of_shard_3(run: Ticks) -> Any:
    (part,) = (part for part in run.parts() if part.shard == "3")
    return part


def test_a_tick_queues_one_task_for_each_shard(run: Ticks) -> None:
    assert {"queued": 8} == run.handle(CLOCK_TICK)
    assert sorted(SHARDS) == sorted(json.loads(task["body"])["shard"] for task in run.tasks())


def test_a_task_stops_in_good_time_and_its_rest_is_gone_on_with_at_once(
    run: Ticks, link: Callable[..., None], community: RefreshCommunity
) -> None:
    for member in of_one_shard(16):
        link(member)
    run.handle(CLOCK_TICK)
    (task,) = (task for task in run.tasks() if json.loads(task["body"])["shard"] == "3")

    assert {"batchItemFailures": []} == run.handle({"Records": [task]}, Context(members=9))
    assert 9 == len(community.calls("/oauth/token"))
    (rest,) = run.tasks()
    run.handle({"Records": [rest]})

    assert (16, []) == (len(community.calls("/oauth/token")), run.tasks())


def test_without_time_nothing_is_begun_and_nothing_goes_in_circles(
    run: Ticks, link: Callable[..., None], community: RefreshCommunity
) -> None:
    link(of_one_shard(1)[0])
    outcomes, rest = run.work(part_of_shard_3(run), Context(members=0))
    assert ({}, None, []) == (outcomes, rest, community.calls("/oauth/token"))


def test_what_is_no_task_comes_again_and_ends_in_the_dead_letters(run: Ticks) -> None:
    junk = {"messageId": "m-7", "eventSource": "aws:sqs", "body": '{"shard": 3}'}
    assert {"batchItemFailures": [{"itemIdentifier": "m-7"}]} == run.handle({"Records": [junk]})


def test_two_tasks_on_one_shard_renew_each_member_once(
    run: Ticks, link: Callable[..., None], community: RefreshCommunity
) -> None:
    for member in of_one_shard(12):
        link(member)
    part = part_of_shard_3(run)
    community.meet = lambda: time.sleep(0.05)
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: run.work(part), range(2)))
    assert 12 == sum(outcomes["renewed"] for outcomes, _ in both)
    assert 12 == len(community.calls("/oauth/token"))


def test_more_members_than_a_page_holds_are_all_taken(
    grants: Grants, link: Callable[..., None], run: Ticks, community: RefreshCommunity
) -> None:
    for member in (members := of_one_shard(5)):
        link(member)
    before = int(time.time()) + 900

    first = grants.due("3", before, limit=2)
    second = grants.due("3", before, limit=2, start=first.next_start)
    last = grants.due("3", before, limit=2, start=second.next_start)

    assert sorted(members) == sorted(first.member_ids + second.member_ids + last.member_ids)
    assert (2, 2, 1, None) == (*(len(page.member_ids) for page in (first, second, last)), last.next_start)


def test_two_runs_at_once_refresh_each_member_once(
    run: Ticks, link: Callable[..., None], community: RefreshCommunity
) -> None:
    for member in PAIRS:
        link(member)
    community.meet = lambda: time.sleep(0.1)
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: run(), range(2)))
    assert 16 == sum(outcomes.get("renewed", 0) for outcomes in both)
    assert 16 == len(community.calls("/oauth/token"))


def test_one_member_can_be_renewed_now(run: Ticks, link: Callable[..., None], grants: Grants) -> None:
    link("mb_later", expires_in=7200)
    assert {"member_id": "mb_later", "outcome": "renewed"} == run.handle({"member_id": "mb_later"})
    assert 2 == _version(grants, "mb_later")
    assert {"member_id": "mb_nobody", "outcome": "unknown"} == run.handle({"member_id": "mb_nobody"})


@pytest.mark.parametrize("member_id", [None, 7, "", ["mb_1"], {"S": "mb_1"}])
def test_a_member_id_that_is_none_is_refused_in_words(run: Ticks, member_id: object) -> None:
    with pytest.raises(WrongPayload, match="member_id: expected"):
        run.handle({"member_id": member_id})


@pytest.mark.parametrize("event", [None, [], {"member": "mb_1"}, {"member_id": "mb_1", "force": True}, {"Records": []}])
def test_a_payload_that_is_none_of_ours_is_refused_in_words(run: Ticks, event: object) -> None:
    with pytest.raises(WrongPayload, match="expected"):
        run.handle(event)


def test_a_table_out_of_reach_for_one_member_is_said_and_counted(
    app: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = build(app, ANYWHERE | {"MEMBERS_TABLE": "not-there"})
    outcome = app.handle(nowhere, {"member_id": "mb_1"}, Deadline.of(Context()))
    assert {"member_id": "mb_1", "outcome": "table_unavailable"} == outcome
    assert '"TokenRefreshes":[1.0]' in capsys.readouterr().out


def test_each_renewal_is_counted_by_outcome(
    run: Ticks, link: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    link(PAIRS[0])
    run()
    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert [("renewed", [1.0])] == [
        (each["outcome"], each["TokenRefreshes"]) for each in metrics if "TokenRefreshes" in each
    ]
    assert ["oauth.refresh"] == [each["call"] for each in metrics if "PlatformCallMilliseconds" in each]


@pytest.mark.parametrize("missing", ["MEMBERS_TABLE", "TOKEN_KEY_ID", "REFRESH_AHEAD_SECONDS"])
def test_a_missing_setting_is_named_at_start(load_function: Callable[..., ModuleType], missing: str) -> None:
    with pytest.raises(SettingsError, match=missing):
        load_function("token_refresher", **ANYWHERE | {missing: ""})
