"""The project page: how judging goes, how well the posterior predicts, how the versions fare, what the gate knows."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, Q
from django.utils import timezone

from labeling.measures.intervals import Interval, wilson_interval
from labeling.models import Arm, Comparison, Kind, Project, State
from training.gate import Evidence, Forecast, Rules, e_value, forecast
from training.models import Duel, PolicyVersion, Posterior, Prediction, RewardVersion, Run, Trial

PACE_MINUTES = 10
CURVE_POINTS = 60
HEAD = 6
MODELS = ("posterior", "length")


@dataclass(frozen=True)
class Pace:
    """How many judgments there are and how fast they come."""

    judgments: int
    recent: int
    people: int
    open: int
    full: int

    @property
    def per_minute(self) -> float:
        """Over the last ten minutes."""
        return self.recent / PACE_MINUTES


@dataclass(frozen=True)
class Prequential:
    """How often a model was right about judgments that it had not seen, on randomly chosen pairs."""

    model: str
    n: int
    accuracy: Interval | None
    curve: list[tuple[int, float]]


@dataclass(frozen=True)
class Gate:
    """The trial that is open, with its evidence."""

    trial: Trial
    outcomes: list[float]
    planned: int
    e_better: float
    e_worse: float
    ahead: Forecast
    path: list[float]

    @property
    def threshold(self) -> float:
        """The e-value that decides."""
        return 1.0 / self.trial.alpha

    @property
    def wins(self) -> int:
        """Duels that the candidate won."""
        return sum(outcome > 0.5 for outcome in self.outcomes)

    @property
    def losses(self) -> int:
        """Duels that it lost."""
        return sum(outcome < 0.5 for outcome in self.outcomes)

    @property
    def ties(self) -> int:
        """Duels without a winner."""
        return len(self.outcomes) - self.wins - self.losses


@dataclass(frozen=True)
class Overview:
    """Everything on the project page but the win rates."""

    pace: Pace
    accuracy: list[Prequential]
    posterior: Posterior | None
    reward: RewardVersion | None
    shadow: RewardVersion | None
    current: PolicyVersion | None
    gate: Gate | None
    decided: PolicyVersion | None  # the newest version that a decision was made about
    live_runs: list[Run]
    head: list[Comparison]


def overview(project: Project) -> Overview:
    """The whole page: a number of statements that does not grow with the judgments' number."""
    rewards = {row.state: row for row in project.rewards.filter(state__in=["active", "shadow"])}
    return Overview(
        pace=pace(project),
        accuracy=[found for found in (prequential(project, name) for name in MODELS) if found.n],
        posterior=Posterior.objects.filter(project=project).first(),
        reward=rewards.get(RewardVersion.State.ACTIVE),
        shadow=rewards.get(RewardVersion.State.SHADOW),
        current=project.policies.filter(current=True).first(),
        gate=gate(project),
        decided=project.policies.filter(run__isnull=False)
        .exclude(state=PolicyVersion.State.CANDIDATE)
        .order_by("number")
        .last(),
        live_runs=list(project.runs.filter(state__in=[Run.State.QUEUED, Run.State.RUNNING]).order_by("pk")),
        head=queue_head(project),
    )


def queue_head(project: Project) -> list[Comparison]:
    """The comparisons that the posterior wants asked next, in their order now."""
    rows = Comparison.objects.filter(project=project, state=State.OPEN, arm=Arm.CHOSEN, score__isnull=False)
    return list(rows.select_related("prompt").order_by("-score", "pk")[:HEAD])


def pace(project: Project) -> Pace:
    """Counts of judgments (amendments not counted twice), people and comparisons."""
    since = timezone.now() - timedelta(minutes=PACE_MINUTES)
    judged = project.judgments.filter(amends__isnull=True).aggregate(
        all=Count("pk"),
        recent=Count("pk", filter=Q(created_at__gte=since)),
        people=Count("person", distinct=True),
    )
    states = dict(
        Comparison.objects.filter(project=project, kind=Kind.PAIR)
        .order_by()
        .values_list("state")
        .annotate(n=Count("pk"))
    )
    return Pace(
        judgments=judged["all"],
        recent=judged["recent"],
        people=judged["people"],
        open=states.get(State.OPEN, 0),
        full=states.get(State.FULL, 0),
    )


def prequential(project: Project, model: str) -> Prequential:
    """Accuracy of one model's predictions on the random arm, decided judgments only, and its running curve."""
    rows = (
        Prediction.objects.filter(model=model, judgment__project=project, judgment__comparison__arm=Arm.RANDOM)
        .exclude(judgment__strength=0)
        .exclude(judgment__strength=None)
        .order_by("judgment_id")
        .values_list("probability", "judgment__strength")
    )
    right = [(probability > 0.5) == (strength > 0) for probability, strength in rows]
    n, hits = len(right), sum(right)
    curve, so_far = [], 0
    stride = max(1, n // CURVE_POINTS)
    for place, hit in enumerate(right, 1):
        so_far += hit
        if place % stride == 0 or place == n:
            curve.append((place, so_far / place))
    return Prequential(model, n, wilson_interval(hits, n) if n else None, curve)


def gate(project: Project) -> Gate | None:
    """The open trial with its evidence after every settled duel, or None."""
    trial = project.trials.filter(state=Trial.State.OPEN).select_related("candidate", "incumbent").first()
    if trial is None:
        return None
    rules = Rules(alpha=trial.alpha, budget=trial.budget)
    settled = list(Duel.objects.filter(trial=trial, outcome__isnull=False).order_by("settled_at", "number"))
    evidence, path = Evidence(), [0.0]
    for duel in settled:
        stakes = (duel.stake_better or 0.0, duel.stake_worse or 0.0)
        evidence = evidence.after(duel.outcome or 0.0, stakes)
        path.append(evidence.log_e_better)
    outcomes = [duel.outcome or 0.0 for duel in settled]
    return Gate(
        trial=trial,
        outcomes=outcomes,
        planned=trial.duels.count(),
        e_better=e_value(evidence.log_e_better),
        e_worse=e_value(evidence.log_e_worse),
        ahead=forecast(outcomes, rules, evidence),
        path=path,
    )
