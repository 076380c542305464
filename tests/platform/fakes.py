"""A platform in a function: replies in the order given, the last one again and again."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from jiuwu.platform.calls.client import CallRecord, PlatformClient
from jiuwu.platform.calls.oauth import OAuthClient
from jiuwu.platform.profile import load
from jiuwu.platform.profile.contract import Profile
from jiuwu.runtime import Runtime

NOW = 1_763_800_000.0
SECRET = "s3cr3t-of-the-app"
STALE, FRESH = "AT-stale-7f3a", "AT-fresh-9c1b"

PAYMENT: dict[str, Any] = {"transaction_id": "T1", "amount": "12.34", "paid_at": 1_763_800_100}
REFUND: dict[str, Any] = {
    "refund_id": "R1",
    "out_refund_no": "OR1",
    "transaction_id": "T1",
    "amount": "0.01",
    "refunded_at": 1_763_800_200,
}
PAID = {"out_order_no": "JW1", "platform_order_no": "P1", "open_id": "o1", **PAYMENT}

type Step = Callable[[httpx.Request], httpx.Response] | type[httpx.HTTPError]


@dataclass(frozen=True)
class AppSecrets:
    current: str = SECRET


@dataclass
class Member:
    """A token source that counts its renewals."""

    stale: list[str] = field(default_factory=list)

    def access_token(self) -> str:
        return STALE

    def renew(self, stale: str) -> str:
        self.stale.append(stale)
        return FRESH


@dataclass
class Rig:
    steps: tuple[Step, ...]
    now: float = NOW
    requests: list[httpx.Request] = field(default_factory=list)
    records: list[CallRecord] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def handle(self, request: httpx.Request) -> httpx.Response:
        step = self.steps[min(len(self.requests), len(self.steps) - 1)]
        self.requests.append(request)
        if isinstance(step, type):
            raise step(f"about {request.url}")
        return step(request)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def kwargs(self) -> dict[str, Any]:
        nonces = itertools.count(1)
        return {
            "base_url": "https://platform.example/api/",
            "app_id": "app-1",
            "secrets": AppSecrets,
            "http": httpx.Client(transport=httpx.MockTransport(self.handle)),
            "runtime": Runtime(clock=lambda: self.now, sleep=self.sleep, random=lambda: 1.0),
            "nonce": lambda: f"nonce-{next(nonces)}",
            "on_attempt": self.records.append,
        }

    def timestamps(self) -> list[int]:
        return [int(request.url.params["timestamp"]) for request in self.requests]

    def outcomes(self) -> list[tuple[str, str, object]]:
        return [(record.name, record.outcome, record.code) for record in self.records]


def client(*steps: Step, profile: Profile | None = None) -> tuple[PlatformClient, Rig]:
    rig = Rig(steps)
    return PlatformClient(profile or load(), **rig.kwargs()), rig


def oauth(*steps: Step, profile: Profile | None = None) -> tuple[OAuthClient, Rig]:
    rig = Rig(steps)
    return OAuthClient(profile or load(), **rig.kwargs()), rig


def envelope(code: object, data: object = None, *, status: int = 200, **headers: str) -> Step:
    """An envelope; header names with underscores for hyphens."""
    body = {"code": code, "msg": "说明", "request_id": "r-1", "data": data}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda request: httpx.Response(status, json=body, headers=named)


def ok(data: object) -> Step:
    return envelope(0, data)


def raw(content: bytes, *, status: int = 200, **headers: str) -> Step:
    named = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return lambda request: httpx.Response(status, content=content, headers=named)


def order(number: str = "JW1", **changes: object) -> dict[str, object]:
    return {
        "platform_order_no": "P1",
        "out_order_no": number,
        "open_id": "o1",
        "status": "created",
        "amount": "12.34",
        "paid_amount": "0.00",
        "items": [],
        "pay_url": "https://pay.example/1",
        "payments": [],
        "refunds": [],
        "created_at": 1_763_800_000,
        "updated_at": 1_763_800_000,
    } | changes
