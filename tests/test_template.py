"""What holds for every resource of template.yaml, and that each of these tests can fail."""

import ast
import importlib
import re
import tomllib
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sandbox.cloud import template as source
from tests import template_conventions as conventions

ROOT = Path(__file__).parents[1]
TEMPLATE = source.load()
FUNCTIONS = sorted(path.parent.name for path in ROOT.glob("functions/*/app.py"))
# Read by libraries, not by our settings.
LIBRARY_VARIABLES = ("POWERTOOLS_", "PYDANTIC_")

type Convention = Callable[[conventions.Template], list[str]]
HELD: dict[str, Convention] = {
    "code, handler and resource have one name": conventions.misnamed_code,
    "every queue has a dead-letter queue that keeps as long": conventions.queues_without_dead_letters,
    "every queue has an age alarm": conventions.queues_without_age_alarm,
    "every dead-letter queue without a keeper has a depth alarm": conventions.dead_letter_queues_without_depth_alarm,
    "every dead-letter queue with a keeper has an age alarm": conventions.dead_letter_queues_not_kept_in_time,
    "every function has an alarm on its errors": conventions.functions_without_error_alarm,
    "every function has an alarm on its throttles": conventions.functions_without_throttle_alarm,
    "every alarm goes to the topic and says what it watches": conventions.silent_alarms,
    "every row of an alarm table is an alarm": conventions.rows_without_alarm,
    "everything asynchronous keeps its failures": conventions.asynchronous_without_destination,
    "every batch reports its failures one by one": conventions.batches_without_partial_failures,
    "a function that feeds itself may": conventions.loops_that_lambda_would_break,
    "visibility timeouts outlast six runs and the window": conventions.visibility_timeouts_too_short,
    "no action has a wildcard": conventions.statements_with_wildcard_action,
    "no statement is about everything": conventions.statements_on_everything,
    "every function's policy is spelled out": conventions.policies_not_spelled_out,
    "exactly the functions that use the limits table have access": conventions.functions_with_wrong_platform_access,
    "every function is published behind the alias": lambda t: conventions.functions_without(t, AutoPublishAlias="live"),
    "a changed parameter makes a new version": conventions.versions_that_outlive_a_parameter,
    "every function is traced by Lambda, where it can be": lambda t: conventions.functions_without(
        t, Tracing={"Fn::If": ["InChina", "PassThrough", "Active"]}
    ),
    "SnapStart is a parameter": lambda t: conventions.functions_without(t, SnapStart={"ApplyOn": {"Ref": "SnapStart"}}),
    "every function's log has a retention": conventions.functions_without_kept_logs,
    "every table recovers or expires": conventions.tables_that_neither_recover_nor_expire,
    "every bucket is private, encrypted and kept": conventions.buckets_not_kept_private,
    "every bucket refuses plain HTTP": conventions.buckets_that_take_plain_http,
    "the token key opens members' tokens only": conventions.kms_statements_without_context,
    "reports and runs recover": conventions.tables_that_hold_more_than_ticks,
    "no parameter carries a secret": conventions.secret_parameters,
}

# Convention → how to break it, as path and value (... deletes), and the name that the problem must have.
BREAKS: list[tuple[str, str, Any, str]] = [
    ("code, handler and resource have one name", "Storefront.Properties.CodeUri", "functions/shop", "Storefront"),
    ("code, handler and resource have one name", "Storefront.Properties.Handler", "main.handler", "Storefront"),
    (
        "every queue has a dead-letter queue that keeps as long",
        "OrderQueue.Properties.RedrivePolicy",
        ...,
        "OrderQueue",
    ),
    (
        "every queue has a dead-letter queue that keeps as long",
        "OrderDeadLetters.Properties.MessageRetentionPeriod",
        60,
        "OrderQueue",
    ),
    ("every queue has an age alarm", "EffectQueueAge", ..., "EffectQueue"),
    ("every queue has an age alarm", "EffectQueueAge.Properties.MetricName", "SentMessageSize", "EffectQueue"),
    ("every dead-letter queue without a keeper has a depth alarm", "FailedRunsDepth", ..., "FailedRuns"),
    (
        "every dead-letter queue without a keeper has a depth alarm",
        "FailedRunsDepth.Properties.Threshold",
        9,
        "FailedRuns",
    ),
    (
        "every dead-letter queue without a keeper has a depth alarm",
        "DeadLetterKeeper.Properties.Events.Orders",
        ...,
        "OrderDeadLetters",
    ),
    ("every dead-letter queue with a keeper has an age alarm", "QuarantineQueueAge", ..., "QuarantineQueue"),
    (
        "every dead-letter queue with a keeper has an age alarm",
        "OrderDeadLettersAge.Properties.Threshold",
        604800,
        "OrderDeadLetters",
    ),
    ("every function has an alarm on its errors", "StorefrontErrors", ..., "Storefront"),
    (
        "every function has an alarm on its errors",
        "StorefrontErrors.Properties.Dimensions",
        [{"Name": "FunctionName", "Value": {"Ref": "Reconciler"}}],
        "Storefront",
    ),
    ("every function has an alarm on its throttles", "ReconcilerThrottles", ..., "Reconciler"),
    (
        "every alarm goes to the topic and says what it watches",
        "AmountDiffers.Properties.AlarmActions",
        ...,
        "AmountDiffers",
    ),
    ("every row of an alarm table is an alarm", "ChangesLag", ..., "ChangesLag"),
    ("everything asynchronous keeps its failures", "Reconciler.Properties.EventInvokeConfig", ..., "Reconciler"),
    (
        "everything asynchronous keeps its failures",
        "Reconciler.Properties.Events.Clock.Properties.DeadLetterConfig",
        ...,
        "Reconciler.Clock",
    ),
    (
        "every batch reports its failures one by one",
        "OrderProcessor.Properties.Events.Messages.Properties.FunctionResponseTypes",
        ...,
        "OrderProcessor",
    ),
    ("a function that feeds itself may", "Reconciler.Properties.RecursiveLoop", "Terminate", "Reconciler"),
    (
        "visibility timeouts outlast six runs and the window",
        "OrderQueue.Properties.VisibilityTimeout",
        180,
        "OrderQueue",
    ),
    (
        "no action has a wildcard",
        "Storefront.Properties.Policies.1.Statement.0.Action",
        "secretsmanager:*",
        "Storefront",
    ),
    (
        "no action has a wildcard",
        "FailedRunsPolicy.Properties.PolicyDocument.Statement.0.Action",
        "sqs:*",
        "FailedRunsPolicy",
    ),
    ("no statement is about everything", "Storefront.Properties.Policies.1.Statement.0.Resource", "*", "Storefront"),
    (
        "no statement is about everything",
        "PlatformAccess.Properties.PolicyDocument.Statement.1.Resource",
        "*",
        "PlatformAccess",
    ),
    ("every function's policy is spelled out", "Storefront.Properties.Policies", ["AdministratorAccess"], "Storefront"),
    ("every function's policy is spelled out", "Storefront.Properties.Policies.0", {"Ref": "PolicyArn"}, "Storefront"),
    (
        "exactly the functions that use the limits table have access",
        "Storefront.Properties.Policies.0",
        ...,
        "Storefront",
    ),
    (
        "exactly the functions that use the limits table have access",
        "WebhookIntake.Properties.Policies.0",
        {"Ref": "PlatformAccess"},
        "WebhookIntake",
    ),
    ("every function is published behind the alias", "Storefront.Properties.AutoPublishAlias", "other", "Storefront"),
    (
        "a changed parameter makes a new version",
        "Storefront.Properties.VersionDescription",
        "1.0",
        "Storefront.LatePayment",
    ),
    (
        "every function is traced by Lambda, where it can be",
        "Storefront.Properties.Tracing",
        "PassThrough",
        "Storefront",
    ),
    ("SnapStart is a parameter", "Storefront.Properties.SnapStart", {"ApplyOn": "None"}, "Storefront"),
    ("every function's log has a retention", "Logs.Properties.RetentionInDays", ..., "Storefront"),
    ("every table recovers or expires", "LoginsTable.Properties.TimeToLiveSpecification", ..., "LoginsTable"),
    (
        "every bucket is private, encrypted and kept",
        "StatementsBucket.Properties.PublicAccessBlockConfiguration.BlockPublicPolicy",
        False,
        "StatementsBucket",
    ),
    ("every bucket is private, encrypted and kept", "StatementsBucket.DeletionPolicy", ..., "StatementsBucket"),
    (
        "every bucket is private, encrypted and kept",
        "StatementsBucket.Properties.BucketEncryption",
        ...,
        "StatementsBucket",
    ),
    ("every bucket refuses plain HTTP", "StatementsBucketPolicy", ..., "StatementsBucket"),
    (
        "every bucket refuses plain HTTP",
        "StatementsBucketPolicy.Properties.PolicyDocument.Statement.0.Effect",
        "Allow",
        "StatementsBucket",
    ),
    (
        "the token key opens members' tokens only",
        "Storefront.Properties.Policies.1.Statement.6.Condition",
        ...,
        "Storefront",
    ),
    (
        "reports and runs recover",
        "ReconciliationTable.Properties.PointInTimeRecoverySpecification",
        ...,
        "ReconciliationTable",
    ),
]


@pytest.mark.parametrize("convention", HELD.values(), ids=HELD)
def test_the_template_holds(convention: Convention) -> None:
    assert [] == convention(TEMPLATE)


@pytest.mark.parametrize(("convention", "path", "value", "named"), BREAKS, ids=[f"{b[0]}, {b[1]}" for b in BREAKS])
def test_a_broken_template_is_noticed_by_name(convention: str, path: str, value: object, named: str) -> None:
    broken = deepcopy(TEMPLATE)
    _change(broken["Resources"], path, value)

    assert named in HELD[convention](broken)


def test_a_parameter_with_a_secret_is_noticed() -> None:
    assert ["AppSecret"] == conventions.secret_parameters({"Parameters": {"AppSecret": {}, "AppSecretName": {}}})


def test_every_convention_was_broken_once() -> None:
    assert set(HELD) - {"no parameter carries a secret"} == {convention for convention, *_ in BREAKS}


def test_every_alarm_on_our_own_metrics_names_what_the_code_counts() -> None:
    assert [] == conventions.alarms_on_what_nobody_counts(TEMPLATE, _literals())


def test_an_alarm_on_what_nobody_counts_is_noticed() -> None:
    assert "BadSignatures" in conventions.alarms_on_what_nobody_counts(TEMPLATE, _literals() - {"signature_wrong"})


def _literals() -> set[str]:
    """Every text that stands in the code that ships."""
    sources = [*ROOT.glob("layers/jiuwu/jiuwu/**/*.py"), *ROOT.glob("functions/*/app.py")]
    nodes = (node for path in sources for node in ast.walk(ast.parse(path.read_text("utf-8"))))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def _change(node: Any, path: str, value: object) -> None:
    *parents, last = path.split(".")
    for name in parents:
        node = node[int(name)] if isinstance(node, list) else node[name]
    key = int(last) if isinstance(node, list) else last
    if value is ...:
        del node[key]
    else:
        node[key] = value


def test_the_template_has_exactly_the_functions_that_are_there() -> None:
    expected = {conventions.camel_case(name) for name in FUNCTIONS}

    assert expected == set(conventions.functions(TEMPLATE))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_has_its_tests_and_its_event(name: str) -> None:
    expected = [f"tests/functions/test_{name}.py", f"events/{name}.json"]

    assert expected == [path for path in expected if (ROOT / path).is_file()]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_has_a_handler(name: str) -> None:
    assert "handler" in {node.name for node in _module(name).body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_functions_settings_are_what_the_template_gives_it(name: str) -> None:
    given = conventions.environment(TEMPLATE, conventions.camel_case(name))
    read = {field.upper() for field in _settings_fields(_module(name))}

    assert {variable for variable in given if not variable.startswith(LIBRARY_VARIABLES)} == read


def _module(name: str) -> ast.Module:
    return ast.parse((ROOT / f"functions/{name}/app.py").read_text("utf-8"))


def _settings_fields(module: ast.Module) -> set[str]:
    """The fields of the module's class of settings; parsed, because importing it would start the function."""
    (settings,) = (
        node
        for node in module.body
        if isinstance(node, ast.ClassDef) and any("Settings" in ast.unparse(b) for b in node.bases)
    )
    own = {
        line.target.id
        for line in settings.body
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)
    }
    return own.union(*(_inherited(module, ast.unparse(base)) for base in settings.bases))


def _inherited(module: ast.Module, base: str) -> set[str]:
    """The fields of a base class, which the module imports by name or with its module (settings.Settings)."""
    imported, _, name = base.rpartition(".")
    for node in (node for node in module.body if isinstance(node, ast.ImportFrom)):
        for alias in node.names:
            if (alias.asname or alias.name) == (imported or name):
                origin = f"{node.module}.{alias.name}" if imported else f"{node.module}"
                struct = getattr(importlib.import_module(origin), name if imported else alias.name)
                return {field.name for field in msgspec.structs.fields(struct)}
    return set()


SAMCONFIG = tomllib.loads((ROOT / "samconfig.toml").read_text("utf-8"))
STAGES = ["dev", "staging", "prod"]


def test_samconfig_has_the_three_stages() -> None:
    assert STAGES == [name for name in SAMCONFIG if name not in ("version", "default")]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_gives_the_parameters_that_have_no_default_and_none_that_are_unknown(stage: str) -> None:
    given = _overrides(stage)
    known = TEMPLATE["Parameters"]
    required = {name for name, parameter in known.items() if "Default" not in parameter}

    assert set() == required - set(given)
    assert set() == set(given) - set(known)
    assert stage == given["Stage"]


@pytest.mark.parametrize(
    ("stage", "command"), [("default", "validate"), ("default", "build"), *((s, "deploy") for s in STAGES)]
)
def test_each_command_of_samconfig_expands_the_loops(stage: str, command: str) -> None:
    assert SAMCONFIG[stage][command]["parameters"]["language_extensions"] is True


@pytest.mark.parametrize("stage", STAGES)
def test_samconfig_has_no_secret(stage: str) -> None:
    # names of parameters are checked above; what is left is a value long and random enough to be one
    values = [value for name, value in _overrides(stage).items() if "://" not in value]

    assert [] == [value for value in values if re.search(r"[A-Za-z0-9+/=_]{20,}", value)]


def _overrides(stage: str) -> dict[str, str]:
    pairs = SAMCONFIG[stage]["deploy"]["parameters"]["parameter_overrides"]
    return dict(pair.split("=", 1) for pair in pairs)
