"""A project: what people are asked, of which policy, and how the loop runs."""

import secrets

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from labeling.models.people import Person

GIB = 2**30


def new_salt() -> str:
    """A project's salt: with a prompt's root it decides the prompt's split."""
    return secrets.token_hex(16)


class PolicySource(models.TextChoices):
    """Where a project's first policy comes from."""

    STARTER = "starter", "The built-in starter policy"
    DIRECTORY = "directory", "A local directory"
    HUB = "hub", "A model by its hub name"


class Project(models.Model):
    """Everything an owner decides. A change is kept with who and when in `ProjectChange`."""

    name = models.CharField(max_length=200)
    slug = models.SlugField(max_length=80, unique=True)
    description = models.TextField(blank=True)
    question = models.CharField(max_length=300, default="Which response is better?")
    salt = models.CharField(max_length=32, default=new_salt, editable=False)
    held_out_share = models.FloatField(default=0.25, validators=[MinValueValidator(0.02), MaxValueValidator(0.5)])

    policy_source = models.CharField(max_length=16, choices=PolicySource, default=PolicySource.STARTER)
    policy_ref = models.CharField(max_length=500, blank=True, help_text="A directory or a hub name.")

    overlap = models.PositiveSmallIntegerField(default=1, validators=[MinValueValidator(1), MaxValueValidator(50)])
    lease_seconds = models.PositiveIntegerField(default=600, validators=[MinValueValidator(30)])
    random_share = models.FloatField(default=0.10, validators=[MinValueValidator(0), MaxValueValidator(1)])
    repeat_share = models.FloatField(default=0.02, validators=[MinValueValidator(0), MaxValueValidator(0.5)])
    duel_share = models.FloatField(default=1 / 3, validators=[MinValueValidator(0.05), MaxValueValidator(0.9)])
    duel_budget = models.PositiveIntegerField(default=120, validators=[MinValueValidator(10)])
    duel_days = models.PositiveIntegerField(default=7, validators=[MinValueValidator(1)])
    queue_target = models.PositiveIntegerField(default=200, help_text="Open comparisons the loop keeps ready.")

    train_every_judgments = models.PositiveIntegerField(default=100, validators=[MinValueValidator(5)])
    train_every_minutes = models.PositiveIntegerField(default=0, help_text="0: by judgments only.")
    kl_budget = models.FloatField(
        default=40.0,
        validators=[MinValueValidator(0.01)],
        help_text="Nats per response.",
    )
    disk_budget_bytes = models.BigIntegerField(default=20 * GIB, validators=[MinValueValidator(GIB // 4)])
    recipe = models.JSONField(default=dict, blank=True, help_text="Changes to the named policy recipe.")
    reward_recipe = models.JSONField(default=dict, blank=True, help_text="Changes to the named reward recipe.")

    paused = models.BooleanField(default=False)
    paused_reason = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(overlap__gte=1), name="overlap_at_least_one"),
            models.CheckConstraint(
                condition=Q(policy_source=PolicySource.STARTER) | ~Q(policy_ref=""),
                name="policy_ref_given",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class GuidelineVersion(models.Model):
    """What people are told to look for. Each judgment names the version it was made under."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="guidelines")
    number = models.PositiveIntegerField()
    text = models.TextField(blank=True)
    created_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="guideline_number_once")]
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"guidelines {self.number} of {self.project}"


class ProjectChange(models.Model):
    """One changed setting: the old value, the new one, who and when."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="changes")
    field = models.CharField(max_length=64)
    old = models.JSONField(null=True)
    new = models.JSONField(null=True)
    by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(db_default=Now())
    reason = models.TextField(blank=True)

    class Meta:
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.field} of {self.project}"
