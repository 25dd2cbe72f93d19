"""A connection that has one deadline for everything: each address tried, the handshake, the headers and the body."""

import io
import socket
import ssl
import time
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


@dataclass(frozen=True)
class Deadline:
    """A moment of the monotonic clock."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """So many seconds from now."""
        return cls(time.monotonic() + seconds)

    def left(self) -> float:
        """Seconds that are left, more than 0. Raises TimeoutError where none is."""
        if (seconds := self.at - time.monotonic()) <= 0:
            raise TimeoutError
        return seconds


class _Until(io.RawIOBase):
    """Reads a socket, each time for as long as is left: a server that drips bytes gains nothing by it."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock, self._deadline = sock, deadline
        self._inner = sock.makefile("rb", buffering=0)  # keeps the socket open as long as this is

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int | None:
        self._sock.settimeout(self._deadline.left())
        return self._inner.readinto(buffer)

    def close(self) -> None:
        self._inner.close()
        super().close()


class _Bounded(HTTPResponse):
    """A response whose status line, headers and body are read until the deadline."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        super().__init__(sock, method="POST")
        self.fp.close()
        self.fp = io.BufferedReader(_Until(sock, deadline))


def connected(base_url: str, deadline: Deadline) -> HTTPConnection:
    """A connection to the address's host, open. Raises OSError, TimeoutError at the deadline.

    Only the look-up of the host's name has the system's own bound instead.
    """
    parts = urlsplit(base_url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    sock = _opened(host, parts.port or (443 if secure else 80), deadline)
    try:
        made: HTTPConnection
        if secure:
            trusted = ssl.create_default_context()
            made = HTTPSConnection(host, parts.port, context=trusted)
            sock.settimeout(deadline.left())
            sock = trusted.wrap_socket(sock, server_hostname=host)
        else:
            made = HTTPConnection(host, parts.port)
        sock.settimeout(deadline.left())
    except BaseException:
        sock.close()
        raise
    made.sock = sock
    return made


def answered(connection: HTTPConnection, deadline: Deadline) -> HTTPResponse:
    """The response to the request that was sent. Raises OSError or HTTPException, TimeoutError at the deadline."""
    connection.response_class = lambda sock, method=None: _Bounded(sock, deadline)  # type: ignore[assignment]
    return connection.getresponse()


def _opened(host: str, port: int, deadline: Deadline) -> socket.socket:
    """A socket to the first of the host's addresses that takes one."""
    trouble = OSError("its name has no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(deadline.left())
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        except OSError as error:
            sock.close()
            trouble = error
    raise trouble
