"""Accuracy with intervals: overall, by group, and beside another model on the same judgments."""

import numpy as np

from .intervals import Estimate
from .judgments import Array, Flags, Judgments, hits
from .shares import paired_difference, share


def accuracy_of(judgments: Judgments, probability: Array, where: Flags | None = None) -> Estimate:
    """The share of judgments with a preferred side that were predicted, clustered by prompt; ½ is half right."""
    which = judgments.clear if where is None else judgments.clear & where
    kept = judgments.chosen(which)
    return share(hits(probability[which], kept.p), kept.prompts)


def accuracy_by(judgments: Judgments, probability: Array, group: str) -> dict[str, Estimate]:
    """Accuracy by the words of a group ("source", "arm", "subset"), in order of the words; {} where none are known."""
    told = np.array(judgments.groups.get(group, ()), dtype=object)
    names = sorted(set(told.tolist()))
    return {name: accuracy_of(judgments, probability, np.asarray(told == name)) for name in names}


def accuracy_by_strength(judgments: Judgments, probability: Array) -> dict[str, Estimate]:
    """Accuracy by how clear people found it: 1 slightly, 2 clearly, 3 much better."""
    told = judgments.strength
    steps = sorted({int(value) for value in told[np.isfinite(told)].tolist() if value > 0})
    return {str(step): accuracy_of(judgments, probability, np.asarray(told == step)) for step in steps}


def accuracy_gain(judgments: Judgments, ours: Array, theirs: Array, where: Flags | None = None) -> Estimate | None:
    """How much more often one model is right than another on the same judgments; None where there is none."""
    which = judgments.clear if where is None else judgments.clear & where
    if not which.any():
        return None
    kept = judgments.chosen(which)
    return paired_difference(hits(ours[which], kept.p), hits(theirs[which], kept.p), kept.prompts)
