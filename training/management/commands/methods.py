"""`manage.py methods`: every published method that exists here."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from training.learning.catalogue import METHODS

TOLD = ("key", "paper", "module", "needs", "cost", "kind")


class Command(BaseCommand):
    """The catalogue, for people or as JSON."""

    help = "List every method: its key, its paper and its module."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One option: the form."""
        parser.add_argument("--json", action="store_true", help=f"[{{{', '.join(TOLD)}}}]")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the catalogue."""
        if options["json"]:
            rows = [{name: getattr(row, name) for name in TOLD} for row in METHODS]
            self.stdout.write(json.dumps(rows, indent=1, ensure_ascii=False))
            return
        for row in METHODS:
            costs = f"; costs {row.cost}" if row.cost else ""
            self.stdout.write(f"{row.key:24} {row.summary}\n{'':24} {row.paper}; {row.module}")
            self.stdout.write(f"{'':24} needs {row.needs}{costs}")
