"""What was trained on what, with which recipe, with which result."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from labeling.models import Comparison, Judgment, Person, Project, Prompt, Response
from labeling.models.fields import TransactionIdField


class Snapshot(models.Model):
    """An immutable training set: a file named by its content's hash, and the judgments in it."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="snapshots")
    digest = models.CharField(max_length=64)
    path = models.CharField(max_length=1000)
    rows = models.PositiveIntegerField()
    counts = models.JSONField(default=dict, help_text="Rows by source, arm, ties, left out and why.")
    judgment_ids = ArrayField(models.BigIntegerField())
    watermark = TransactionIdField(help_text="Every judgment below it was seen.")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "digest"], name="snapshot_once")]
        indexes = [GinIndex(fields=["judgment_ids"], name="snapshot_judgments")]

    def __str__(self) -> str:
        return f"snapshot {self.digest[:12]}"


class Run(models.Model):
    """One training run in a child process. Everything that decides its result is resolved when it is created."""

    class Kind(models.TextChoices):
        REWARD = "reward", "Reward model"
        POLICY = "policy", "Policy"

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    project = models.ForeignKey(Project, models.CASCADE, related_name="runs")
    kind = models.CharField(max_length=8, choices=Kind)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    snapshot = models.ForeignKey(Snapshot, models.PROTECT, null=True, related_name="runs")
    base = models.ForeignKey("PolicyVersion", models.PROTECT, null=True, related_name="runs_from_it")
    recipe = models.JSONField(default=dict)
    environment = models.JSONField(
        default=dict,
        help_text="Dtype, threads, versions: resolved once, kept on resume.",
    )
    directory = models.CharField(max_length=1000, blank=True)
    asked_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    pid = models.IntegerField(null=True)
    pid_started = models.FloatField(
        null=True,
        help_text="The process's start time: a pid alone may be somebody else's.",
    )
    heartbeat_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    step = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    stage = models.CharField(max_length=100, blank=True)
    cancel_asked_at = models.DateTimeField(null=True)
    result = models.JSONField(default=dict)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "kind"],
                condition=Q(state__in=["queued", "running"]),
                name="one_live_run_of_a_kind",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} run {self.pk}"


class Metric(models.Model):
    """One figure of a run at one step."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="metrics")
    step = models.PositiveIntegerField()
    name = models.CharField(max_length=64)
    value = models.FloatField()
    at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "name", "step"], name="metric_once_a_step")]

    def __str__(self) -> str:
        return f"{self.name}@{self.step}={self.value}"


class PolicyVersion(models.Model):
    """A policy: a `save_pretrained` directory, its parent and how it fared at the gate."""

    class State(models.TextChoices):
        CANDIDATE = "candidate", "At the gate"
        PROMOTED = "promoted", "Promoted"
        REFUSED = "refused", "Refused"
        EXPIRED = "expired", "Undecided"

    project = models.ForeignKey(Project, models.CASCADE, related_name="policies")
    number = models.PositiveIntegerField()
    parent = models.ForeignKey("self", models.PROTECT, null=True, related_name="children")
    run = models.OneToOneField(Run, models.PROTECT, null=True, related_name="policy")
    directory = models.CharField(max_length=1000)
    digest = models.CharField(max_length=64)
    bytes = models.BigIntegerField(default=0)
    state = models.CharField(max_length=10, choices=State)
    current = models.BooleanField(default=False, help_text="Answers now; at most one a project.")
    anchor = models.BooleanField(default=False, help_text="KL and drift are measured from it.")
    kl = models.FloatField(null=True, help_text="Sequence KL from the anchor, nats.")
    kl_standard_error = models.FloatField(null=True)
    state_reason = models.TextField(blank=True)
    decided_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    promoted_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True, help_text="Its weights were deleted to save disk; the row stays.")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="policy_number_once"),
            models.UniqueConstraint(fields=["project"], condition=Q(current=True), name="one_current_policy"),
            models.UniqueConstraint(fields=["project"], condition=Q(anchor=True), name="one_anchor"),
            models.UniqueConstraint(fields=["project"], condition=Q(state="candidate"), name="one_candidate"),
            models.CheckConstraint(
                condition=Q(current=False) | Q(state="promoted"),
                name="current_is_promoted",
            ),
        ]
        ordering = ["number"]

    def __str__(self) -> str:
        return f"policy {self.number} of {self.project}"


class RewardVersion(models.Model):
    """A deep reward model; it takes over in shadow, judged on new judgments before it learns from them."""

    class State(models.TextChoices):
        SHADOW = "shadow", "In shadow"
        ACTIVE = "active", "Active"
        REFUSED = "refused", "Refused"
        RETIRED = "retired", "Retired"

    project = models.ForeignKey(Project, models.CASCADE, related_name="rewards")
    number = models.PositiveIntegerField()
    run = models.OneToOneField(Run, models.PROTECT, null=True, related_name="reward")
    directory = models.CharField(max_length=1000)
    digest = models.CharField(max_length=64)
    bytes = models.BigIntegerField(default=0)
    state = models.CharField(max_length=10, choices=State)
    shadow_judgments = models.PositiveIntegerField(default=0)
    shadow_log_ratio = models.FloatField(default=0.0, help_text="Sum of log p_new - log p_old.")
    result = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now())
    decided_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="reward_number_once"),
            models.UniqueConstraint(
                fields=["project"],
                condition=Q(state="active"),
                name="one_active_reward",
            ),
            models.UniqueConstraint(
                fields=["project"],
                condition=Q(state="shadow"),
                name="one_shadow_reward",
            ),
        ]
        ordering = ["number"]

    def __str__(self) -> str:
        return f"reward model {self.number} of {self.project}"


class ResponseFeatures(models.Model):
    """A response's frozen feature vector under one feature model: float32, little-endian."""

    response = models.ForeignKey(Response, models.CASCADE, related_name="features")
    model_digest = models.CharField(max_length=64)
    vector = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["response", "model_digest"], name="features_once")]

    def __str__(self) -> str:
        return f"features of {self.response_id}"


class CachedShard(models.Model):
    """A file of what a frozen model makes of responses: reference log-probabilities, or states that a head reads."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="cached_shards")
    run = models.ForeignKey(Run, models.SET_NULL, null=True, related_name="cached_shards")
    kind = models.CharField(max_length=16, help_text="reference, states")
    model_digest = models.CharField(max_length=64)
    dtype = models.CharField(max_length=16)
    path = models.CharField(max_length=1000)
    sha256 = models.CharField(max_length=64, help_text="Of the whole file; it is the file's name, too.")
    responses = models.PositiveIntegerField()
    bytes = models.BigIntegerField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "path"], name="shard_once")]
        indexes = [models.Index(fields=["project", "model_digest"], name="shards_of_a_model")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.responses} responses under {self.model_digest[:12]}"


class Posterior(models.Model):
    """The fast preference head's whole state, saved as one row: mean, precision and watermark."""

    project = models.OneToOneField(Project, models.CASCADE, related_name="posterior")
    model_digest = models.CharField(max_length=64)
    state = models.BinaryField(help_text="FastPosterior.to_bytes().")
    watermark = TransactionIdField(db_default=0)
    ahead = models.JSONField(
        default=list, help_text="Judgments at or above the watermark that were learned already, by id."
    )
    version = models.PositiveBigIntegerField(default=0, help_text="Grows with every saved change.")
    judgments = models.PositiveIntegerField(default=0)
    since_refit = models.PositiveIntegerField(default=0)
    withdrawn = models.JSONField(
        default=list, help_text="What had stopped to count without a new row when it was last fitted."
    )
    waiting = models.PositiveIntegerField(default=0, help_text="Judgments whose responses have no features yet.")
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"posterior of {self.project_id} at {self.judgments} judgments"


class Prediction(models.Model):
    """What a model said of a judgment before it learned from it (prequential)."""

    judgment = models.ForeignKey(Judgment, models.CASCADE, related_name="predictions")
    model = models.CharField(max_length=100, help_text="posterior, length, reward:N")
    probability = models.FloatField(help_text="That the response stored at position 0 is preferred.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["judgment", "model"], name="predicted_once")]

    def __str__(self) -> str:
        return f"{self.model}: {self.probability:.2f}"


class Trial(models.Model):
    """A candidate before the gate: its duels, the evidence so far and the decision."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        PROMOTED = "promoted", "Promoted"
        REFUSED = "refused", "Refused"
        EXPIRED = "expired", "Budget spent"
        WATCHED = "watched", "Drift check ended"

    class Purpose(models.TextChoices):
        PROMOTION = "promotion", "Promotion"
        DRIFT = "drift", "Drift from the anchor"

    project = models.ForeignKey(Project, models.CASCADE, related_name="trials")
    purpose = models.CharField(max_length=10, choices=Purpose, default=Purpose.PROMOTION)
    candidate = models.ForeignKey(PolicyVersion, models.PROTECT, related_name="trials")
    incumbent = models.ForeignKey(PolicyVersion, models.PROTECT, related_name="trials_against")
    alpha = models.FloatField(default=0.05)
    budget = models.PositiveIntegerField()
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    settled = models.PositiveIntegerField(default=0)
    log_e_better = models.FloatField(default=0.0)
    log_e_worse = models.FloatField(default=0.0)
    reason = models.TextField(blank=True)
    opened_at = models.DateTimeField(db_default=Now())
    closes_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project"], condition=Q(state="open"), name="one_open_trial")]

    def __str__(self) -> str:
        return f"trial of policy {self.candidate.number}"


class Duel(models.Model):
    """One bet of a trial: a comparison of a fresh response from each side on a held-out prompt."""

    trial = models.ForeignKey(Trial, models.CASCADE, related_name="duels")
    number = models.PositiveIntegerField()
    comparison = models.OneToOneField(Comparison, models.PROTECT, related_name="duel")
    candidate_position = models.PositiveSmallIntegerField(help_text="Which stored position is the candidate's.")
    stake_better = models.FloatField(null=True, help_text="Fixed before the outcome is seen.")
    stake_worse = models.FloatField(null=True)
    outcome = models.FloatField(
        null=True,
        help_text="Mean over its people: 1 candidate, 1/2 neither, 0 incumbent.",
    )
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["trial", "number"], name="duel_number_once"),
            models.CheckConstraint(
                condition=Q(outcome__isnull=True) | Q(stake_better__isnull=False),
                name="stake_before_outcome",
            ),
            models.CheckConstraint(
                condition=Q(outcome__isnull=True) | Q(outcome__range=(0, 1)),
                name="outcome_between_0_and_1",
            ),
        ]

    def __str__(self) -> str:
        return f"duel {self.number} of {self.trial_id}"


class TryOut(models.Model):
    """A prompt typed by an owner and its answers: of the first policy, the current one, and the steered one."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="tryouts")
    by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    text = models.TextField()
    seed = models.BigIntegerField()
    answers = models.JSONField(default=dict, help_text="{first, current, steered: {text, policy, …}}")
    state = models.CharField(max_length=8, default="waiting")
    error = models.TextField(blank=True)
    kept_as = models.ForeignKey(Prompt, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    answered_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.text[:80]
