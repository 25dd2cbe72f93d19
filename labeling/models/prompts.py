"""Prompts with their split, and the responses to them."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from labeling.models.projects import Project


class Split(models.TextChoices):
    """Which side of the held-out line a prompt is on."""

    TRAIN = "train", "Training"
    HELD_OUT = "held_out", "Held out"


class PromptRoot(models.Model):
    """The normalised first human message, which decides the split for every prompt that begins with it.

    `bands` are the keys of a locality-sensitive hash: roots that share one are compared in full, and a
    near-duplicate (5-gram Jaccard ≥ 0.9) takes the side of the root that came first.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="roots")
    digest = models.CharField(max_length=64)
    text = models.TextField()
    bands = ArrayField(models.BigIntegerField())
    split = models.CharField(max_length=8, choices=Split)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "digest"], name="root_once_per_project")]
        indexes = [GinIndex(fields=["bands"], name="root_bands")]

    def __str__(self) -> str:
        return self.text[:80]


class Prompt(models.Model):
    """What a policy answers: messages, tags, difficulty. Its split comes from its root."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="prompts")
    root = models.ForeignKey(PromptRoot, models.PROTECT, related_name="prompts")
    messages = models.JSONField(help_text='A list of {"role", "content"}.')
    digest = models.CharField(max_length=64, help_text="sha256 of the messages' canonical JSON.")
    tags = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    difficulty = models.FloatField(null=True, blank=True)
    split = models.CharField(
        max_length=8,
        choices=Split,
        help_text="A copy of the root's, for the queue's index.",
    )
    origin = models.CharField(max_length=200, blank=True)
    source_key = models.CharField(max_length=128, null=True, blank=True, help_text="The imported row's identity.")
    extra = models.JSONField(default=dict, blank=True, help_text="An imported row's shape and other fields.")
    active = models.BooleanField(default=True, help_text="Whether the loop samples responses to it.")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "source_key"], name="imported_prompt_once"),
            models.UniqueConstraint(fields=["project", "digest"], name="prompt_once_per_project"),
        ]
        indexes = [models.Index(fields=["project", "split", "active"], name="prompt_split")]

    def __str__(self) -> str:
        return str(self.messages[-1]["content"])[:80] if self.messages else ""


class Response(models.Model):
    """An immutable answer to a prompt.

    Heed's own rows know the policy version, sampler, seed, tokens and their behaviour log-probabilities, which
    cannot be recovered later; what an imported row does not know is NULL.
    """

    prompt = models.ForeignKey(Prompt, models.CASCADE, related_name="responses")
    messages = models.JSONField(help_text='Usually one {"role": "assistant", "content"}.')
    policy_version = models.ForeignKey(
        "training.PolicyVersion",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="responses",
    )
    sampler = models.JSONField(null=True, blank=True)
    seed = models.BigIntegerField(null=True, blank=True)
    token_ids = ArrayField(models.IntegerField(), null=True, blank=True)
    token_logprobs = ArrayField(models.FloatField(), null=True, blank=True)
    stopped = models.BooleanField(null=True, help_text="Ended by its stop token, not by the length limit.")
    origin = models.CharField(max_length=200, blank=True, help_text="Of an imported row: who wrote it.")
    dropped_at = models.DateTimeField(null=True, blank=True, help_text="Taken out of the queue by an owner.")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(policy_version__isnull=True)
                | Q(
                    sampler__isnull=False,
                    seed__isnull=False,
                    token_ids__isnull=False,
                    token_logprobs__isnull=False,
                    stopped__isnull=False,
                ),
                name="own_response_is_complete",
            )
        ]

    def __str__(self) -> str:
        return self.text[:80]

    @property
    def text(self) -> str:
        """The answer as one text; turns of a longer continuation are separated by a blank line."""
        if len(self.messages) == 1:
            return str(self.messages[0]["content"])
        return "\n\n".join(f"{turn['role']}: {turn['content']}" for turn in self.messages)
