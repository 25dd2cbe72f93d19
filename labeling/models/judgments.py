"""Judgments: append-only, and free of personal data."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from labeling.models.comparisons import Comparison, Lease
from labeling.models.fields import CurrentTransactionId, TransactionIdField
from labeling.models.people import Person
from labeling.models.projects import GuidelineVersion, Project


class Answer(models.IntegerChoices):
    """What was clicked, by its key. A and B are the sides as shown."""

    CANT_TELL = 0, "Can't tell"
    A_MUCH = 1, "A is much better"
    A_BETTER = 2, "A is better"
    A_SLIGHTLY = 3, "A is slightly better"
    SAME = 4, "About the same"
    B_SLIGHTLY = 5, "B is slightly better"
    B_BETTER = 6, "B is better"
    B_MUCH = 7, "B is much better"
    BOTH_BAD = 9, "Both are bad"


class Source(models.TextChoices):
    """Who or what judged. Sources never mix silently."""

    PERSON = "person", "A person"
    JUDGE = "judge", "A judge model"
    VERIFIER = "verifier", "A verifier"
    SIMULATION = "simulation", "A simulated annotator"
    REWARD_MODEL = "reward_model", "A reward model"
    IMPORT = "import", "An imported label"


class Judgment(models.Model):
    """One answer to one comparison. Rows are never updated or deleted (a trigger forbids it): an amendment is a
    new row that points back through `amends`, and readers honour the latest.

    `strength` is computed by the database from what was clicked and the order shown: > 0 prefers the response
    stored at position 0, and its size (1 slightly, 2 better, 3 much) is the strength; NULL where the answer is
    "both bad" or "can't tell".
    """

    uuid = models.UUIDField(help_text="The client's own id: a double submit is one row.")
    # Every index costs each verdict a page write: the project's and person's are the first columns of others.
    project = models.ForeignKey(Project, models.PROTECT, related_name="judgments", db_index=False)
    comparison = models.ForeignKey(Comparison, models.PROTECT, related_name="judgments")
    person = models.ForeignKey(Person, models.PROTECT, null=True, related_name="judgments", db_index=False)
    rater = models.CharField(max_length=64, blank=True, help_text="Of an import: which annotator of the row.")
    lease = models.ForeignKey(Lease, models.PROTECT, null=True, related_name="judgments")
    answer = models.PositiveSmallIntegerField(choices=Answer)
    order_shown = ArrayField(models.PositiveSmallIntegerField())
    strength = models.GeneratedField(
        expression=models.Case(
            models.When(answer__in=[0, 9], then=None),
            models.When(order_shown__0=0, then=4 - models.F("answer")),
            default=models.F("answer") - 4,
            output_field=models.SmallIntegerField(),
        ),
        output_field=models.SmallIntegerField(null=True),
        db_persist=True,
    )
    seconds = models.FloatField(null=True, help_text="From the first sight of the comparison to the verdict.")
    guideline = models.ForeignKey(GuidelineVersion, models.PROTECT, null=True, related_name="+", db_index=False)
    source = models.CharField(max_length=12, choices=Source)
    origin = models.CharField(
        max_length=200,
        blank=True,
        help_text="Of an import: person, model:NAME, unknown.",
    )
    weight = models.FloatField(default=1.0)
    late = models.BooleanField(
        default=False, help_text="Came when its lease had ended and its place was taken: an extra judgment."
    )
    amends = models.OneToOneField("self", models.PROTECT, null=True, related_name="amended_by")
    created_at = models.DateTimeField(db_default=Now())
    transaction_id = TransactionIdField(db_default=CurrentTransactionId(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "uuid"], name="one_row_per_client_id"),
            models.UniqueConstraint(
                fields=["comparison", "person"],
                condition=Q(amends__isnull=True, person__isnull=False),
                name="one_first_judgment_per_person",
            ),
            models.UniqueConstraint(
                fields=["comparison", "rater"],
                condition=Q(amends__isnull=True, person__isnull=True),
                name="one_first_judgment_per_rater",
            ),
            models.CheckConstraint(condition=Q(answer__in=Answer.values), name="answer_is_known"),
            models.CheckConstraint(condition=Q(weight__gte=0), name="weight_not_negative"),
            models.CheckConstraint(
                condition=Q(source="import") | Q(person__isnull=False),
                name="judged_by_somebody",
            ),
        ]
        indexes = [
            models.Index(fields=["project", "transaction_id"], name="judgment_watermark"),
            models.Index(fields=["project", "person", "-id"], name="judgment_history"),
        ]

    def __str__(self) -> str:
        return f"judgment {self.pk} of {self.comparison_id}"


class JudgmentReason(models.Model):
    """Why, in the person's own words: a row of its own, which erasure may empty."""

    judgment = models.OneToOneField(Judgment, models.PROTECT, related_name="reason")
    text = models.TextField(blank=True)
    erased_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.text[:80]


class ReasonDraft(models.Model):
    """An unfinished reason, saved while it is typed and deleted with the verdict."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="+")
    comparison = models.ForeignKey(Comparison, models.CASCADE, related_name="+")
    text = models.TextField(blank=True)
    at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "comparison"], name="one_draft_each")]

    def __str__(self) -> str:
        return self.text[:80]
