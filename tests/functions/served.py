"""A simulator on the loopback for as long as a test needs it."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import uvicorn

from sandbox.simulator.app import Simulator


@contextmanager
def served(simulator: Simulator) -> Iterator[str]:
    """Its base URL."""
    server = uvicorn.Server(uvicorn.Config(simulator.asgi, log_level="error", timeout_graceful_shutdown=1))
    listening = socket.create_server(("127.0.0.1", 0))
    thread = Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()
