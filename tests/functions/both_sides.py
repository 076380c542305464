"""Both sides of the trade for tests of functions: our tables in the local AWS, and the platform in this process."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any
from uuid import uuid4

from jiuwu.bootstrap import MembersPlatform
from jiuwu.members.accounts import member_id_for
from jiuwu.members.logins import Sessions
from jiuwu.members.tokens import Tokens
from jiuwu.orders.order import Order
from jiuwu.orders.repository import OrderStore
from jiuwu.platform.models import TokenReply, UserProfile
from jiuwu.points.ledger import PointsLedger
from jiuwu.runtime import Runtime
from tests.functions.platform_stand_in import StandIn

NOW = 1_763_800_000
APP_ID = "sandbox-app"
MERCHANT_KEY, PREVIOUS_MERCHANT_KEY = "the-merchant-key-of-these-tests-0", "the-previous-merchant-key-of-these"
COMMON = {
    "JIUWU_PROFILE": "jiuwu",
    "PLATFORM_URL": "http://platform.example",
    "APP_ID": APP_ID,
    "LATE_PAYMENT": "refund",
    "PAYMENT_CHECK_SECONDS": "180",
    "ORDER_EXPIRY_SECONDS": "1800",
    "DUE_SHARDS": "8",
}
# Settings that a module can be imported with; each test then builds on tables of its own.
NOWHERE = COMMON | {
    "APP_SECRET_NAME": "s",
    "ORDERS_TABLE": "o",
    "PRODUCTS_TABLE": "p",
    "MEMBERS_TABLE": "m",
    "LOGINS_TABLE": "l",
    "LIMITS_TABLE": "lanes",
    "RECONCILIATION_TABLE": "r",
    "TOKEN_KEY_ID": "k",
    "EFFECT_QUEUE_URL": "http://127.0.0.1:9/q",
    "POINTS_TABLE": "pt",
    "MERCHANT_KEY_NAME": "mk",
    "STATEMENT_QUEUE_URL": "http://127.0.0.1:9/q",
    "STATEMENTS_BUCKET": "b",
    "RECONCILE_QUEUE_URL": "http://127.0.0.1:9/r",
}


def resources(
    aws: Callable[[str], Any], make_table: Callable[[str], str], make_queue: Callable[[str], str]
) -> dict[str, str]:
    """Tables, queue, key and secret, by the name of the variable that tells a function theirs."""

    def secret(kind: str, **value: str) -> str:
        made = aws("secretsmanager").create_secret(Name=f"{kind}-{uuid4().hex}", SecretString=json.dumps(value))
        name: str = made["Name"]
        return name

    return {
        "ORDERS_TABLE": make_table("OrdersTable"),
        "PRODUCTS_TABLE": make_table("ProductsTable"),
        "MEMBERS_TABLE": make_table("MembersTable"),
        "LOGINS_TABLE": make_table("LoginsTable"),
        # Time stands still in these tests, so no token would ever flow in; without the table calls go on unlimited.
        "LIMITS_TABLE": "there-is-none",
        "RECONCILIATION_TABLE": make_table("ReconciliationTable"),
        "EFFECT_QUEUE_URL": make_queue("EffectQueue"),
        "RECONCILE_QUEUE_URL": make_queue("ReconcileQueue"),
        "TOKEN_KEY_ID": aws("kms").create_key()["KeyMetadata"]["KeyId"],
        "APP_SECRET_NAME": secret("app", current="the-secret"),
        "MERCHANT_KEY_NAME": secret("key", current=MERCHANT_KEY, previous=PREVIOUS_MERCHANT_KEY),
        "POINTS_TABLE": make_table("PointsTable"),
    }


class Sides:
    """Tables, queue, platform and one clock; `tea` costs 6.17 yuan or 300 points, `gift` only money, `cup` is off the
    shelf, `gold` costs a fortune.

    Members are new with each of these, and so are their orders, so that tests can share the tables.
    """

    def __init__(self, aws: Callable[[str], Any], names: Mapping[str, str]) -> None:
        self.names, self.now, self._tag = dict(names), float(NOW), uuid4().hex[:8]
        self.dynamodb, self.sqs = aws("dynamodb"), aws("sqs")
        self.platform = StandIn(lambda: self.now)
        self.store = OrderStore(self.dynamodb, names["ORDERS_TABLE"], runtime=Runtime(clock=lambda: self.now))
        self.ledger = PointsLedger(self.dynamodb, names["POINTS_TABLE"])
        self._sessions = Sessions(self.dynamodb, names["LOGINS_TABLE"], runtime=Runtime(clock=lambda: self.now))
        self._tokens = Tokens(
            self.dynamodb,
            names["MEMBERS_TABLE"],
            aws("kms"),
            names["TOKEN_KEY_ID"],
            _NoOAuth(),
            runtime=Runtime(clock=lambda: self.now),
        )
        self.sell("tea", "龙井", "617", points="300")
        self.sell("gift", "礼盒", "10000")
        self.sell("cup", "茶杯", "900", on_shelf=False)
        self.sell("gold", "金山", str(10**12))

    def sell(self, product_id: str, title: str, price_fen: str, *, on_shelf: bool = True, points: str = "") -> str:
        """Puts a product into the table; its id."""
        texts = {"product_id": {"S": product_id}, "title": {"S": title}}
        numbers = {"price_fen": {"N": price_fen}, "on_shelf": {"BOOL": on_shelf}}
        numbers |= {"price_points": {"N": points}} if points else {}
        self.dynamodb.put_item(TableName=self.names["PRODUCTS_TABLE"], Item=texts | numbers)
        return product_id

    def member(self, name: str = "lan") -> tuple[str, str]:
        """The open_id and the member id of someone."""
        open_id = f"ou_{name}_{self._tag}"
        return open_id, member_id_for(APP_ID, open_id)

    def log_in(self, name: str = "lan") -> str:
        """A linked member's session token; the platform takes their access token."""
        open_id, member_id = self.member(name)
        access = f"access-{open_id}"
        self.platform.tokens[access] = open_id
        reply = TokenReply(access_token=access, expires_in=7200, refresh_token="refresh", refresh_expires_in=10**6)
        self._tokens.link(member_id, UserProfile(open_id=open_id, nickname="小兰", avatar_url=""), reply)
        return self._sessions.open(member_id).token

    def end_link(self, name: str = "lan") -> None:
        """The member has to log in again."""
        self.dynamodb.update_item(
            TableName=self.names["MEMBERS_TABLE"],
            Key={"member_id": {"S": self.member(name)[1]}},
            UpdateExpression="SET link_status = :ended",
            ExpressionAttributeValues={":ended": {"S": "reauth_required"}},
        )

    def damage_tokens(self, name: str = "lan") -> None:
        """The member's encrypted token is not one that KMS made."""
        self.dynamodb.update_item(
            TableName=self.names["MEMBERS_TABLE"],
            Key={"member_id": {"S": self.member(name)[1]}},
            UpdateExpression="SET access_encrypted = :noise",
            ExpressionAttributeValues={":noise": {"L": [{"B": b"noise"}]}},
        )

    def build(self, app: ModuleType) -> Any:
        """The function on these tables and this platform."""
        environment = app.Settings(
            **{
                field: int(self.names[field.upper()])
                if field.endswith(("_seconds", "_shards"))
                else self.names[field.upper()]
                for field in app.Settings.__struct_fields__
            }
        )
        platform = MembersPlatform(
            environment,
            members_table=environment.members_table,
            token_key_id=environment.token_key_id,
            points_table=environment.points_table,
            http=self.platform.http,
            runtime=Runtime(clock=lambda: self.now),
        )
        return app.build(environment, platform, Runtime(clock=lambda: self.now))

    def order(self, order_no: str) -> Order:
        order = self.store.get(order_no)
        assert order is not None
        return order

    def put(self, order: Order, **changes: Any) -> Order:
        """Our order in the table."""
        return self.store.create(replace(order, **changes))

    @property
    def queued(self) -> list[str]:
        """The orders whose effects were requested since the last call."""
        numbers: list[str] = []
        url = self.names["EFFECT_QUEUE_URL"]
        while messages := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            numbers += [json.loads(message["Body"])["order_no"] for message in messages]
            for message in messages:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return sorted(number for number in numbers if number in self.platform.orders)


class _NoOAuth:
    """Tokens of these tests are never renewed."""

    def refresh(self, refresh_token: str) -> TokenReply:
        raise AssertionError

    def revoke(self, token: str) -> None:
        raise AssertionError
