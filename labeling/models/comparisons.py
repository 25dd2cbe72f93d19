"""Comparisons, the leases that lend them to people, and what people say instead of judging."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from labeling.models.people import Person
from labeling.models.projects import GuidelineVersion, Project
from labeling.models.prompts import Prompt, Response


class Arm(models.TextChoices):
    """How a comparison came about, decided by a coin before any score was looked at."""

    CHOSEN = "chosen", "Chosen by the reward model"
    RANDOM = "random", "Random pair"
    DUEL = "duel", "Duel of two policies"
    REPEAT = "repeat", "Repeat of an earlier one"
    IMPORTED = "imported", "Imported"


class Kind(models.TextChoices):
    """What is told of the responses. Only pairs are put to people; the others come with an import."""

    PAIR = "pair", "Which of two"
    ASSESSMENT = "assessment", "What was said of one response"
    DEMONSTRATION = "demonstration", "A response that shows how to answer"


class State(models.TextChoices):
    """Where a comparison stands."""

    OPEN = "open", "Open"
    FULL = "full", "All judgments are in"
    WITHDRAWN = "withdrawn", "Withdrawn"


class Comparison(models.Model):
    """A prompt and k ≥ 2 responses put to people, with why it was chosen; or one response that an import tells of.

    `details` holds what was said beside a verdict, an entry for each response in stored order: `ratings` are numbers
    by attribute, `steps` says how right (0 to 1) each line that is not blank is, `critiques` is what was said in words.
    """

    # The index `comparison_arm` begins with the project.
    project = models.ForeignKey(Project, models.CASCADE, related_name="comparisons", db_index=False)
    prompt = models.ForeignKey(Prompt, models.PROTECT, related_name="comparisons")
    responses: "models.ManyToManyField[Response, ComparisonResponse]" = models.ManyToManyField(
        Response, through="ComparisonResponse", related_name="comparisons"
    )
    kind = models.CharField(max_length=32, choices=Kind, default=Kind.PAIR)
    criterion = models.CharField(max_length=200, blank=True, help_text="The standard that its judgments go by.")
    details = models.JSONField(default=dict, blank=True, help_text="Ratings, steps and critiques, by response.")
    arm = models.CharField(max_length=8, choices=Arm)
    repeats = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="repeated_by")
    method = models.CharField(max_length=64, blank=True, help_text="The acquisition method that scored it.")
    score = models.FloatField(null=True, blank=True, help_text="Its score; the highest is asked first.")
    rank = models.PositiveIntegerField(null=True, blank=True, help_text="Its place when it was last ordered.")
    model_version = models.CharField(max_length=100, blank=True, help_text="The reward model that scored it.")
    needs = models.PositiveSmallIntegerField(default=1, help_text="Judgments by different people.")
    taken = models.PositiveSmallIntegerField(default=0, help_text="People whose judgment is in.")
    held = models.PositiveSmallIntegerField(default=0, help_text="Leases now out; expiry gives them back.")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    withdrawn_reason = models.CharField(max_length=200, blank=True)
    superseded_at = models.DateTimeField(null=True, blank=True, help_text="A newer policy was promoted meanwhile.")
    source_key = models.CharField(max_length=128, null=True, blank=True, help_text="The imported row's identity.")
    origin = models.CharField(max_length=200, blank=True)
    extra = models.JSONField(default=dict, blank=True, help_text="An imported row's shape and other fields.")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "source_key"], name="imported_comparison_once"),
            models.CheckConstraint(condition=Q(needs__gte=1), name="needs_a_judgment"),
            # The other arms are served in creation order: a score on them could re-order the evidence.
            models.CheckConstraint(
                condition=Q(arm__in=["chosen", "imported"]) | Q(score__isnull=True),
                name="only_chosen_arms_are_scored",
            ),
        ]
        indexes = [
            # The queue's own order: one partial index an arm and project, best score first, else oldest first.
            models.Index(
                "project",
                "arm",
                F("score").desc(nulls_last=True),
                "id",
                name="queue",
                condition=Q(state="open"),
            ),
            models.Index(fields=["project", "arm", "state"], name="comparison_arm"),
            # Few comparisons tell more than a verdict; which of them a project has is asked on every look at Methods.
            models.Index(
                fields=["project", "kind"],
                name="comparison_told",
                condition=~Q(kind="pair") | ~Q(details={}) | ~Q(criterion=""),
            ),
        ]

    def __str__(self) -> str:
        return f"comparison {self.pk}"


class ComparisonResponse(models.Model):
    """A response's place in a comparison. `position` is the stored order, not the one shown."""

    comparison = models.ForeignKey(Comparison, models.CASCADE, related_name="entries")
    response = models.ForeignKey(Response, models.PROTECT, related_name="entries")
    position = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["comparison", "position"], name="one_response_per_place")]
        ordering = ["position"]

    def __str__(self) -> str:
        return f"response {self.response_id} at {self.position}"


class Lease(models.Model):
    """One comparison lent to one person for some minutes, with the order in which it is shown."""

    MAX_RENEWALS = 3

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="leases")
    comparison = models.ForeignKey(Comparison, models.CASCADE, related_name="leases")
    person = models.ForeignKey(Person, models.CASCADE, related_name="leases", db_index=False)
    guideline = models.ForeignKey(
        GuidelineVersion,
        models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        help_text="The guidelines shown beside it.",
    )
    order = ArrayField(
        models.PositiveSmallIntegerField(),
        help_text="Positions, as shown from left to right.",
    )
    taken_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    renewals = models.PositiveSmallIntegerField(default=0)
    ended_at = models.DateTimeField(null=True, blank=True)
    ending = models.CharField(
        max_length=10,
        blank=True,
        help_text="judged, skipped, flagged, released, expired, withdrawn",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "person"],
                condition=Q(ended_at__isnull=True),
                name="one_open_lease_per_person",
            ),
            models.CheckConstraint(condition=Q(renewals__lte=3), name="three_renewals_at_most"),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"],
                condition=Q(ended_at__isnull=True),
                name="lease_expiry",
            ),
            models.Index(fields=["person", "comparison"], name="lease_person_comparison"),
        ]

    def __str__(self) -> str:
        return f"lease of {self.comparison_id} to {self.person_id}"


class Report(models.Model):
    """A skip or a flag: a person's reason not to judge, and what an owner made of it."""

    class Kind(models.TextChoices):
        SKIP = "skip", "Skipped"
        FLAG = "flag", "Flagged"

    comparison = models.ForeignKey(Comparison, models.CASCADE, related_name="reports")
    person = models.ForeignKey(Person, models.PROTECT, related_name="reports")
    kind = models.CharField(max_length=4, choices=Kind)
    reason = models.CharField(max_length=64)
    text = models.TextField(blank=True)
    at = models.DateTimeField(db_default=Now())
    decision = models.CharField(max_length=32, blank=True, help_text="kept, withdrawn, response_dropped")
    note = models.TextField(blank=True)
    decided_by = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["comparison", "person"], name="report_person")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.comparison_id}"
