"""`manage.py bench WHAT`: measure the real thing, each time on a database of its own that is dropped afterwards."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand

from alignment_site.benching.throwaway import run_on_throwaway


class Command(BaseCommand):
    """`manage.py bench`: the figures of EXPERIMENTS.md."""

    help = "Measures judging (cycles per second, latency, anything lost or doubled), import and export."

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_subparsers(dest="what", required=True)
        judging = what.add_parser("judging", help="annotators in a closed loop against the real server")
        judging.add_argument("--annotators", type=int, default=32)
        judging.add_argument("--seconds", type=float, default=20.0, help="of each round")
        judging.add_argument("--rounds", type=int, default=3, help="the figures are medians over the rounds")
        judging.add_argument("--comparisons", type=int, default=30_000, help="open ones in the queue at the start")
        moved = {
            "import": what.add_parser("import", help="a file of preference pairs on its way in"),
            "export": what.add_parser("export", help="the same pairs on their way out"),
        }
        for one in moved.values():
            one.add_argument("--rows", type=int, default=100_000)
        moved["export"].add_argument("--format", choices=("trl", "kto", "heed"), default="trl")
        moved["export"].add_argument("--file", choices=("jsonl", "jsonl.gz", "parquet"), default="jsonl")
        for one in (judging, *moved.values()):
            one.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
            one.add_argument("--here", action="store_true", help="on this very database, which must be empty")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["here"]:
            sys.exit(run_on_throwaway("heed_bench", [*sys.argv[1:], "--here"]))
        call_command("migrate", verbosity=0, interactive=False)
        what = {"judging": self.judging, "import": self.bring_in, "export": self.take_out}
        try:
            found = what[options["what"]](options)
        except RuntimeError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(found))
        else:
            for name, value in found.items():
                self.stdout.write(f"{name:20} {value}")

    def judging(self, options: dict[str, Any]) -> dict[str, Any]:
        from alignment_site.benching.judging import measure

        return measure(**{key: options[key] for key in ("annotators", "seconds", "rounds", "comparisons")})

    def bring_in(self, options: dict[str, Any]) -> dict[str, float]:
        from alignment_site.benching.transfers import measure_import

        return measure_import(rows=options["rows"])

    def take_out(self, options: dict[str, Any]) -> dict[str, float]:
        from alignment_site.benching.transfers import measure_export
        from labeling.queries.export_rows import ExportOptions

        kind = "parquet" if options["file"] == "parquet" else "jsonl"
        chosen = ExportOptions(format=options["format"], file=kind, held_out=True)
        return measure_export(rows=options["rows"], options=chosen, packed=options["file"].endswith(".gz"))
