"""What tests of the sandbox share."""

from collections.abc import Iterator

import pytest

from sandbox.simulation.world.actors import Member
from sandbox.simulation.world.world import World
from tests.sandbox.simulation.world_rig import stocked_world


@pytest.fixture
def anyio_backend() -> str:
    """Tests marked anyio run on asyncio, as the simulator does."""
    return "asyncio"


@pytest.fixture
def world() -> Iterator[World]:
    """The whole system on virtual time, with products to sell."""
    with stocked_world() as world:
        yield world


@pytest.fixture
def lan(world: World) -> Member:
    """A member who is logged in."""
    member = Member(world, "ou_lan")
    member.log_in()
    return member
