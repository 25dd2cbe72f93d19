"""One POST of JSON over http or https: bounded in time and size, without redirects, proxies or cookies."""

import http.client
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

from .endpoint import Endpoint
from .trouble import JudgeTrouble, NoUsableAnswer
from .wire import Deadline, answered, connected

PIECE = 65_536


class Unreachable(JudgeTrouble):
    """The connection failed or broke; asking again may help."""


@dataclass(frozen=True)
class Reply:
    """What came back: status, the Retry-After header as it was, and the body."""

    status: int
    retry_after: str | None
    body: bytes


def post(endpoint: Endpoint, path: str, body: bytes) -> Reply:
    """Send JSON to ``base_url`` + ``path``. Raises Unreachable, or NoUsableAnswer for an answer that is too long."""
    try:
        return _posted(endpoint, path, body, Deadline.after(endpoint.timeout))
    except ssl.SSLCertVerificationError as error:
        raise JudgeTrouble(f"{endpoint.shown}: its certificate is not trusted ({error.verify_message})") from None
    except TimeoutError:
        raise Unreachable(f"{endpoint.shown} cannot be reached: no answer in time") from None
    except http.client.IncompleteRead:
        raise Unreachable(f"{endpoint.shown} broke its answer off, or it is no JSON") from None
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(f"{endpoint.shown} cannot be reached: {str(error) or type(error).__name__}") from None


def _posted(endpoint: Endpoint, path: str, body: bytes, deadline: Deadline) -> Reply:
    headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "heed"}
    if endpoint.key:
        headers["Authorization"] = f"Bearer {endpoint.key}"
    connection = connected(endpoint.base_url, deadline)
    try:
        connection.request("POST", urlsplit(endpoint.base_url).path.rstrip("/") + path, body, headers)
        with answered(connection, deadline) as answer:
            return _read(answer, endpoint)
    finally:
        connection.close()


def _read(answer: http.client.HTTPResponse, endpoint: Endpoint) -> Reply:
    """The body in pieces, so that an endless one does not fill the memory."""
    if 300 <= answer.status < 400:
        raise JudgeTrouble(
            f"{endpoint.shown} redirects elsewhere, which is not followed because the key would go along: "
            "set the address that it redirects to"
        )
    pieces: list[bytes] = []
    size = 0
    while piece := answer.read1(PIECE):
        size += len(piece)
        pieces.append(piece)
        if size > endpoint.largest_answer:
            raise NoUsableAnswer(f"{endpoint.shown} answered with more than {endpoint.largest_answer} bytes")
    body = b"".join(pieces)
    open_end = answer.length is None and not answer.chunked and answer.status == 200
    if answer.length or (open_end and not body.rstrip().endswith(b"}")):  # http.client takes that for the end
        raise http.client.IncompleteRead(body)
    return Reply(answer.status, answer.getheader("Retry-After"), body)
