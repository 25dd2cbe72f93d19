"""Django behind an ASGI server, on threads that already exist."""

import asyncio
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from alignment_site.threads import Message, Start, ThreadedHandler


def exchange(
    application: Any,
    *,
    body: list[bytes] | None = None,
    headers: list[tuple[bytes, bytes]] | None = None,
    leave: int = 0,
) -> list[Message]:
    """Send one request and return the messages of the answer; the client leaves after `leave` of them."""
    handler = ThreadedHandler(application, threads=2)
    parts = [b""] if body is None else body
    incoming = [
        {"type": "http.request", "body": part, "more_body": number < len(parts) - 1}
        for number, part in enumerate(parts)
    ]
    answer: list[Message] = []
    gone = asyncio.Event()

    async def receive() -> Message:
        if incoming:
            return incoming.pop(0)
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        answer.append(message)
        if leave and len(answer) >= leave:
            gone.set()
            await asyncio.sleep(0.05)

    scope: Message = {
        "type": "http",
        "method": "POST",
        "path": "/grüße",
        "query_string": b"a=1",
        "http_version": "1.1",
        "scheme": "http",
        "headers": headers or [],
        "client": ("192.0.2.1", 5),
        "server": ("127.0.0.1", 8000),
    }
    asyncio.run(handler(scope, receive, send))
    return answer


def test_the_environ_carries_what_the_request_carried() -> None:
    seen: dict[str, Any] = {}

    def application(environ: dict[str, Any], start: Start) -> list[bytes]:
        seen.update(environ, body=environ["wsgi.input"].read())
        start("204 No Content", [("X-One", "1"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
        return []

    headers = [
        (b"content-type", b"text/plain"),
        (b"cookie", b"a=1"),
        (b"cookie", b"b=2"),
        (b"x-forwarded-for", b"203.0.113.1"),
        (b"x_forwarded_for", b"127.0.0.1"),
    ]
    start, rest = exchange(application, body=[b"one ", b"two"], headers=headers)
    assert seen["PATH_INFO"].encode("latin-1").decode() == "/grüße"
    assert (seen["REQUEST_METHOD"], seen["QUERY_STRING"], seen["REMOTE_ADDR"]) == ("POST", "a=1", "192.0.2.1")
    assert seen["body"] == b"one two"
    assert seen["CONTENT_TYPE"] == "text/plain"
    assert seen["HTTP_COOKIE"] == "a=1; b=2"
    assert seen["HTTP_X_FORWARDED_FOR"] == "203.0.113.1"
    assert start["status"] == 204
    assert start["headers"] == [(b"x-one", b"1"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
    assert rest["body"] == b""


def test_a_body_of_many_megabytes_arrives_whole() -> None:
    def application(environ: dict[str, Any], start: Start) -> list[bytes]:
        start("200 OK", [])
        return [str(len(environ["wsgi.input"].read())).encode()]

    assert exchange(application, body=[b"x" * 500_000] * 6)[1]["body"] == b"3000000"


class Streaming:
    """As a Django response whose content is produced while it is sent."""

    streaming = True

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.chunks = chunks
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.chunks)

    def close(self) -> None:
        self.closed = True


def test_a_stream_is_sent_chunk_by_chunk_and_closed() -> None:
    response = Streaming([b"one", b"two"])

    def application(environ: dict[str, Any], start: Start) -> Streaming:
        start("200 OK", [])
        return response

    answer = exchange(application)
    assert [message.get("body") for message in answer] == [None, b"one", b"two", b""]
    assert [message.get("more_body", False) for message in answer[1:]] == [True, True, False]
    assert response.closed


def test_a_stream_stops_when_the_client_has_gone() -> None:
    made: list[int] = []

    def endless() -> Iterator[bytes]:
        while True:
            made.append(1)
            yield b"more"

    response = Streaming(endless())

    def application(environ: dict[str, Any], start: Start) -> Streaming:
        start("200 OK", [])
        return response

    exchange(application, leave=5)
    assert 3 <= len(made) <= 10
    assert response.closed


def test_the_response_is_closed_even_when_producing_it_fails() -> None:
    response = Streaming(iter(()))

    def broken() -> Iterator[bytes]:
        yield b"one"
        raise ValueError("broken")

    response.chunks = broken()

    def application(environ: dict[str, Any], start: Start) -> Streaming:
        start("200 OK", [])
        return response

    with pytest.raises(ValueError, match="broken"):
        exchange(application)
    assert response.closed


def test_requests_run_side_by_side_up_to_the_number_of_threads() -> None:
    together = threading.Barrier(2, timeout=5)

    def application(environ: dict[str, Any], start: Start) -> list[bytes]:
        together.wait()
        start("200 OK", [])
        return [b"both"]

    handler = ThreadedHandler(application, threads=2)

    async def one() -> list[Message]:
        answer: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b""}

        async def send(message: Message) -> None:
            answer.append(message)

        scope: Message = {"method": "GET", "path": "/", "query_string": b"", "http_version": "1.1", "headers": []}
        await handler(scope, receive, send)
        return answer

    async def main() -> list[list[Message]]:
        return list(await asyncio.gather(one(), one()))

    started = time.monotonic()
    assert [answer[1]["body"] for answer in asyncio.run(main())] == [b"both", b"both"]
    assert time.monotonic() - started < 5
