"""Read from template.yaml the functions' environment and event sources, with references resolved."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.cloud import template
from sandbox.simulation.aws.account import Account

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}


@dataclass(frozen=True, slots=True)
class Source:
    """A queue that a function reads."""

    queue: str
    batch: int
    window: float


@dataclass(frozen=True, slots=True)
class Route:
    """An HTTP route; `method` may be ANY."""

    method: str
    path: re.Pattern[str]
    key: str


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the template.

    `schedules` are expressions and payloads. `on_failure` names the queue that gets an event once the first try
    and `retries` more have failed.
    """

    name: str
    module: str
    timeout: float
    environment: Mapping[str, str]
    mappings: tuple[Source, ...]
    schedules: tuple[tuple[str, Any], ...]
    routes: tuple[Route, ...]
    retries: int
    on_failure: str


class Wiring:
    """The template with these parameters over its defaults; resources are named as in the account."""

    def __init__(self, account: Account, parameters: Mapping[str, str]) -> None:
        self._account, self._template = account, template.load()
        defaults = {name: one.get("Default", "") for name, one in self._template["Parameters"].items()}
        if unknown := sorted(parameters.keys() - defaults.keys()):
            raise ValueError(f"no such parameter: {', '.join(unknown)}")
        self._parameters = {**defaults, **parameters}

    def functions(self) -> dict[str, Function]:
        """Return all functions by their name in the template."""
        found = template.resources("AWS::Serverless::Function")
        return {name: self._function(name, properties) for name, properties in found.items()}

    def parameter(self, name: str) -> str:
        """Return a parameter's value."""
        return str(self._parameters[name])

    def resolve(self, value: Any) -> Any:  # noqa: ANN401 -- any part of a template
        """Return a property with its references resolved; raise NotImplementedError for unsupported intrinsics."""
        if isinstance(value, Mapping) and len(value) == 1:
            ((name, given),) = value.items()
            if name == "Ref":
                return self._ref(given)
            if name == "Fn::GetAtt":
                return self._attribute(*given)
            if name == "Fn::Join":
                return str(given[0]).join(map(str, self._list(self.resolve(given[1]))))
            if name == "Fn::Sub":
                return self._substituted(given)
            if name.startswith("Fn::"):
                raise NotImplementedError(f"not in the simulation: {name}")
        return value

    def _function(self, name: str, properties: Mapping[str, Any]) -> Function:
        common = self._template["Globals"]["Function"]["Environment"]["Variables"]
        own = properties.get("Environment", {}).get("Variables", {})
        events = list(properties.get("Events", {}).values())
        invoked = properties.get("EventInvokeConfig", {})
        failure = invoked.get("DestinationConfig", {}).get("OnFailure", {})
        return Function(
            name=name,
            module=properties["CodeUri"].replace("/", ".") + ".app",
            timeout=float(properties["Timeout"]),
            environment={key: str(self.resolve(value)) for key, value in {**common, **own}.items()},
            mappings=tuple(self._mapping(one["Properties"]) for one in events if one["Type"] == "SQS"),
            schedules=tuple(self._schedule(one["Properties"]) for one in events if one["Type"].startswith("Schedule")),
            routes=tuple(_route(one["Properties"]) for one in events if one["Type"] == "HttpApi"),
            retries=int(invoked.get("MaximumRetryAttempts", 2)),
            on_failure=failure["Destination"]["Fn::GetAtt"][0] if failure else "",
        )

    def _mapping(self, properties: Mapping[str, Any]) -> Source:
        queue = properties["Queue"]["Fn::GetAtt"][0]
        return Source(queue, int(properties["BatchSize"]), float(properties.get("MaximumBatchingWindowInSeconds", 0)))

    def _schedule(self, properties: Mapping[str, Any]) -> tuple[str, Any]:
        expression = properties.get("Schedule") or properties["ScheduleExpression"]
        return str(self.resolve(expression)), properties.get("Input")

    def _ref(self, name: str) -> Any:  # noqa: ANN401 -- a list of origins, or text
        if name in self._parameters:
            return self._parameters[name]
        if name.startswith("AWS::"):
            return {"AWS::StackName": "jiuwu-simulation", "AWS::Partition": "aws"}.get(name, name)
        kind = self._template["Resources"][name]["Type"]
        return self._account.queue(name).url if kind == "AWS::SQS::Queue" else name

    def _attribute(self, name: str, *attribute: str) -> str:
        kind = self._template["Resources"][name]["Type"]
        if kind == "AWS::SQS::Queue":
            queue = self._account.queue(name)
            return queue.arn if attribute == ("Arn",) else queue.name
        return name

    def _substituted(self, given: Any) -> str:  # noqa: ANN401 -- text, or text and names
        text, more = (given, {}) if isinstance(given, str) else given

        def found(match: re.Match[str]) -> str:
            name = match[1]
            if name in more:
                return str(self.resolve(more[name]))
            return str(self._attribute(*name.split(".")) if "." in name else self._ref(name))

        return re.sub(r"\$\{([^}]+)\}", found, text)

    def _list(self, value: Any) -> Iterable[Any]:  # noqa: ANN401 -- a list, or a CommaDelimitedList
        return value.split(",") if isinstance(value, str) else value


def _route(properties: Mapping[str, Any]) -> Route:
    path = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(properties["Path"]))
    return Route(properties["Method"], re.compile(path), f"{properties['Method']} {properties['Path']}")


def next_tick(expression: str, now: float) -> float:
    """Return the next tick of a schedule after `now`: rate(n units), or cron(minute hour * * ? *) in UTC."""
    if found := re.fullmatch(r"rate\((\d+) (\w+?)s?\)", expression):
        every = int(found[1]) * _SECONDS[found[2]]
        return (now // every + 1) * every
    if found := re.fullmatch(r"cron\((\d+) (\d+) \* \* \? \*\)", expression):
        of_day = int(found[1]) * 60 + int(found[2]) * 3600
        return ((now - of_day) // 86_400 + 1) * 86_400 + of_day
    raise NotImplementedError(f"not in the simulation: the schedule {expression}")
