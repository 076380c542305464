"""What tests of the sandbox share."""

from collections.abc import Iterator

import pytest

from sandbox.simulation.world.actors import Member
from sandbox.simulation.world.world import Town
from tests.sandbox.simulation.world_rig import stocked_town


@pytest.fixture
def anyio_backend() -> str:
    """Tests marked anyio run on asyncio, as the simulator does."""
    return "asyncio"


@pytest.fixture
def here() -> Iterator[Town]:
    """The whole system on virtual time, with products to sell."""
    with stocked_town() as town:
        yield town


@pytest.fixture
def lan(here: Town) -> Member:
    """A member who is logged in."""
    member = Member(here, "ou_lan")
    member.log_in()
    return member
