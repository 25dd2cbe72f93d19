"""A test server on loopback that speaks OpenAI's chat completions: no judge, and never part of the product.

Free text is sampled from a real, small policy; where a method needs well-formed code or tool calls, a script of the
test writes them.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.training.learning.tiny import user
from training.learning.judges import Endpoint
from training.learning.models import Policy
from training.learning.recipes import SamplerSettings
from training.learning.sampling import sample


@dataclass
class Served:
    """What a request gets: a text, or a status with headers and a raw body."""

    text: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    usage: int | None = 10
    finish: str = "stop"

    @property
    def body(self) -> bytes:
        if self.raw is not None:
            return self.raw
        usage = {} if self.usage is None else {"usage": {"total_tokens": self.usage}}
        message = {"role": "assistant", "content": self.text}
        return json.dumps({"choices": [{"message": message, "finish_reason": self.finish}], **usage}).encode()


Script = Callable[[dict[str, Any]], Served]


@dataclass
class ChatServer:
    """A running test server: its address, and every request it got (path, headers, body)."""

    url: str
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    most_at_once: int = 0

    def endpoint(self, **changes: Any) -> Endpoint:
        """Its endpoint, with waits that a test can afford."""
        return Endpoint(**{"base_url": self.url, "model": "test", "first_wait": 0.0, "longest_wait": 2.0, **changes})


@contextmanager
def chat_server(script: Script) -> Iterator[ChatServer]:
    """Serve on a free port of loopback until the block ends."""
    lock = threading.Lock()
    inside = 0

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            nonlocal inside
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                inside += 1
                seen.most_at_once = max(seen.most_at_once, inside)
                seen.requests.append(asked)
                seen.headers.append(dict(self.headers))
                seen.paths.append(self.path)
            try:
                answer = script(asked)
            finally:
                with lock:
                    inside -= 1
            try:
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)
            except OSError:
                pass  # the client has turned away, as some tests want

        def log_message(self, format: str, *args: Any) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    seen = ChatServer(f"http://127.0.0.1:{server.server_address[1]}/v1")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def in_turn(*answers: Served) -> Script:
    """Answers one after the other; the last one again and again."""
    left = list(answers)
    lock = threading.Lock()

    def script(asked: dict[str, Any]) -> Served:
        with lock:
            return left.pop(0) if len(left) > 1 else left[0]

    return script


def spoken_by(policy: Policy, most_tokens: int = 32) -> Script:
    """The policy's own sampled words, by the request's seed."""
    lock = threading.Lock()

    def script(asked: dict[str, Any]) -> Served:
        settings = SamplerSettings(max_new_tokens=min(int(asked["max_tokens"]), most_tokens))
        messages = user(asked["messages"][-1]["content"][-400:])
        with lock:
            said = sample(policy, [messages], settings, [int(asked["seed"])])[0]
        return Served(said.text, usage=len(said.token_ids))

    return script
