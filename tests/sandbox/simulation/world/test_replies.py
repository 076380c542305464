"""What every reply of every function with a URL has in common."""

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.simulation.world.actors import Member
from sandbox.simulation.world.world import MERCHANT_KEY, World
from tests.sandbox.simulation.world_rig import TEA, stocked_world

PATHS = [
    *("/oauth/login", "/oauth/callback", "/oauth/session", "/oauth/unlink", "/webhooks/jiuwu", "/orders", "/points"),
    *("/orders/JW1", "/orders/JW1/cancel", "/merchant/orders/JW1", "/merchant/orders/JW1/refunds"),
    *("/merchant/orders", "/merchant/members/mb_1/points"),
]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with stocked_world() as built:
        yield built


def header(reply: dict[str, Any], name: str) -> str:
    return {key.lower(): str(value) for key, value in reply["headers"].items()}.get(name, "")


def test_the_paths_are_those_of_the_template(world: World) -> None:
    routes = [route.path for function in world.functions.values() for route in function.routes]

    assert [] == [route.pattern for route in routes if not any(route.fullmatch(path) for path in PATHS)]


@pytest.mark.parametrize("path", PATHS)
def test_no_browser_takes_a_refusal_for_something_else(world: World, path: str) -> None:
    methods = [r.method for f in world.functions.values() for r in f.routes if r.path.fullmatch(path)]
    for method in methods:
        for headers in ({}, {"authorization": f"Bearer {MERCHANT_KEY}"}, {"content-type": "text/plain"}):
            reply = world.http("POST" if method == "ANY" else method, path, body="<script>", **headers)
            assert "nosniff" == header(reply, "x-content-type-options"), (method, path, reply["statusCode"])


def test_no_browser_takes_a_success_for_something_else(world: World) -> None:
    member = Member(world, "ou_lan")
    replies: list[dict[str, Any]] = []
    served = world.http

    def noting(*requested: Any, **more: Any) -> dict[str, Any]:
        replies.append(served(*requested, **more))
        return replies[-1]

    world.http = noting  # type: ignore[method-assign]
    try:
        member.log_in()
        world.platform.actions.pay(member.place("k1", TEA))
        world.clock.run(world.clock.now + 60)
    finally:
        world.http = served  # type: ignore[method-assign]

    assert {200, 201, 302} == {reply["statusCode"] for reply in replies}
    assert {"nosniff"} == {header(reply, "x-content-type-options") for reply in replies}
