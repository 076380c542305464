"""Serve the simulator: `python -m sandbox.simulator --port 8095`."""

import argparse
import asyncio
import logging
import secrets
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import uvicorn

from jiuwu.platform import profile
from sandbox.simulator.app import Simulator
from sandbox.simulator.state import App


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    app = App(options.app_id, options.app_secret or secrets.token_hex(16), options.previous_secret)
    try:
        simulator = Simulator(app, profile.load(options.profile), host=options.host, state_file=options.state_file)
    except msgspec.DecodeError:
        sys.exit(f"{options.state_file} holds no state that can be read; move it away to start afresh")
    except profile.ProfileError as error:
        sys.exit(str(error))
    listening = socket.create_server((options.host, options.port), backlog=512)
    # asyncio does this only for sockets it makes itself; without it each reply waits 40 ms for a delayed ACK
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    port = listening.getsockname()[1]
    print(f"simulator on http://{options.host}:{port} for app {app.app_id}", flush=True)
    if not options.app_secret:
        print(f"app secret of this run: {app.secret}", flush=True)
    logging.getLogger("uvicorn.error").addFilter(_is_not_injected)
    settings = uvicorn.Config(
        simulator.asgi, log_level="warning", access_log=False, timeout_graceful_shutdown=1, lifespan="on"
    )
    asyncio.run(uvicorn.Server(settings).serve(sockets=[listening]))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.simulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    parser.add_argument("--app-id", default="jw_sandbox")
    parser.add_argument("--app-secret", default="", help="one is made up and printed when this is left out")
    parser.add_argument("--previous-secret", default="", help="accepted too, as during a change of secrets")
    parser.add_argument("--profile", default="jiuwu", help="which contract to serve")
    parser.add_argument("--state-file", type=Path, help="kept across runs")
    return parser.parse_args(arguments)


def _is_not_injected(record: logging.LogRecord) -> bool:
    """Hide the server's complaint about replies that fault injection cuts off on purpose."""
    return "without completing response" not in record.getMessage()


if __name__ == "__main__":
    main()
