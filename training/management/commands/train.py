"""`manage.py train`: make the starter policy, run a run, or retrain a project's models now, in this process."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    """One word for each thing that can be trained or measured."""

    help = "Train: starter (the built-in policy), run ID, reward or policy of a project, evaluate."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The words and their options."""
        words = parser.add_subparsers(dest="word", required=True, metavar="starter | run | reward | policy | evaluate")
        starter = words.add_parser("starter", help="make the built-in policy from nothing")
        starter.add_argument("--directory", type=Path, help="where to put it (the checkout's own place)")
        starter.add_argument("--seed", type=int)
        run = words.add_parser("run", help="do a run that was prepared; what a run's child process calls")
        run.add_argument("id", type=int)
        run.add_argument("--background", action="store_true", help="niced, because people judge on this machine")
        for kind in ("reward", "policy"):
            one = words.add_parser(kind, help=f"train a project's {kind} model now and wait for it")
            one.add_argument("--project", required=True, metavar="SLUG")
        evaluate = words.add_parser("evaluate", help="compare two policies by a taste, on held-out starter prompts")
        evaluate.add_argument("--policy", required=True, metavar="REF", help="starter, a directory or a hub name")
        evaluate.add_argument("--against", default="starter", metavar="REF")
        evaluate.add_argument("--taste", required=True, help="a built-in taste, or PATH:FUNCTION")
        evaluate.add_argument("--prompts", type=int, default=1000)
        evaluate.add_argument("--seed", type=int, default=0)

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what the word says."""
        getattr(self, options["word"])(options)

    def starter(self, options: dict[str, Any]) -> None:
        """Make the starter policy; a second call after a break goes on from the last checkpoint."""
        from training.learning.models import STARTER
        from training.learning.starter.make import SEED, make_starter

        def told(step: int, total: int, metrics: dict[str, float]) -> None:
            if step % 50 == 0 or step == total:
                self.stderr.write(f"step {step} of {total}, loss {metrics['loss']:.3f}")

        seed = SEED if options["seed"] is None else options["seed"]
        place = options["directory"] or STARTER
        manifest = make_starter(place, seed=seed, report=told, should_stop=lambda: False)
        if manifest is not None:
            self.stdout.write(f"{place}: {manifest.parameters:,} parameters, loss {manifest.unseen_loss}")

    def run(self, options: dict[str, Any]) -> None:
        """A run's child process."""
        from training.child import main

        sys.exit(main(options["id"], background=options["background"]))

    def reward(self, options: dict[str, Any]) -> None:
        """Refit the reward model."""
        self._train(options)

    def policy(self, options: dict[str, Any]) -> None:
        """Retrain the policy; its candidate goes before the gate as always."""
        self._train(options)

    def _train(self, options: dict[str, Any]) -> None:
        from labeling.models import Project
        from training.child import execute
        from training.children import prepare
        from training.running import CannotRun, ask_for_run
        from training.snapshot import NothingToTrainOn

        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            raise CommandError(f"There is no project {options['project']!r}.")
        try:
            run = ask_for_run(project=project, kind=options["word"])
            prepare(run, background=False)
        except (CannotRun, NothingToTrainOn, ValueError) as error:
            raise CommandError(str(error)) from error
        state = execute(run)
        self.stdout.write(json.dumps({"run": run.pk, "state": state, "result": run.result}, indent=1))
        if state != run.State.DONE:
            raise CommandError(run.error or f"The run ended as {state}.")

    def evaluate(self, options: dict[str, Any]) -> None:
        """Win rate by a taste, with its interval, as JSON."""
        from training.lab.measuring import compared, measure
        from training.lab.tastes import load_taste
        from training.learning.models import NoModel, load_policy
        from training.learning.recipes import SamplerSettings
        from training.learning.starter.prompts import held_out_prompts

        try:
            taste = load_taste(options["taste"])
            ours, theirs = load_policy(options["policy"]), load_policy(options["against"])
        except (NoModel, ValueError) as error:
            raise CommandError(str(error)) from error
        prompts = held_out_prompts(options["prompts"], seed=options["seed"])
        mine, other = (
            measure(policy, prompts, taste, SamplerSettings(), options["seed"] + number)
            for number, policy in enumerate((ours, theirs))
        )
        words = {"mean_words": mine.mean_words, "mean_words_against": other.mean_words}
        self.stdout.write(json.dumps({**compared(mine, other, prompts), **words}, indent=1))
