"""Find the sandbox that is running on this machine by its state file."""

import os
from pathlib import Path

import msgspec

from jiuwu_cli.terminal.errors import CommandError

START_HINT = "start one with `make up`"


class Sandbox(msgspec.Struct, frozen=True):
    """The part of the state file that the commands need."""

    api_url: str
    simulator_url: str
    app_id: str
    app_secret: str
    pids: dict[str, int]
    aws_endpoint_url: str = ""

    def __repr__(self) -> str:
        return f"Sandbox({self.api_url})"

    @property
    def webhook_url(self) -> str:
        return f"{self.api_url}/webhooks/jiuwu"


def find(folder: Path | None = None) -> Sandbox | None:
    """Return the running sandbox, or None. Raise CommandError for a file that cannot be read."""
    state = state_file(folder or Path.cwd())
    try:
        sandbox = msgspec.json.decode(state.read_bytes(), type=Sandbox)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CommandError(f"{state} cannot be read ({error.strerror})", "make it readable") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise CommandError(f"{state} is not the state of a sandbox", f"delete it; {START_HINT}") from None
    # a sandbox that was killed leaves its file behind
    return sandbox if any(_alive(pid) for pid in sandbox.pids.values()) else None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def state_file(folder: Path) -> Path:
    """Return .sandbox/state.json of the project that contains `folder`, else of this checkout."""
    places = [folder, *folder.parents, Path(__file__).resolve().parents[2]]
    home = next((place for place in places if (place / ".sandbox").is_dir()), places[-1])
    return home / ".sandbox" / "state.json"
