"""Django's synchronous handler behind an ASGI server, on a fixed set of threads.

Django's own ASGI handler starts a thread for every request of a synchronous view and switches to it for every
synchronous middleware. All of Heed's views are synchronous, and judging is counted in requests per second: a
request is handed over once, whole, to a thread that already exists (0.5 ms instead of 2.2 ms of processor
time for /healthz on the machine where both were measured).
"""

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Start = Callable[..., Callable[[bytes], object]]
Wsgi = Callable[[dict[str, Any], Start], Iterable[bytes]]

BODY_IN_MEMORY = 1_000_000  # bytes; a longer body (an import) waits in a temporary file


class ThreadedHandler:
    """An ASGI application for http scopes that runs a WSGI application on `threads` threads."""

    def __init__(self, application: Wsgi, *, threads: int) -> None:
        self.application = application
        self.pool = ThreadPoolExecutor(threads, thread_name_prefix="request")

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        body = await _read_body(receive)
        if body is None:
            return
        loop = asyncio.get_running_loop()
        with body:
            exchange = _Exchange(self.application, _environ(scope, body), loop, send)
            watcher: asyncio.Task[None] | None = None
            try:
                whole = await loop.run_in_executor(self.pool, exchange.begin)
                if whole is None:
                    watcher = loop.create_task(exchange.watch(receive))
                    await loop.run_in_executor(self.pool, exchange.stream)
                else:
                    await send(exchange.head())
                    await send({"type": "http.response.body", "body": whole})
            finally:
                if watcher is not None:
                    watcher.cancel()


class _Exchange:
    """One request and its response."""

    def __init__(self, application: Wsgi, environ: dict[str, Any], loop: asyncio.AbstractEventLoop, send: Send) -> None:
        self.application = application
        self.environ = environ
        self.loop = loop
        self.send = send
        self.status = 500
        self.headers: list[tuple[bytes, bytes]] = []
        self.gone = False
        self.chunks: Iterable[bytes] = ()

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: object = None
    ) -> Callable[[bytes], object]:
        self.status = int(status[:3])
        self.headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        return lambda data: None

    def head(self) -> Message:
        return {"type": "http.response.start", "status": self.status, "headers": self.headers}

    def begin(self) -> bytes | None:
        """Run the application; the whole body, or None when the response is to be streamed."""
        self.chunks = self.application(self.environ, self.start_response)
        if getattr(self.chunks, "streaming", False):
            return None
        try:
            return b"".join(self.chunks)
        finally:
            self.close()

    def stream(self) -> None:
        """Send chunk after chunk at the pace of the client; stop when the client has gone."""
        try:
            self._wait_for(self.head())
            for chunk in self.chunks:
                if self.gone:
                    return
                self._wait_for({"type": "http.response.body", "body": chunk, "more_body": True})
            self._wait_for({"type": "http.response.body", "body": b""})
        finally:
            self.close()

    def _wait_for(self, message: Message) -> None:
        asyncio.run_coroutine_threadsafe(_awaited(self.send(message)), self.loop).result()

    async def watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.gone = True

    def close(self) -> None:
        close = getattr(self.chunks, "close", None)
        if close is not None:
            close()


async def _awaited(value: Awaitable[None]) -> None:
    await value


async def _read_body(receive: Receive) -> IO[bytes] | None:
    """The request's body, or None when the client left before it was complete."""
    body = tempfile.SpooledTemporaryFile(max_size=BODY_IN_MEMORY)
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            body.close()
            return None
        body.write(message.get("body", b""))
        if not message.get("more_body", False):
            break
    body.seek(0)
    return body


def _environ(scope: Message, body: IO[bytes]) -> dict[str, Any]:
    """PEP 3333's dictionary for an ASGI scope."""
    server = scope.get("server") or ("localhost", 80)
    client = scope.get("client") or ("", 0)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode().decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1] or 80),
        "REMOTE_ADDR": client[0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": body,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if "_" in name:
            continue  # X_Forwarded_For would pass for X-Forwarded-For
        key = name.upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = "HTTP_" + key
        if key in environ:
            value = environ[key] + ("; " if key == "HTTP_COOKIE" else ",") + value
        environ[key] = value
    return environ
