"""Jobs that bring data in and take it out."""

from typing import Any

from django.db import models
from django.db.models.functions import Now

from labeling.models.people import Person
from labeling.models.projects import Project


class JobState(models.TextChoices):
    """Where a transfer stands."""

    WAITING = "waiting", "Waiting"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"


class ImportJob(models.Model):
    """A file on its way in, with its progress and its report."""

    NOTE = "note"  # the level of an entry of the report that is about the whole file

    project = models.ForeignKey(Project, models.CASCADE, related_name="imports")
    by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    name = models.CharField(max_length=255)
    path = models.CharField(max_length=1000)
    origin = models.CharField(max_length=200, default="unknown", help_text="person, model:NAME or unknown")
    skip_bad = models.BooleanField(default=False)
    format = models.CharField(max_length=16, blank=True, help_text="Empty: told by each row's fields.")
    own_ids = models.BooleanField(default=True, help_text="A row's id or idx is its own: it says which row it is.")
    sample = models.BooleanField(default=False, help_text="Policies answer the prompts of its comparisons too.")
    state = models.CharField(max_length=8, choices=JobState, default=JobState.WAITING)
    bytes_total = models.BigIntegerField(default=0)
    bytes_done = models.BigIntegerField(default=0)
    rows = models.PositiveIntegerField(default=0)
    added = models.PositiveIntegerField(default=0)
    known = models.PositiveIntegerField(default=0, help_text="Rows that were here already.")
    refused = models.PositiveIntegerField(default=0)
    warnings = models.PositiveIntegerField(default=0)
    report = models.JSONField(default=list, help_text="[{line, reason, level}], the first thousand.")
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"import of {self.name}"

    @property
    def problems(self) -> list[dict[str, Any]]:
        """What is wrong with which line."""
        return [entry for entry in self.report if entry["level"] != self.NOTE]

    @property
    def note(self) -> str:
        """How many of what came in, where that was not pairs or prompts alone."""
        return "".join(entry["reason"] for entry in self.report if entry["level"] == self.NOTE)


class ExportJob(models.Model):
    """A frozen set of rows written to a file in one of the formats."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="exports")
    by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    format = models.CharField(max_length=32)
    options = models.JSONField(default=dict)
    state = models.CharField(max_length=8, choices=JobState, default=JobState.WAITING)
    path = models.CharField(max_length=1000, blank=True)
    rows = models.PositiveIntegerField(default=0)
    manifest = models.JSONField(default=dict)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"export {self.pk} as {self.format}"
