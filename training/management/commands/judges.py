"""`manage.py judges check`: does the configured language model answer, and what is wrong if not?"""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from alignment_site.env import BadSetting
from training.judging import judge_endpoint
from training.learning.judges import ChatClient, JudgeTrouble, Question
from training.learning.judges.structured import json_object

SECONDS = 30.0


class Command(BaseCommand):
    """The language model that judges, criticises and writes for the trainer."""

    help = "The language model that judges and writes: `check` asks it one question and says what is wrong."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One word."""
        words = parser.add_subparsers(dest="word", required=True, metavar="check")
        words.add_parser("check", help="ask the configured endpoint one question, and say what is wrong")

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask, and tell what came."""
        try:
            endpoint = judge_endpoint()
            if endpoint is None:
                raise CommandError(
                    "No judge is set: give HEED_JUDGE_URL (what stands before /chat/completions), "
                    "HEED_JUDGE_MODEL and, if it wants one, HEED_JUDGE_KEY."
                )
            self.stdout.write(f"asking {endpoint.shown}, {'with' if endpoint.key else 'without'} a key")
            client = ChatClient(endpoint)
            began = time.monotonic()
            answer = client.ask(Question(({"role": "user", "content": ASKED},), max_tokens=200))
        except (BadSetting, JudgeTrouble) as error:
            raise CommandError(str(error)) from error
        took = time.monotonic() - began
        cut = ", and was cut at the limit" if answer.cut else ""
        self.stdout.write(f"it answered in {took:.1f} s, {answer.tokens or 'an unknown number of'} tokens{cut}")
        try:
            right = json_object(answer.text, {"sum": int})["sum"] == 42
        except ValueError as error:
            self.stdout.write(
                f"but not in the form asked for ({error}): written rewards and judges may not understand it"
            )
            return
        self.stdout.write("in the form asked for" + ("" if right else ", with a wrong sum: a weak judge"))


ASKED = 'Add 19 and 23. Answer with one JSON object of the form {"sum": number} and nothing else.'
