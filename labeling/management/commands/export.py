"""Take data out of a project: `manage.py export FILE --project SLUG`."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import CommandError
from django.core.management.base import BaseCommand

from labeling.actions.errors import Refusal
from labeling.actions.exporting import export_to
from labeling.models import Project
from labeling.queries.export_rows import FORMATS, PROMPT_PLACES, STYLES, BadOptions, ExportOptions


class Command(BaseCommand):
    """Export to one file, with a manifest beside it."""

    help = "Export a project's data to FILE (.jsonl, .jsonl.gz or .parquet), with FILE.manifest.json beside it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Describe the options."""

        def about(names: dict[str, str]) -> str:
            return "; ".join(f"{name}: {meaning}" for name, meaning in names.items())

        parser.add_argument("file", type=Path, nargs="?", help="(PROJECT-FORMAT.jsonl in this folder)")
        parser.add_argument("--project", required=True, help="the project's short name, as in its address")
        parser.add_argument("--format", default="trl", choices=FORMATS, help=about(FORMATS))
        parser.add_argument("--style", default="conversational", choices=STYLES, help=about(STYLES))
        parser.add_argument("--prompt", default="explicit", choices=PROMPT_PLACES, help=about(PROMPT_PLACES))
        parser.add_argument("--no-columns", action="store_true", help="leave out strength, n_for, n_against, …")
        parser.add_argument("--margin", action="store_true", help="add a column margin")
        parser.add_argument("--held-out", action="store_true", help="with rows of held-out prompts")
        parser.add_argument("--simulated", action="store_true", help="count simulated people's judgments too")
        parser.add_argument("--frozen", default="", help="the frozen set of an earlier export, from its manifest")
        parser.add_argument("--json", action="store_true", help="print the manifest")

    def handle(self, *args: Any, **options: Any) -> None:
        """Export and say what went out and what was left out."""
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            known = ", ".join(Project.objects.order_by("slug").values_list("slug", flat=True)) or "none yet"
            raise CommandError(f"There is no project {options['project']!r}; there are: {known}.")
        path = (options["file"] or Path(f"{project.slug}-{options['format']}.jsonl")).resolve()
        try:
            chosen = ExportOptions(
                format=options["format"],
                file="parquet" if path.suffix == ".parquet" else "jsonl",
                style=options["style"],
                prompt=options["prompt"],
                columns=not options["no_columns"],
                margin=options["margin"],
                held_out=options["held_out"],
                simulated=options["simulated"],
                frozen=options["frozen"],
            )
            manifest = export_to(project=project, options=chosen, path=path)
        except (BadOptions, Refusal) as refusal:
            raise CommandError(str(refusal)) from refusal
        if options["json"]:
            self.stdout.write(json.dumps(manifest, ensure_ascii=False, indent=2))
            return
        self.stdout.write(f"{manifest['rows']:,} rows in {path.name}")
        for fate, count in manifest["left_out"].items():
            self.stdout.write(f"{count:,} left out: {fate.replace('_', ' ')}")
