"""One report on a reward model: everything that its predictions of judgments say of it, as JSON and as words."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..judged import Judged, answers_of, arms_of
from ..plain import jsonable
from ..rows import PreferenceRow, judgments_behind
from .accuracy import accuracy_by, accuracy_by_strength, accuracy_gain, accuracy_of
from .biases import length_bias, position_bias
from .calibration import calibration_estimate, log_losses, reliability
from .ceiling import human_ceiling
from .intervals import Estimate, clustered_mean
from .judgments import Array, Judgments, length_matched, of_rows, prompt_key
from .shares import share

Report = dict[str, Any]


def report_on(
    judgments: Judgments,
    predictions: Mapping[str, Array],
    *,
    answers: Sequence[Sequence[float]] = (),
    asked: Sequence[Hashable] = (),
) -> Report:
    """A JSON-ready report on the first of some models, the others beside it as baselines.

    ``predictions`` are probabilities [n] by the model's name that the first response is preferred. ``answers`` are
    the labels that several people gave to each comparison, ``asked`` their prompts; without them there is no human
    ceiling. Raises ValueError without judgments or models.
    """
    if not predictions or not len(judgments):
        raise ValueError("a report needs judgments and what a model said of them")
    name, probability = next(iter(predictions.items()))
    others = {key: value for key, value in predictions.items() if key != name}
    matched = length_matched(judgments)
    groups = {key: accuracy_by(judgments, probability, key) for key in judgments.groups}
    found = {
        "model": name,
        "judgments": len(judgments),
        "prompts": len(set(judgments.prompts)),
        "ties": int((~judgments.clear).sum()),
        "models": {key: _figures(judgments, value) for key, value in predictions.items()},
        "gain": {key: accuracy_gain(judgments, probability, value) for key, value in others.items()},
        "gain_length_matched": {
            key: accuracy_gain(judgments, probability, value, matched) for key, value in others.items()
        },
        "by": {**groups, "strength": accuracy_by_strength(judgments, probability)},
        "reliability": reliability(probability, judgments.p, judgments.prompts),
        "length": length_bias(judgments, probability),
        "position": {**_labels_first(judgments), "model": position_bias(judgments, probability)},
        "ceiling": human_ceiling(answers, asked),
    }
    told: Report = jsonable(found)
    return told


def report_on_rows(
    rows: Sequence[PreferenceRow], predictions: Mapping[str, Array], judged: Mapping[int, Judged] | None = None
) -> Report | None:
    """The same for a training set's rows, as a reward run makes it; None without rows.

    A row may stand for several judgments of a comparison: ``judgments`` counts those, ``rows`` what the figures are
    over. ``judged`` tells, by comparison, the arm and what each person said.
    """
    if not rows:
        return None
    known = judged or {}
    prompts = {row.comparison_id: prompt_key(row.prompt) for row in rows}
    answers = answers_of(rows, known)
    told = report_on(
        of_rows(rows, **arms_of(rows, known)),
        predictions,
        answers=list(answers.values()),
        asked=[prompts[comparison] for comparison in answers],
    )
    return {**told, "judgments": judgments_behind(rows), "rows": len(rows)}


def _figures(judgments: Judgments, probability: Array) -> Report:
    prompts = judgments.prompts
    squares = (np.asarray(probability) - judgments.p) ** 2
    return {
        "accuracy": accuracy_of(judgments, probability),
        "accuracy_length_matched": accuracy_of(judgments, probability, length_matched(judgments)),
        "log_loss": clustered_mean(log_losses(probability, judgments.p), prompts),
        "brier": clustered_mean(squares, prompts),
        "calibration_error": calibration_estimate(probability, judgments.p, prompts),
    }


def _labels_first(judgments: Judgments) -> dict[str, Estimate]:
    kept = judgments.chosen(judgments.clear)
    return {"labels_first": share(kept.p > 0.5, kept.prompts)}


def lines_of(told: Any, name: str = "", depth: int = 0) -> Iterator[str]:
    """A report in words, one figure a line, what belongs together indented."""
    indent = "  " * depth
    if isinstance(told, Mapping) and "value" in told and "low" in told:
        yield f"{indent}{name:<{max(30 - len(indent), 1)}} {in_words(told)}"
    elif isinstance(told, Mapping):
        if name:
            yield f"{indent}{name}"
        for key, value in told.items():
            yield from lines_of(value, str(key).replace("_", " "), depth + bool(name))
    elif isinstance(told, list):
        yield f"{indent}{name}"
        for number, value in enumerate(told, start=1):
            named = isinstance(value, Mapping) and "name" in value
            label = str(value["name"]) if named else str(number)
            rest = {key: one for key, one in value.items() if key != "name"} if named else value
            yield from lines_of(rest, label, depth + 1)
    else:
        said = "not known" if told is None else f"{told:.4g}" if isinstance(told, float) else str(told)
        yield f"{indent}{name:<{max(30 - len(indent), 1)}} {said}"


def in_words(estimate: Mapping[str, Any]) -> str:
    """0.712 (0.650 to 0.766), n = 120."""
    value, low, high = (
        "?" if estimate[key] is None else f"{estimate[key]:.3f}".replace("-", "−") for key in ("value", "low", "high")
    )
    return f"{value} ({low} to {high}), n = {estimate['n']}"
