"""`manage.py lab loop`: the complete loop with simulated people, in a throw-away database."""

import json
import os
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from alignment_site.patience import PATIENT
from alignment_site.result_files import refuse_unwritable
from alignment_site.serving import NotServing
from training.lab.experiments import EXPERIMENTS, Experiment, add_compare, add_overoptimise, add_rewards
from training.lab.people import LabTrouble, add_people_arguments, run_people

INSIDE = "HEED_LAB_INSIDE"
OUTSIDE = ("DATABASE_URL", "DATABASE_DIRECT_URL")  # the throw-away database is the bundled one


class Command(BaseCommand):
    """Simulated people, honestly labelled."""

    help = "Simulated people. `lab loop` runs everything unattended and says how much better the policy became."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The words and their options."""
        words = parser.add_subparsers(
            dest="word", required=True, metavar="loop | compare | overoptimise | rewards | people | stakes"
        )
        loop = words.add_parser("loop", help="the complete loop on the starter policy, in a throw-away database")
        loop.add_argument("--taste", required=True, help="a built-in taste, or PATH:FUNCTION(prompt, response)")
        loop.add_argument("--judgments", type=int, default=300, help="per round, duels included")
        loop.add_argument("--rounds", type=int, default=2)
        loop.add_argument("--seed", type=int, default=0)
        loop.add_argument("--noise", type=float, default=0.1, help="share of verdicts that are turned round")
        loop.add_argument("--policy", default="starter", help="a directory or hub name instead of the starter")
        loop.add_argument("--method", metavar="KEY", help="an objective of `manage.py methods` instead of DPO")
        loop.add_argument("--reward", metavar="KEY", default="", help="a reward method of it instead of davidson")
        loop.add_argument("--json", type=Path, metavar="FILE", help="where to write the result")

        add_compare(words.add_parser("compare", help="every objective on the same simulated judgments"))
        add_overoptimise(words.add_parser("overoptimise", help="true reward against KL, for a proxy and ensembles"))
        add_rewards(words.add_parser("rewards", help="every reward method on simulated data of one taste"))
        stakes = words.add_parser("stakes", help="how rules for the gate's stakes compare, by simulation")
        stakes.add_argument("--runs", type=int, default=20_000)
        add_people_arguments(words.add_parser("people", help="simulated people judge in a project, over HTTP"))

    def handle(self, *args: Any, **options: Any) -> None:
        """`loop` makes a throw-away home and calls itself there; `people` work where they are sent."""
        try:
            refuse_unwritable(options.get("json"), options.get("plot"))
        except ValueError as error:
            raise CommandError(str(error)) from error
        if options["word"] == "people":
            self.people(options)
        elif options["word"] == "stakes":
            self.stakes(options)
        elif options["word"] in EXPERIMENTS:
            self.experiment(EXPERIMENTS[options["word"]], options)
        elif INSIDE in os.environ:
            self.loop(options)
        else:
            self.outside(options)

    def people(self, options: dict[str, Any]) -> None:
        """Let simulated people judge, and say what they did."""
        from alignment_site import postgres

        try:
            with postgres.held():
                done = run_people(options, self.say)
        except (LabTrouble, ValueError, OSError, NotServing) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(done))

    def stakes(self, options: dict[str, Any]) -> None:
        """Print the comparison: one line for each rule and case."""
        from training.lab.stakes import compare

        for line in compare(runs=options["runs"]):
            self.stdout.write(
                f"win rate {line.win_rate:.2f} ties {line.ties:.1f}  {line.rule:18}"
                f" promoted {line.promoted:.3f}  duels {line.duels:5.1f}"
            )

    def experiment(self, work: Experiment, options: dict[str, Any]) -> None:
        """What needs neither web nor database: in this process."""
        try:
            work(options, self.say)
        except (ValueError, OSError) as error:
            raise CommandError(str(error)) from error

    def outside(self, options: dict[str, Any]) -> None:
        """A process of its own in a HEED_HOME of its own, both gone at the end."""
        with tempfile.TemporaryDirectory(prefix="heed-lab-") as home:
            environment = {name: value for name, value in os.environ.items() if name not in OUTSIDE}
            done = subprocess.run(
                [sys.executable, str(settings.BASE_DIR / "manage.py"), *sys.argv[1:]],
                env={**environment, **PATIENT, "HEED_HOME": home, INSIDE: "1"},
                check=False,
            )
        if done.returncode:
            raise CommandError(f"The lab ended with status {done.returncode}.")

    def loop(self, options: dict[str, Any]) -> None:
        """Run the loop in this process's own database."""
        from alignment_site import live, postgres
        from training.lab.tastes import load_taste

        with postgres.held():
            call_command("migrate", verbosity=0, interactive=False)
            from training.choosing import chosen_objective
            from training.lab.loop import Lab, LabFailed, Plan

            chosen = ("judgments", "rounds", "seed", "noise", "policy", "reward")
            try:
                recipe = chosen_objective(options["method"]) if options["method"] else {}
                plan = Plan(load_taste(options["taste"]), recipe=recipe, **{name: options[name] for name in chosen})
                result = Lab(plan, say=self.say).run()
            except (LabFailed, ValueError) as error:
                raise CommandError(str(error)) from error
            finally:
                live.close()  # before the server that it is connected to
        written = json.dumps(result, indent=1)
        if options["json"]:
            options["json"].write_text(written + "\n", encoding="utf-8")
        else:
            self.stdout.write(written)

    def say(self, text: str) -> None:
        """Progress goes to standard error, so that standard output stays JSON."""
        self.stderr.write(text)
        self.stderr.flush()
