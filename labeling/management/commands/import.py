"""Bring prompts or preference data into a project: `manage.py import FILE --project SLUG`."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import CommandError
from django.core.management.base import BaseCommand

from alignment_site import live
from labeling.actions.errors import Refusal
from labeling.actions.importing import plan_import, run_import
from labeling.formats.examples import BESIDE
from labeling.formats.parsing import FORMATS
from labeling.models import ImportJob, Project

SHOWN = 20


class Command(BaseCommand):
    """Import one JSONL file, plain or gzip."""

    help = (
        "Import prompts, preference data, ratings or demonstrations from a JSONL file, plain or gzip. "
        "The same file twice adds nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Describe the options."""
        about = "; ".join(f"{known.name}: {known.about}" for known in FORMATS.values())
        parser.epilog = BESIDE
        parser.add_argument("file", type=Path)
        parser.add_argument("--project", required=True, help="the project's short name, as in its address")
        parser.add_argument("--format", default="", choices=["", *FORMATS], help=f"else told by the fields. {about}")
        parser.add_argument("--origin", default="unknown", help="whose labels: person, model:NAME or unknown")
        parser.add_argument("--skip-bad", action="store_true", help="leave bad rows out instead of storing nothing")
        parser.add_argument("--ignore-ids", action="store_true", help="id and idx do not say which row it is")
        parser.add_argument("--sample", action="store_true", help="let policies answer the prompts of comparisons")
        parser.add_argument("--json", action="store_true", help="print the counts and the report as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import and say what became of the rows."""
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            known = ", ".join(Project.objects.order_by("slug").values_list("slug", flat=True)) or "none yet"
            raise CommandError(f"There is no project {options['project']!r}; there are: {known}.")
        path: Path = options["file"].resolve()
        try:
            job = plan_import(
                project=project,
                by=None,
                path=path,
                name=path.name,
                origin=options["origin"],
                format=options["format"],
                skip_bad=options["skip_bad"],
                own_ids=not options["ignore_ids"],
                sample=options["sample"],
            )
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        failed = ""
        try:
            run_import(job=job)
        except Refusal as refusal:
            failed = str(refusal)
        finally:
            live.close()  # before the database stops, when it was started for this command
        self._tell(job, as_json=options["json"])
        if failed:
            raise CommandError(failed)

    def _tell(self, job: ImportJob, *, as_json: bool) -> None:
        counts = {name: getattr(job, name) for name in ("rows", "added", "known", "refused", "warnings")}
        if as_json:
            self.stdout.write(json.dumps({**counts, "report": job.report}, ensure_ascii=False))
            return
        problems = job.problems
        for entry in problems[:SHOWN]:
            self.stdout.write(f"line {entry['line']}: {entry['level']}: {entry['reason']}")
        if len(problems) > SHOWN:
            self.stdout.write(f"… and {job.refused + job.warnings - SHOWN:,} more")
        self.stdout.write(", ".join(f"{count:,} {name}" for name, count in counts.items()))
        if job.note:
            self.stdout.write(f"Added: {job.note}")
