"""`manage.py doctor`: what is wrong on this machine, and how to mend it."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from alignment_site import env
from alignment_site.doctor import State, examine

SECRET = ("KEY", "TOKEN", "DATABASE", "REDIS")


class Command(BaseCommand):
    """`manage.py doctor`: what is wrong, and how to mend it."""

    help = "Look at the machine, the packages, the database and the model; say what is wrong and how to mend it."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--all-settings", action="store_true", help="also print the settings that are not set, and what they do"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self.settings_in_force(everything=options["all_settings"])
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

    def settings_in_force(self, *, everything: bool) -> None:
        for name, meaning in env.DECLARED.items():
            value = env.text(name)
            if value or everything:
                shown = "(set, not shown)" if any(word in name for word in SECRET) else value
                self.stdout.write(
                    f"{name} = {shown if value else '(not set)'}" + (f"    {meaning}" if everything else "")
                )
