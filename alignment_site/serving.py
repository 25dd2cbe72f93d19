"""The site's own web processes for as long as a command needs them."""

import os
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager

from django.conf import settings

from alignment_site import env, web

HEALTHY_SECONDS = 30.0


class NotServing(RuntimeError):
    """The web processes did not come up."""


@contextmanager
def served() -> Iterator[str]:
    """Start web processes on the site's address and stop them at the end. Yields the address once it answers.

    Raises OSError when the port is taken and NotServing when nothing answers.
    """
    from alignment_site.management.commands.heed import web_parts

    read_end, write_end = os.pipe()
    with closing(web.bind(env.host(), env.port())) as listener:
        parts = web_parts(listener)
        try:
            for part in parts:
                part.start(read_end)
            wait_until_healthy(settings.HEED_URL)
            yield str(settings.HEED_URL)
        finally:
            for part in parts:
                if part.process is not None:
                    part.process.terminate()
                    part.process.wait(20)
            os.close(write_end)
            os.close(read_end)


def wait_until_healthy(url: str, seconds: float = HEALTHY_SECONDS) -> None:
    """Return when the address answers that it is well. Raises NotServing after `seconds`."""
    deadline = time.monotonic() + seconds
    while not is_healthy(url):
        if time.monotonic() > deadline:
            raise NotServing(f"Nothing answers at {url}/healthz.")
        time.sleep(0.05)


def is_healthy(url: str) -> bool:
    """Whether a Heed answers at an address."""
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=5) as reply:  # noqa: S310 - the operator's own address
            return bool(reply.status == 200)
    except OSError:  # a refusal, a time-out or an error page: urllib's errors are all of this kind
        return False
