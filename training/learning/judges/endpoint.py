"""Where a capable language model answers, and what may be asked of it: one frozen dataclass."""

import ipaddress
import socket
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit


@dataclass(frozen=True)
class Endpoint:
    """An address that speaks OpenAI's chat completions: ``base_url`` is what stands before ``/chat/completions``.

    ``timeout`` is seconds for one whole request. A request is tried ``attempts`` times, with waits that double from
    ``first_wait`` to ``longest_wait`` seconds; a server that asks for a longer one is given up. ``concurrent``
    requests run at once; ``most_requests`` (tries included) and ``most_tokens`` (read and written) bound what one
    client may ask in its life; ``largest_answer`` is bytes. The key is never shown, logged or stored.
    """

    base_url: str
    model: str
    key: str = field(default="", repr=False)
    timeout: float = 120.0
    attempts: int = 5
    first_wait: float = 0.5
    longest_wait: float = 60.0
    concurrent: int = 4
    most_requests: int = 20_000
    most_tokens: int = 20_000_000
    largest_answer: int = 1_000_000

    def __post_init__(self) -> None:
        """Refuse in words what cannot be asked. No sentence holds the key."""
        _check_address(self.base_url, secret=bool(self.key))
        if not self.model.strip():
            raise ValueError("the judge needs the name of a model, as its server knows it")
        if not (self.key.isascii() and self.key.isprintable() and " " not in self.key):
            raise ValueError("the judge's key holds characters that no header may carry: copy it again")
        for name in ("attempts", "concurrent", "most_requests", "most_tokens", "largest_answer"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is at least 1, not {getattr(self, name)}")
        if not (self.timeout > 0 and 0 <= self.first_wait <= self.longest_wait):
            raise ValueError("timeout is above 0 seconds, and first_wait between 0 and longest_wait")

    @property
    def shown(self) -> str:
        """The address and the model, for people."""
        return f"{self.model} at {self.base_url}"


def _check_address(address: str, *, secret: bool) -> None:
    parts = _parts(address)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("the judge's address holds no account, question mark or #: the key is a setting of its own")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"the judge's address begins with http:// or https:// and a host, not {address[:80]!r}")
    if parts.scheme == "http" and secret and not _near(parts.hostname):
        raise ValueError(
            f"a key is not sent to {parts.hostname} over plain http, where others could read it: use https"
        )


def _parts(address: str) -> SplitResult:
    """The parts of an address that a request can be made from; what is wrong with another is said without it."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
        host.encode("idna")
    except ValueError:
        raise ValueError("the judge's address has a host or a port that cannot be read: copy it again") from None
    if port == 0:
        raise ValueError("the judge's address has port 0, at which nobody answers")
    if not (parts.path.isascii() and address.isprintable() and " " not in address):
        raise ValueError("the judge's address holds a space, or characters that no address may hold: copy it again")
    if _is_number(host):
        raise ValueError(f"the judge's host is written as the number {host}: write its four parts, as in 10.0.0.7")
    return parts


def _is_number(host: str) -> bool:
    """Is it an IPv4 address in a short form, which reads as a name and may be anywhere (8.8.8.8 is 134744072)?"""
    try:
        socket.inet_aton(host)
    except OSError:
        return False
    return not _is_address(host)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _near(host: str) -> bool:
    """Is it this machine or a private network?"""
    if not _is_address(host):
        return "." not in host or host.endswith((".local", ".internal"))
    address = ipaddress.ip_address(host)
    meant = getattr(address, "ipv4_mapped", None) or address
    return bool(meant.is_private)  # loopback is private too
