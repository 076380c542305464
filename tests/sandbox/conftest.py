"""What tests of the sandbox share."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """Tests marked anyio run on asyncio, as the simulator does."""
    return "asyncio"
