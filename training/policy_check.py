"""Whether a policy can be used, asked before a project is saved."""

import json
import subprocess
import sys
from typing import Any

from django.conf import settings

SECONDS = 180


class UnusablePolicy(ValueError):
    """The policy does not load or cannot answer; the message says why and what to do."""


def check_policy(ref: str) -> dict[str, Any]:
    """What is known of the policy behind `ref` (`starter`, a directory or a hub name): parameters, digest, directory.

    Costs a process that loads the model: seconds for a small one. Raises UnusablePolicy.
    """
    command = [sys.executable, "-m", "training.learning.check", ref]
    try:
        done = subprocess.run(
            command, cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise UnusablePolicy(
            f"{ref!r} did not load within {SECONDS} seconds. Download it first and give its directory."
        ) from error
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError as error:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
        raise UnusablePolicy(f"{ref!r} could not be checked: {last[0]}") from error
    if not answer["ok"]:
        raise UnusablePolicy(str(answer["error"]))
    return answer
