"""A session token from `jiuwu login` opens the deployed API for that member."""

import httpx
import pytest
from typer.testing import CliRunner

from jiuwu_cli.main import app
from sandbox.environment import Sandbox

pytestmark = [pytest.mark.sandbox, pytest.mark.xdist_group("sandbox"), pytest.mark.timeout(300, func_only=True)]


def test_the_token_opens_the_members_orders(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(sandbox.state_file.parents[1])

    result = CliRunner().invoke(app, ["login", "ou_new_member"], env={"COLUMNS": "200", "TERM": "dumb"})
    token = result.stdout.strip()
    orders = httpx.get(f"{sandbox.api_url}/orders", headers={"Authorization": f"Bearer {token}"}, timeout=30)

    assert (0, 200, []) == (result.exit_code, orders.status_code, orders.json()["orders"])
