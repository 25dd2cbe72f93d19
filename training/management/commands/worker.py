"""`manage.py worker`: the loop of every project, the posteriors, tryouts, and files on their way in."""

import os
import signal
from argparse import ArgumentParser
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand

from alignment_site.patience import PATIENT


class Command(BaseCommand):
    """Runs until it is told to stop."""

    help = "Look after every project: heartbeat, posterior, tryouts, transfers."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One option: which projects."""
        parser.add_argument("--project", action="append", metavar="SLUG", help="only this project (repeatable)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run, and end politely on a signal."""
        for name, value in PATIENT.items():
            os.environ.setdefault(name, value)
        from training.working import Worker  # torch: `manage.py help` does without

        worker = Worker(slugs=options["project"])

        def stop(number: int, frame: FrameType | None) -> None:
            worker.stopping.set()

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, stop)
        worker.run()
