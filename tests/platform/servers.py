"""A TCP server on this machine that says exactly what a test wants, as badly as it wants."""

import contextlib
import socket
import threading
from collections.abc import Callable

type Serve = Callable[[socket.socket], None]


class Server:
    """A TCP server that gives each connection to `serve`, in a thread of its own."""

    def __init__(self, serve: Serve) -> None:
        self._serve, self._stopped = serve, threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/x"

    @property
    def accepted(self) -> int:
        return len(self._open)

    def _accept(self) -> None:
        while True:
            connection, _address = self._listener.accept()
            if self._stopped.is_set():
                connection.close()
                return
            self._open.append(connection)
            thread = threading.Thread(target=self._talk, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            self._serve(connection)

    def close(self) -> None:
        self._stopped.set()
        socket.create_connection(("127.0.0.1", self.port)).close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()
