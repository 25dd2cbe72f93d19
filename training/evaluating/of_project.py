"""A reward model's report on a project's judgments: held-out prompts apart from training ones, by source and arm."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeling.models import Arm, Project, Prompt, Response
from labeling.queries.agreement import agreement
from training.evaluating.of_file import contrasts_of
from training.evaluating.scorers import Asked
from training.learning.evaluation.judgments import Judgments, of_rows
from training.learning.evaluation.ppe import Votes, preference
from training.learning.evaluation.rankings import within_prompts
from training.learning.evaluation.report import report_on
from training.learning.plain import jsonable
from training.learning.rewards.baselines import bag_of_words, length_only
from training.learning.rewards.ensemble import RewardEnsemble
from training.learning.rows import PreferenceRow
from training.models import Prediction
from training.snapshot import Verdict, comparisons_behind, reported_verdicts, rows_of

Array = NDArray[np.float64]
UNBIASED = (Arm.RANDOM, Arm.DUEL)
FEWEST_FOR_BASELINES = 20


def report_on_project(project: Project, asked: Asked) -> dict[str, Any]:
    """Everything that a project's judgments say of a reward model, JSON-ready.

    ``held_out`` is on held-out prompts; ``unseen`` on training prompts, of comparisons it was not fitted to;
    ``fitted`` of those it was, which flatters: an amendment or a second person's judgment of such a one is no news.
    ``policies``, ``within_prompts`` and ``contrast_instructions`` leave the fitted ones out. ``prequential``: what the
    loop's models said of each judgment before they learned it. Raises ValueError when there is no judgment.
    """
    told = reported_verdicts(project)
    verdicts = [verdict for verdict in told.verdicts if verdict.p is not None]
    if not verdicts:
        raise ValueError(f"{project.slug} has no judgment that says anything yet: judge some pairs first")
    rows = rows_of(verdicts)
    probability = _probabilities(asked.model, verdicts, rows)
    known = None if asked.seen is None else comparisons_behind(asked.seen)
    parts = np.array([_part(verdict, told.held_out, known) for verdict in verdicts], dtype=object)
    fitted = [row for row, part in zip(rows, parts, strict=True) if part == "fitted"]
    fresh = np.flatnonzero(parts != "fitted")
    unfitted = [verdicts[i] for i in fresh]
    reports: dict[str, Any] = {}
    for name in ("held_out", "unseen", "fitted"):
        places = np.flatnonzero(parts == name)
        if len(places):
            chosen = ([verdicts[i] for i in places], [rows[i] for i in places], probability[places])
            reports[name] = _report(asked.name, *chosen, baseline_rows=[] if name == "fitted" else fitted)
    return {
        "project": project.slug,
        "reward": asked.name,
        **reports,
        "prequential": _prequential(project, verdicts, rows),
        "policies": _policies(unfitted, probability[fresh]),
        "within_prompts": _within(unfitted, probability[fresh]),
        "contrast_instructions": contrasts_of(asked.model, [rows[i] for i in fresh]),
        "people": _people(project),
    }


def _part(verdict: Verdict, held_out: frozenset[int], known: frozenset[int] | None) -> str:
    if verdict.prompt in held_out:
        return "held_out"
    return "fitted" if known is None or verdict.comparison in known else "unseen"


def _probabilities(model: RewardEnsemble, verdicts: Sequence[Verdict], rows: Sequence[PreferenceRow]) -> Array:
    """[n]; each pair is scored once by a criterion, however many judged it."""
    asked = [(verdict.responses, row.criterion) for verdict, row in zip(verdicts, rows, strict=True)]
    first = {one: place for place, one in reversed(list(enumerate(asked)))}
    said = model.judged([rows[place] for place in first.values()])
    by_pair = dict(zip(first, said.tolist(), strict=True))
    return np.array([by_pair[one] for one in asked])


def _judgments(verdicts: Sequence[Verdict], rows: Sequence[PreferenceRow]) -> Judgments:
    told = of_rows(
        rows,
        arm=[verdict.arm for verdict in verdicts],
        arms=["random and duel" if verdict.arm in UNBIASED else "other arms" for verdict in verdicts],
    )
    return replace(told, prompts=[verdict.prompt for verdict in verdicts])


def _report(
    name: str,
    verdicts: Sequence[Verdict],
    rows: Sequence[PreferenceRow],
    probability: Array,
    baseline_rows: Sequence[PreferenceRow],
) -> dict[str, Any]:
    said = {name: probability}
    if len(baseline_rows) >= FEWEST_FOR_BASELINES:
        said |= {"length_only": length_only(baseline_rows, rows), "bag_of_words": bag_of_words(baseline_rows, rows)}
    answers: dict[tuple[int, int], dict[int, float]] = defaultdict(dict)
    for verdict in verdicts:
        if verdict.person is not None and verdict.p is not None:
            answers[verdict.comparison, verdict.prompt].setdefault(verdict.person, verdict.p)
    given = [list(people.values()) for people in answers.values()]
    return report_on(_judgments(verdicts, rows), said, answers=given, asked=[prompt for _, prompt in answers])


def _prequential(project: Project, verdicts: Sequence[Verdict], rows: Sequence[PreferenceRow]) -> dict[str, Any]:
    """Each model's predictions before it learned, beside those of the length-only model on the same judgments."""
    said: dict[str, dict[int, float]] = defaultdict(dict)
    found = Prediction.objects.filter(judgment__project=project).order_by("pk")
    for model, judgment, probability in found.values_list("model", "judgment_id", "probability"):
        said[model][judgment] = probability
    reports = {}
    for model, own in said.items():
        beside = {name: other for name, other in said.items() if name == "length" and model != "length"}
        common = [i for i, v in enumerate(verdicts) if all(v.id in one for one in (own, *beside.values()))]
        if common:
            chosen = [verdicts[place] for place in common]
            predictions = {name: np.array([one[v.id] for v in chosen]) for name, one in {model: own, **beside}.items()}
            reports[model] = report_on(_judgments(chosen, [rows[place] for place in common]), predictions)
    return reports


def _policies(verdicts: Sequence[Verdict], probability: Array) -> Any:
    """PPE's metrics with the project's own versions: does the model order them as people do? Unbiased arms only."""
    version = _versions(verdicts)
    chosen = [
        place
        for place, verdict in enumerate(verdicts)
        if verdict.arm in UNBIASED
        and all(response in version for response in verdict.responses)
        and version[verdict.responses[0]] != version[verdict.responses[1]]
    ]
    numbers = sorted({version[response] for place in chosen for response in verdicts[place].responses})
    if len(numbers) < 2:
        return None
    spot = {number: place for place, number in enumerate(numbers)}
    told = [verdicts[place] for place in chosen]
    tags = dict(Prompt.objects.filter(pk__in={verdict.prompt for verdict in told}).values_list("pk", "tags"))
    votes = Votes(
        p=np.array([verdict.p for verdict in told], dtype=np.float64),
        probability=probability[chosen],
        pairs=np.array([[spot[version[response]] for response in verdict.responses] for verdict in told]),
        models=[f"version {number}" for number in numbers],
        prompts=[verdict.prompt for verdict in told],
        domains=[str((tags.get(verdict.prompt) or ["all"])[0]) for verdict in told],
    )
    return jsonable({"versions": numbers, **vars(preference(votes))})


def _versions(verdicts: Sequence[Verdict]) -> dict[int, int]:
    """Which policy version each response came from."""
    wanted = {response for verdict in verdicts for response in verdict.responses}
    found = Response.objects.filter(pk__in=wanted, policy_version__isnull=False)
    return dict(found.values_list("pk", "policy_version__number"))


def _within(verdicts: Sequence[Verdict], probability: Array) -> Any:
    """The order of a prompt's responses, by the model's mean probability in the same pairs that people judged."""
    said: dict[int, list[float]] = defaultdict(list)
    for verdict, p in zip(verdicts, probability.tolist(), strict=True):
        said[verdict.responses[0]].append(p)
        said[verdict.responses[1]].append(1.0 - p)
    first, second = ([verdict.responses[side] for verdict in verdicts] for side in (0, 1))
    labels = [0.5 if verdict.p is None else verdict.p for verdict in verdicts]
    score: dict[Any, float] = {response: float(np.mean(told)) for response, told in said.items()}
    return jsonable(within_prompts(first, second, labels, score, [verdict.prompt for verdict in verdicts]))


def _people(project: Project) -> dict[str, Any]:
    """How people agree, with each other and with themselves, and how often the left side won."""
    told = agreement(project)
    return dict(jsonable({"alpha": told.alpha, "same_person_again": told.repeats, "left": told.left}))
