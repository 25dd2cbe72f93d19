"""`manage.py train`: make the starter policy, run a run, or retrain a project's models now, in this process."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from training.evaluating.command import WORDS, add_evaluate_arguments, evaluated, written


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
            what = "a reward method" if kind == "reward" else "an objective, or KEY+MODIFIER,"
            one.add_argument("--method", metavar="KEY", help=f"{what} of `manage.py methods`, for this run")
        add_evaluate_arguments(words.add_parser("evaluate", help=WORDS))

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
        from training.choosing import chosen_policy, chosen_reward
        from training.reasons import clear_reasons
        from training.running import CannotRun, ask_for_run

        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            raise CommandError(f"There is no project {options['project']!r}.")
        try:
            chosen = chosen_reward if options["word"] == "reward" else chosen_policy
            changes = chosen(project, options["method"]) if options.get("method") else None
            run = ask_for_run(project=project, kind=options["word"], here=True)
        except (CannotRun, ValueError) as error:
            raise CommandError(str(error)) from error
        try:
            state = self._worked(run, changes)
        finally:
            clear_reasons()  # a worker would, within minutes; there may be none
        self.stdout.write(json.dumps({"run": run.pk, "state": state, "result": run.result}, indent=1))
        if state != run.State.DONE:
            raise CommandError(run.error or f"The run ended as {state}.")

    def _worked(self, run: Any, changes: dict[str, Any] | None) -> str:
        from training.child import execute
        from training.children import prepare
        from training.running import fail
        from training.snapshot import NothingToTrainOn

        try:
            prepare(run, background=False, changes=changes)
        except (NothingToTrainOn, ValueError) as error:
            fail(run, str(error))
            raise CommandError(str(error)) from error
        return execute(run)

    def evaluate(self, options: dict[str, Any]) -> None:
        """A comparison of two policies, or a report on a reward model."""
        try:
            for line in written(evaluated(options), options):
                self.stdout.write(line)
        except ValueError as error:
            raise CommandError(str(error)) from error
