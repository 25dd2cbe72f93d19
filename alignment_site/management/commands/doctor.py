"""`manage.py doctor`: what is wrong on this machine, and how to mend it."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from alignment_site import env
from alignment_site.doctor import State, examine


class Command(BaseCommand):
    """`manage.py doctor`: what is wrong, and how to mend it."""

    help = "Look at the machine, the packages, the database and the model; say what is wrong and how to mend it."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--settings-table", action="store_true", help="also print every setting and its value")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["settings_table"]:
            for name, meaning in env.DECLARED.items():
                secret = any(word in name for word in ("KEY", "TOKEN", "DATABASE", "REDIS"))
                value = env.text(name)
                self.stdout.write(f"{name} = {'(set)' if value and secret else value or '(not set)'}\n    {meaning}")
        bad = 0
        for finding in examine():
            bad += finding.state is State.BAD
            self.stdout.write(f"{finding.state:>4}  {finding.what}")
            if finding.mend:
                self.stdout.write(f"      {finding.mend}")
            self.stdout.flush()
        if bad:
            self.stdout.write(f"{bad} to mend.")
            sys.exit(1)
        self.stdout.write("Nothing is wrong.")
