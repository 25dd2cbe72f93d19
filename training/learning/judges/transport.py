"""One POST of JSON over http or https: bounded in time and size, without redirects, proxies or cookies."""

import http.client
import ssl
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from .endpoint import Endpoint
from .trouble import JudgeTrouble

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
    """Send JSON to ``base_url`` + ``path``. Raises Unreachable, or JudgeTrouble for an answer that is too long."""
    deadline = time.monotonic() + endpoint.timeout
    connection = _connection(endpoint)
    headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "heed"}
    if endpoint.key:
        headers["Authorization"] = f"Bearer {endpoint.key}"
    try:
        connection.request("POST", urlsplit(endpoint.base_url).path.rstrip("/") + path, body, headers)
        return _read(connection, connection.getresponse(), endpoint, deadline)
    except ssl.SSLCertVerificationError as error:
        raise JudgeTrouble(f"{endpoint.shown}: its certificate is not trusted ({error.verify_message})") from None
    except (OSError, http.client.HTTPException) as error:
        reason = "no answer in time" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
        raise Unreachable(f"{endpoint.shown} cannot be reached: {reason}") from None
    finally:
        connection.close()


def _connection(endpoint: Endpoint) -> http.client.HTTPConnection:
    parts = urlsplit(endpoint.base_url)
    host = parts.hostname or ""
    if parts.scheme == "https":
        trusted = ssl.create_default_context()
        return http.client.HTTPSConnection(host, parts.port, timeout=endpoint.timeout, context=trusted)
    return http.client.HTTPConnection(host, parts.port, timeout=endpoint.timeout)


def _read(
    connection: http.client.HTTPConnection, answer: http.client.HTTPResponse, endpoint: Endpoint, deadline: float
) -> Reply:
    """The body in pieces, so that neither a slow nor an endless one holds the caller."""
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
            raise JudgeTrouble(f"{endpoint.shown} answered with more than {endpoint.largest_answer} bytes")
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if connection.sock is not None:
            connection.sock.settimeout(left)
    return Reply(answer.status, answer.getheader("Retry-After"), b"".join(pieces))
