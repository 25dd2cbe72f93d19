"""`manage.py bench WHAT`: measure the real thing, each time on a database of its own that is dropped afterwards."""

import json
import os
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand

from alignment_site import env
from alignment_site.benching.realtext import add_realtext_arguments, realtext
from alignment_site.benching.throwaway import run_on_throwaway
from alignment_site.patience import PATIENT
from alignment_site.result_files import refuse_unwritable

WITHOUT_DATABASE = ("training", "realtext", "refit", "updates")


class Command(BaseCommand):
    """`manage.py bench`: the figures of EXPERIMENTS.md."""

    help = "Measures judging (cycles per second, latency, what was lost), the posterior, import, export and training."

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_subparsers(dest="what", required=True)
        judging = what.add_parser("judging", help="annotators in a closed loop against the real server")
        judging.add_argument("--annotators", type=int, default=32)
        judging.add_argument("--seconds", type=float, default=20.0, help="of each round")
        judging.add_argument("--rounds", type=int, default=3, help="the figures are medians over the rounds")
        judging.add_argument("--comparisons", type=int, default=30_000, help="open ones in the queue at the start")
        judging.add_argument("--while-training", action="store_true", help="with a training run at work beside it")
        moved = {
            "import": what.add_parser("import", help="a file of preference pairs on its way in"),
            "export": what.add_parser("export", help="the same pairs on their way out"),
        }
        for one in moved.values():
            one.add_argument("--rows", type=int, default=100_000)
        moved["export"].add_argument("--format", choices=("trl", "kto", "helpsteer2", "heed"), default="trl")
        moved["export"].add_argument("--file", choices=("jsonl", "jsonl.gz", "parquet"), default="jsonl")
        posterior = what.add_parser("posterior", help="from a judgment to the posterior and the queue's order")
        posterior.add_argument("--seconds", type=float, default=20.0, help="of each window")
        posterior.add_argument("--rate", type=float, default=50.0, help="judgments a second")
        posterior.add_argument("--open", type=int, default=10_000, help="comparisons in the queue", dest="open_now")
        posterior.add_argument("--stored", type=int, default=100_000, help="judgments at the start")
        training = what.add_parser("training", help="training beside TRL and a bare loop, then refit and updates")
        training.add_argument("--pairs", type=int, default=320, help="of a training")
        training.add_argument("--repeats", type=int, default=1, help="of every lap; the middle one counts")
        training.add_argument("--threads", type=int, default=2)
        training.add_argument("--peer", type=Path, metavar="PYTHON", help="one that has TRL (else it is installed)")
        training.add_argument("--race-only", action="store_true", help="no refits, no updates")
        refit = what.add_parser("refit", help="refits after 1 %% new judgments beside cold ones")
        for one in (training, refit):
            one.add_argument("--judgments", type=int, default=1_000, help="of a refit")
            one.add_argument("--rounds", type=int, default=1, help="of refits; seconds are their medians")
            one.add_argument("--held-out", type=int, default=400, help="judgments that a warm start is measured on")
        updates = what.add_parser("updates", help="the fast posterior alone: 10,000 updates on 256 features")
        for one in (judging, posterior, training, refit, updates, *moved.values()):
            one.add_argument(
                "--json", nargs="?", const="-", metavar="FILE", help="one JSON object, printed or in a file"
            )
            one.add_argument("--here", action="store_true", help="on this very database, which must be empty")

        add_realtext_arguments(what.add_parser("realtext", help="reward models on public pairs, prompts unseen"))

    def handle(self, *args: Any, **options: Any) -> None:
        for name, value in PATIENT.items():  # before torch and scipy are loaded: runs have these too
            os.environ.setdefault(name, value)
        try:
            refuse_unwritable(options["json"])
        except ValueError as error:
            raise CommandError(str(error)) from error
        if not options.get("here") and options["what"] not in WITHOUT_DATABASE:
            sys.exit(run_on_throwaway("heed_bench", [*sys.argv[1:], "--here"]))
        if options.get("here"):
            call_command("migrate", verbosity=0, interactive=False)
        what: dict[str, Callable[[dict[str, Any]], Mapping[str, Any]]] = {
            "judging": self.judging,
            "posterior": self.posterior,
            "import": self.bring_in,
            "export": self.take_out,
            "training": self.training,
            "refit": self.refit,
            "updates": self.updates,
            "realtext": self.realtext,
        }
        try:
            self.tell(what[options["what"]](options), options)
        except (RuntimeError, ValueError, OSError) as error:
            raise CommandError(str(error)) from error

    def tell(self, found: Mapping[str, Any], options: dict[str, Any]) -> None:
        """Print the figures, or write them as JSON."""
        if options["json"] == "-":
            self.stdout.write(json.dumps(found))
        elif options["json"]:
            Path(options["json"]).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        elif options["what"] != "realtext":  # which has told its table
            for name, value in found.items():
                for line in value if name == "rows" else [value]:
                    self.stdout.write(line_of(line) if name == "rows" else f"{name:20} {line}")

    def realtext(self, options: dict[str, Any]) -> dict[str, Any]:
        table = self.stderr if options["json"] == "-" else self.stdout  # which then holds JSON alone
        return realtext(options, self.stderr.write, table.write)

    def judging(self, options: dict[str, Any]) -> dict[str, Any]:
        from alignment_site.benching.judging import measure

        chosen = ("annotators", "seconds", "rounds", "comparisons", "while_training")
        return measure(**{key: options[key] for key in chosen})

    def posterior(self, options: dict[str, Any]) -> dict[str, object]:
        from alignment_site.benching.posterior import measure

        return measure(**{key: options[key] for key in ("seconds", "rate", "open_now", "stored")})

    def training(self, options: dict[str, Any]) -> dict[str, Any]:
        from training.lab.race.peer import peer_python
        from training.lab.race.race import Race

        peer = peer_python(env.home(), options["peer"], self.stderr.write)
        with tempfile.TemporaryDirectory(prefix="heed-race-") as place:
            chosen = {name: options[name] for name in ("pairs", "repeats", "threads")}
            rows = [asdict(row) for row in Race(Path(place), peer, say=self.stderr.write, **chosen).run()]
        if not options["race_only"]:
            rows += [*self.refit(options)["rows"], *self.updates(options)["rows"]]
        return {"rows": rows}

    def refit(self, options: dict[str, Any]) -> dict[str, Any]:
        from training.lab.refits import measure

        return measure(**{key: options[key] for key in ("judgments", "rounds", "held_out")})

    def updates(self, options: dict[str, Any]) -> dict[str, Any]:
        from training.lab.updates import measure

        return measure()

    def bring_in(self, options: dict[str, Any]) -> dict[str, float]:
        from alignment_site.benching.transfers import measure_import

        return measure_import(rows=options["rows"])

    def take_out(self, options: dict[str, Any]) -> dict[str, float]:
        from alignment_site.benching.transfers import measure_export
        from labeling.queries.export_rows import ExportOptions

        kind = "parquet" if options["file"] == "parquet" else "jsonl"
        chosen = ExportOptions(format=options["format"], file=kind, held_out=True)
        return measure_export(rows=options["rows"], options=chosen, packed=options["file"].endswith(".gz"))


def line_of(row: Mapping[str, Any]) -> str:
    """A row of figures beside a peer's, as a line."""
    verdict = {True: "holds", False: "MISSED", None: "not for this machine"}[row["ok"]]
    return f"{row['name']}: {row['heed']:g} | {row['peer']:g}, ratio {row['ratio']:.3g} (bar {row['bar']}): {verdict}"
