"""`manage.py bench WHAT`: measure the real thing, each time on a database of its own that is dropped afterwards."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand

from alignment_site.benching.throwaway import run_on_throwaway


class Command(BaseCommand):
    help = "Measures judging: cycles per second, latency, and whether anything was lost or doubled."

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_subparsers(dest="what", required=True)
        judging = what.add_parser("judging", help="annotators in a closed loop against the real server")
        judging.add_argument("--annotators", type=int, default=32)
        judging.add_argument("--seconds", type=float, default=20.0, help="of each round")
        judging.add_argument("--rounds", type=int, default=3, help="the figures are medians over the rounds")
        judging.add_argument("--comparisons", type=int, default=30_000, help="open ones in the queue at the start")
        judging.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
        judging.add_argument("--here", action="store_true", help="on this very database, which must be empty")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["here"]:
            sys.exit(run_on_throwaway("heed_bench", [*sys.argv[1:], "--here"]))
        self.judging(options)

    def judging(self, options: dict[str, Any]) -> None:
        from alignment_site.benching.judging import measure

        call_command("migrate", verbosity=0, interactive=False)
        try:
            found = measure(**{key: options[key] for key in ("annotators", "seconds", "rounds", "comparisons")})
        except RuntimeError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(found))
        else:
            for name, value in found.items():
                self.stdout.write(f"{name:20} {value}")
