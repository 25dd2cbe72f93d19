"""What the judging page's script does, without a browser: a kept-alive connection that posts the verdict's form and
takes the next comparison out of the reply."""

import asyncio
import re
from dataclasses import dataclass, field
from urllib.parse import urlencode

ACTION = re.compile(rb'<form class="verdict" id="verdict" method="post" action="([^"]+)"')
HIDDEN = re.compile(rb'<input type="hidden" name="(csrfmiddlewaretoken|uuid|shown|guideline)" value="([^"]*)"')


class Unexpected(Exception):
    """The server answered something else than a page with a comparison; `status` 500 where it was no answer."""

    def __init__(self, message: str, status: int = 500) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class Form:
    """The verdict's form of one comparison: where it goes and its hidden fields."""

    action: str
    fields: dict[str, str]

    @classmethod
    def found_in(cls, page: bytes) -> "Form | None":
        """The form of a reply; None where the queue was empty. The first of each field is the verdict's own."""
        action = ACTION.search(page)
        if action is None:
            return None
        fields: dict[str, str] = {}
        for name, value in HIDDEN.findall(page, action.start()):
            fields.setdefault(name.decode(), value.decode())
        return cls(action[1].decode(), fields)


@dataclass
class Page:
    """A signed-in page of one annotator."""

    host: str
    port: int
    cookies: dict[str, str]
    reader: asyncio.StreamReader = field(init=False)
    writer: asyncio.StreamWriter = field(init=False)

    async def open(self, path: str) -> Form | None:
        """Load the page itself."""
        self.reader, self.writer = await asyncio.open_connection(self.host, self.port, limit=1 << 20)
        return Form.found_in(await self._exchange("GET", path, b"", {}))

    async def judge(self, form: Form, answer: int, seconds: float) -> Form | None:
        """Send a verdict. Returns the form of the next comparison, None when there is none. Raises Unexpected."""
        body = urlencode({**form.fields, "seconds": f"{seconds:.2f}", "reason": "", "answer": answer}).encode()
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-CSRFToken": form.fields["csrfmiddlewaretoken"],
            "HX-Request": "true",
        }
        return Form.found_in(await self._exchange("POST", form.action, body, headers))

    def close(self) -> None:
        self.writer.close()

    async def _exchange(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
        origin = f"http://{self.host}:{self.port}"
        given = {
            "Host": f"{self.host}:{self.port}",
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            "Origin": origin,
            "Referer": origin + path,
            "Content-Length": str(len(body)),
            **headers,
        }
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in given.items())
        self.writer.write(head.encode() + b"\r\n" + body)
        answer = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        status = int(answer.split(b" ", 2)[1])
        length = re.search(rb"\r\ncontent-length: (\d+)", answer)
        if length is None:
            raise Unexpected(f"{method} {path} answered {status} without a length", status)
        page = await self.reader.readexactly(int(length[1]))
        if status != 200:
            raise Unexpected(f"{method} {path} answered {status}: {page[:200].decode(errors='replace')}", status)
        return page
