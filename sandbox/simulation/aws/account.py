"""An AWS account in this process: what the template defines, and a client of each service."""

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.cloud import template
from sandbox.simulation.aws.batches import DynamoDB
from sandbox.simulation.aws.calls import Calls, Client
from sandbox.simulation.aws.services import KMS, S3, Events, Secrets, Target
from sandbox.simulation.aws.sqs import SQS, Queue
from sandbox.simulation.aws.tables import Table

type Resources = Mapping[str, Mapping[str, Any]]


class Account:
    """Tables, queues, buses, buckets and secrets; the physical name of each is its logical id.

    `clock` returns the time in Unix seconds. `calls` has the hook for each call, the throttle, and the meters.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.calls = Calls(clock)
        self.tables: dict[str, Table] = {}
        self.queues: dict[str, Queue] = {}  # by URL
        self.buses: dict[str, list[Target]] = {}
        self.buckets: dict[str, dict[str, bytes]] = {}
        self.secrets: dict[str, str] = {}
        self._clients: dict[str, Client] = {}

    @classmethod
    def of_template(cls, clock: Callable[[], float]) -> "Account":
        """Return an account with every table, queue, bus and bucket of template.yaml."""
        account = cls(clock)
        for name, properties in template.resources("AWS::DynamoDB::Table").items():
            account.tables[name] = Table.defined(name, properties)
        for name, properties in template.resources("AWS::SQS::Queue").items():
            account.add_queue(name, properties)
        account.buses = {name: [] for name in template.resources("AWS::Events::EventBus")}
        account.buckets = {name: {} for name in template.resources("AWS::S3::Bucket")}
        return account

    def add_queue(self, name: str, properties: Mapping[str, Any]) -> Queue:
        """Add a queue with the template's properties, and return it."""
        redrive = properties.get("RedrivePolicy", {})
        target = redrive.get("deadLetterTargetArn", {"Fn::GetAtt": [""]})
        queue = Queue(
            name,
            visibility=int(properties.get("VisibilityTimeout", 30)),
            delay=int(properties.get("DelaySeconds", 0)),
            dead_letters=target["Fn::GetAtt"][0],
            most_receives=int(redrive.get("maxReceiveCount", 0)),
        )
        self.queues[queue.url] = queue
        return queue

    def queue(self, name: str) -> Queue:
        """Return the queue of this logical id."""
        return next(queue for queue in self.queues.values() if queue.name == name)

    def client(self, service: str, **_config: object) -> Any:  # noqa: ANN401 -- callers annotate with the stub type
        """Return the client of a service, as boto3.client makes it."""
        if service not in self._clients:
            self._clients[service] = self._make(service)
        return self._clients[service]

    def _make(self, service: str) -> Client:
        match service:
            case "dynamodb":
                return DynamoDB(self.calls, self.tables)
            case "sqs":
                return SQS(self.calls, self.queues)
            case "events":
                return Events(self.calls, self.buses)
            case "kms":
                return KMS(self.calls)
            case "secretsmanager":
                return Secrets(self.calls, self.secrets)
            case "s3":
                return S3(self.calls, self.buckets)
        raise NotImplementedError(f"not in the in-memory AWS: {service}")
