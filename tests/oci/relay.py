"""Between a client and a server: passes bytes on, until it does not."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from typing import Self

__all__ = ["Relay"]


class Relay:
    """A port in front of another one; a context manager.

    Args:
        port: of the server; None for one that never answers.
        most: bytes of a connection that are passed on to the server; what follows is not.
        breaks: how many connections are reset there, the others pass; None to hang there instead, each of them.
    """

    def __init__(self, port: int | None, most: int = 0, breaks: int | None = None) -> None:
        self._server, self._most, self._breaks = port, most, breaks
        self._listener = socket.create_server(("localhost", 0))
        self.port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.reached = threading.Event()
        """Set as soon as a connection has come so far."""

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        for one in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):  # it may be gone
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for one in (self._listener, *self._sockets):
            one.close()

    def _start(self, task: Callable[..., None], *args: socket.socket) -> None:
        self._threads.append(threading.Thread(target=task, args=args))
        self._threads[-1].start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(client)
            if self._server is not None:
                server = socket.create_connection(("localhost", self._server))
                self._sockets.append(server)
                self._start(self._up, client, server)
                self._start(self._pass, server, client)

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        if self._breaks != 0:
            self._pass(client, server, self._most)
            self.reached.set()
        if self._breaks is None:
            return
        if self._breaks:
            self._breaks -= 1
            client.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )  # a reset, at once
            server.shutdown(socket.SHUT_RDWR)
            client.close()
        else:
            self._pass(client, server)

    @staticmethod
    def _pass(source: socket.socket, target: socket.socket, most: int = 1 << 40) -> None:
        try:
            while most > 0 and (data := source.recv(min(most, 1 << 16))):
                target.sendall(data)
                most -= len(data)
        except OSError:
            pass  # one of the two is gone
