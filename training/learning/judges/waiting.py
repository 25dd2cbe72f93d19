"""When to ask again: exponential waits with jitter, and what the server asks for."""

import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from .endpoint import Endpoint

RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504, 529})


def seconds_to_wait(attempt: int, retry_after: float | None, endpoint: Endpoint, chance: random.Random) -> float | None:
    """Seconds before the next try after try ``attempt`` (from 0); None where asking again has no sense.

    Drawn evenly between half and all of first_wait·2^attempt, at most ``longest_wait``; a server's Retry-After is
    the least. None after the last try, or where the server asks for more than ``longest_wait``.
    """
    if attempt + 1 >= endpoint.attempts or (retry_after or 0.0) > endpoint.longest_wait:
        return None
    most = min(endpoint.longest_wait, endpoint.first_wait * 2.0**attempt)
    return max(retry_after or 0.0, most * (0.5 + 0.5 * chance.random()))


def retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds that a Retry-After header asks for, in either of its two forms; None where it says nothing readable."""
    if not value:
        return None
    if value.strip().isdecimal():
        return float(value[:12])
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (until - (now or datetime.now(UTC))).total_seconds())
