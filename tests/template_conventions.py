"""The conventions of template.yaml: each a function from the template to the names of those that break it."""

import re
from collections.abc import Iterator, Mapping, Set
from typing import Any

type Template = dict[str, Any]
type Resource = dict[str, Any]

# Words of our folder names that are not simply capitalised.
_WORDS = {"oauth": "OAuth"}
# Event sources of SAM that invoke a function asynchronously: nobody hears of a failure unless it is kept.
_ASYNCHRONOUS = {"Schedule", "ScheduleV2", "EventBridgeRule", "CloudWatchEvent", "S3", "SNS"}


def camel_case(folder: str) -> str:
    """oauth_callback → OAuthCallback."""
    return "".join(_WORDS.get(word, word.capitalize()) for word in folder.split("_"))


def properties(template: Template, kind: str) -> dict[str, Resource]:
    """Logical id → properties of the resources of one type, such as "SQS::Queue"."""
    found = template["Resources"].items()
    return {name: one.get("Properties", {}) for name, one in found if one["Type"] == f"AWS::{kind}"}


def functions(template: Template) -> dict[str, Resource]:
    """The functions as deployed: what Globals give them, and over it their own."""
    shared = template["Globals"]["Function"]
    return {name: shared | own for name, own in properties(template, "Serverless::Function").items()}


def environment(template: Template, function: str) -> set[str]:
    """The variables of one function, those of Globals included."""
    shared = template["Globals"]["Function"]["Environment"]["Variables"]
    own = properties(template, "Serverless::Function")[function].get("Environment", {}).get("Variables", {})
    return set(shared) | set(own)


def misnamed_code(template: Template) -> list[str]:
    found = functions(template).items()
    return [
        name
        for name, function in found
        if camel_case(function["CodeUri"].removeprefix("functions/")) != name
        or not function["CodeUri"].startswith("functions/")
        or function["Handler"] != "app.handler"
    ]


def dead_letter_queues(template: Template) -> set[str]:
    """Where messages go that were given up, and runs that failed; also what else the keeper of such messages takes."""
    given_up = _given_up(template)
    return given_up.union(*(taken for taken in _taken(template).values() if taken & given_up))


def _taken(template: Template) -> dict[str, set[str]]:
    """The queues that each function takes messages from."""
    found: dict[str, set[str]] = {}
    for name, _, event in _events(template, "SQS"):
        found.setdefault(name, set()).add(_target(event["Queue"]) or "")
    return found


def _given_up(template: Template) -> set[str]:
    queues = properties(template, "SQS::Queue").values()
    redriven = {_target(queue["RedrivePolicy"]["deadLetterTargetArn"]) for queue in queues if "RedrivePolicy" in queue}
    failed = {
        _target(
            function.get("EventInvokeConfig", {}).get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        )
        for function in functions(template).values()
    }
    unstarted = {_target(event.get("DeadLetterConfig", {}).get("Arn")) for _, _, event in _events(template)}
    return {name for name in redriven | failed | unstarted if name}


def queues_without_dead_letters(template: Template) -> list[str]:
    """Also those whose dead-letter queue keeps messages for less time: a message's age goes with it."""
    queues, dead = properties(template, "SQS::Queue"), dead_letter_queues(template)
    return [name for name, queue in queues.items() if name not in dead and not _redriven(queue, queues)]


def _redriven(queue: Resource, queues: dict[str, Resource]) -> bool:
    target = queues.get(_target(queue.get("RedrivePolicy", {}).get("deadLetterTargetArn")) or "")
    return target is not None and _retention(target) >= _retention(queue)


def _retention(queue: Resource) -> int:
    return int(queue.get("MessageRetentionPeriod", 345_600))


def queues_without_age_alarm(template: Template) -> list[str]:
    queues = set(properties(template, "SQS::Queue")) - dead_letter_queues(template)
    return sorted(queues - _alarmed(template, "SQS", "ApproximateAgeOfOldestMessage"))


def dead_letter_queues_without_depth_alarm(template: Template) -> list[str]:
    """Those that nobody takes from: a message stays there until a person comes."""
    alarmed = _alarmed(template, "SQS", "ApproximateNumberOfMessagesVisible", threshold=1)
    return sorted(dead_letter_queues(template) - set[str]().union(*_taken(template).values()) - alarmed)


def dead_letter_queues_not_kept_in_time(template: Template) -> list[str]:
    """Those that a function takes from: one that it cannot keep within 5 minutes must be noticed."""
    alarmed = _alarmed(template, "SQS", "ApproximateAgeOfOldestMessage", threshold=300)
    return sorted(dead_letter_queues(template) & set[str]().union(*_taken(template).values()) - alarmed)


def functions_without_error_alarm(template: Template) -> list[str]:
    return sorted(set(functions(template)) - _alarmed(template, "Lambda", "Errors", threshold=1))


def functions_without_throttle_alarm(template: Template) -> list[str]:
    return sorted(set(functions(template)) - _alarmed(template, "Lambda", "Throttles", threshold=1))


def _alarmed(template: Template, service: str, metric: str, threshold: int | None = None) -> set[str]:
    """The resources that have an alarm on this metric, named after themselves."""
    suffix = {"ApproximateAgeOfOldestMessage": "Age", "ApproximateNumberOfMessagesVisible": "Depth"}.get(metric, metric)
    alarms = properties(template, "CloudWatch::Alarm").items()
    watched = {
        _target(alarm["Dimensions"][0]["Value"]): name
        for name, alarm in alarms
        if (alarm["Namespace"], alarm["MetricName"]) == (f"AWS/{service}", metric)
        and threshold in (None, alarm["Threshold"])
        and len(alarm["Dimensions"]) == 1
    }
    return {resource for resource, name in watched.items() if resource and name == resource + suffix}


def silent_alarms(template: Template) -> list[str]:
    """Alarms that reach nobody, or whose text does not begin with what they watch."""
    reaching = {"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]}
    alarms = properties(template, "CloudWatch::Alarm").items()
    return [
        name
        for name, alarm in alarms
        if alarm.get("AlarmActions") != reaching or not name.startswith(alarm["AlarmDescription"].split(" - ")[0])
    ]


def rows_without_alarm(template: Template) -> list[str]:
    """Return the rows of alarm tables that no loop uses whole; an unquoted comma would cut a text into two columns."""
    descriptions = {
        name: alarm["AlarmDescription"] for name, alarm in properties(template, "CloudWatch::Alarm").items()
    }
    return [
        row
        for rows in template["Mappings"].values()
        for row, columns in rows.items()
        if None in columns.values()
        or not any(row in name and _is_described(columns, text) for name, text in descriptions.items())
    ]


def _is_described(columns: Mapping[str, str], description: str) -> bool:
    return columns.get("Why", "") in description and columns["Anchor"] in description.rpartition("#")[2]


def alarms_on_what_nobody_counts(template: Template, literals: Set[str]) -> list[str]:
    """Alarms on our own metrics whose metric, dimension or label does not stand in the code: they could never sound."""
    service = template["Globals"]["Function"]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
    known = {*literals, service, "service"}
    return [
        name
        for name, alarm in properties(template, "CloudWatch::Alarm").items()
        if not str(alarm["Namespace"]).startswith("AWS/")
        and not known.issuperset({alarm["MetricName"], *(text for d in alarm["Dimensions"] for text in d.values())})
    ]


def asynchronous_without_destination(template: Template) -> list[str]:
    """Functions invoked asynchronously that don't keep a failed run, and events that don't keep one never started."""
    queues, deployed = properties(template, "SQS::Queue"), functions(template)
    broken = []
    for name, event_name, event in _events(template, *_ASYNCHRONOUS):
        destination = deployed[name].get("EventInvokeConfig", {}).get("DestinationConfig", {}).get("OnFailure", {})
        if _target(destination.get("Destination")) not in queues:
            broken.append(name)
        if _target(event.get("DeadLetterConfig", {}).get("Arn")) not in queues:
            broken.append(f"{name}.{event_name}")
    return broken


def batches_without_partial_failures(template: Template) -> list[str]:
    """One bad message must not bring back the whole batch."""
    found = _events(template, "SQS")
    return [name for name, _, event in found if event.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]]


def loops_that_lambda_would_break(template: Template) -> list[str]:
    """Functions that send to the queue that feeds them: Lambda stops such a chain after 16 rounds unless allowed."""
    deployed = functions(template)
    return [
        name
        for name, _, event in _events(template, "SQS")
        if deployed[name].get("RecursiveLoop") != "Allow" and _target(event["Queue"]) in _sent_to(deployed[name])
    ]


def _sent_to(function: Resource) -> set[str | None]:
    allowed = [one for one in _found_statements(function) if "sqs:SendMessage" in _listed(one["Action"])]
    return {_target(resource) for one in allowed for resource in _listed(one["Resource"])}


def visibility_timeouts_too_short(template: Template) -> list[str]:
    """Lambda advises six times the function's timeout plus the batch window; below, a slow batch is delivered twice."""
    queues, deployed, short = properties(template, "SQS::Queue"), functions(template), []
    for name, _, event in _events(template, "SQS"):
        queue = _target(event["Queue"]) or ""
        least = 6 * deployed[name]["Timeout"] + event.get("MaximumBatchingWindowInSeconds", 0)
        if queues[queue].get("VisibilityTimeout", 30) < least:
            short.append(queue)
    return short


def statements_with_wildcard_action(template: Template) -> list[str]:
    return [where for where, one in _statements(template) if any("*" in action for action in _listed(one["Action"]))]


def statements_on_everything(template: Template) -> list[str]:
    # "?" stays: Secrets Manager's six characters have a fixed number
    found = _statements(template)
    return [where for where, one in found if any("*" in str(resource) for resource in _listed(one["Resource"]))]


def policies_not_spelled_out(template: Template) -> list[str]:
    """Functions with a role of their own or a managed policy from elsewhere: neither shows here what it allows."""
    return [
        name
        for name, function in functions(template).items()
        if "Role" in function or not all(_spelled_out(template, policy) for policy in function["Policies"])
    ]


def functions_with_wrong_platform_access(template: Template) -> list[str]:
    """Functions that use the limits table without permission, or have the permission without use."""
    return [
        name
        for name, function in functions(template).items()
        if ("LIMITS_TABLE" in environment(template, name))
        != ({"Ref": "PlatformAccess"} in function["Policies"] or "'LimitsTable'" in str(function["Policies"]))
    ]


def _spelled_out(template: Template, policy: object) -> bool:
    shared = properties(template, "IAM::ManagedPolicy")
    return isinstance(policy, dict) and (set(policy) == {"Statement"} or _target(policy) in shared)


def _statements(template: Template) -> Iterator[tuple[str, Resource]]:
    """(resource, statement) of all that allow something, but one: the key policy's root statement, by which KMS lets
    IAM decide."""
    for name, resource in template["Resources"].items():
        for statement in _found_statements(resource):
            root = "root" in str(statement.get("Principal", ""))
            if statement["Effect"] == "Allow" and not (resource["Type"] == "AWS::KMS::Key" and root):
                yield name, statement


def _found_statements(node: object) -> Iterator[Resource]:
    if isinstance(node, dict) and "Effect" in node:
        yield node
    elif isinstance(node, dict | list):
        for child in node.values() if isinstance(node, dict) else node:
            yield from _found_statements(child)


def functions_without(template: Template, **wanted: object) -> list[str]:
    """Functions that lack one of these properties."""
    deployed = functions(template).items()
    return [name for name, one in deployed if any(one.get(key) != value for key, value in wanted.items())]


def versions_that_outlive_a_parameter(template: Template) -> list[str]:
    """A version keeps its environment, and CloudFormation makes a new one only where the text of one changes."""
    found = functions(template).items()
    parameters = template["Parameters"].keys()
    return [
        f"{name}.{parameter}"
        for name, function in found
        for parameter in sorted(_parameters(template, name) & parameters)
        if parameter not in str(function.get("VersionDescription"))
    ]


def _parameters(template: Template, function: str) -> set[str]:
    shared = template["Globals"]["Function"]["Environment"]
    own = properties(template, "Serverless::Function")[function].get("Environment", {})
    return set(re.findall(r"\w+", f"{shared} {own}"))


def functions_without_kept_logs(template: Template) -> list[str]:
    groups = properties(template, "Logs::LogGroup")
    deployed = functions(template).items()
    return [
        name
        for name, one in deployed
        if "RetentionInDays" not in groups.get(_target(one.get("LoggingConfig", {}).get("LogGroup")) or "", {})
    ]


def tables_that_neither_recover_nor_expire(template: Template) -> list[str]:
    return [
        name
        for name, table in properties(template, "DynamoDB::Table").items()
        if not table.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled")
        and not table.get("TimeToLiveSpecification", {}).get("Enabled")
    ]


def buckets_not_kept_private(template: Template) -> list[str]:
    """Buckets that someone else could read, that are not encrypted, or that a deleted stack would take along."""
    wanted = {"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"}
    kept = {name for name, one in template["Resources"].items() if one.get("DeletionPolicy") == "Retain"}
    return [
        name
        for name, bucket in properties(template, "S3::Bucket").items()
        if name not in kept
        or "BucketEncryption" not in bucket
        or {key for key, on in bucket.get("PublicAccessBlockConfiguration", {}).items() if on is True} != wanted
    ]


def buckets_that_take_plain_http(template: Template) -> list[str]:
    """Buckets without a policy that denies everything, to everybody, in bucket and objects, where TLS is missing."""
    policies = properties(template, "S3::BucketPolicy").values()
    closed = {
        _target(policy["Bucket"])
        for policy in policies
        for one in policy["PolicyDocument"]["Statement"]
        if (one["Effect"], one["Principal"], one["Action"], len(one["Resource"])) == ("Deny", "*", "s3:*", 2)
        and one["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    }
    return sorted(properties(template, "S3::Bucket").keys() - closed)


def kms_statements_without_context(template: Template) -> list[str]:
    """Statements by which a key could be used for something that is not one member's."""
    wanted = {
        "StringLike": {"kms:EncryptionContext:member_id": "mb_*"},
        "ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["member_id"]},
    }
    used = [(where, one) for where, one in _statements(template) if "kms:" in str(one["Action"])]
    return [where for where, one in used if one.get("Condition") != wanted]


def tables_that_hold_more_than_ticks(template: Template) -> list[str]:
    """Of tables whose items all expire, those that must recover: what is in them cannot be made again."""
    tables = properties(template, "DynamoDB::Table")
    recover = {name for name, one in tables.items() if one.get("PointInTimeRecoverySpecification")}
    return sorted({"ReconciliationTable"} - recover)


def secret_parameters(template: Template) -> list[str]:
    """Parameters that would carry a secret; a secret's name is none."""
    named = re.compile("secret|password|token", re.IGNORECASE)
    return [name for name in template["Parameters"] if named.search(name) and not name.endswith("Name")]


def _events(template: Template, *kinds: str) -> Iterator[tuple[str, str, Resource]]:
    """(function, event, its properties) of these kinds, or of all."""
    for name, function in functions(template).items():
        for event_name, event in function.get("Events", {}).items():
            if not kinds or event["Type"] in kinds:
                yield name, event_name, event["Properties"]


def _target(value: object) -> str | None:
    """The logical id that a !Ref or !GetAtt names."""
    if isinstance(value, dict) and "Ref" in value:
        return str(value["Ref"])
    return str(value["Fn::GetAtt"][0]) if isinstance(value, dict) and "Fn::GetAtt" in value else None


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
