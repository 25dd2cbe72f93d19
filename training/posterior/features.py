"""The frozen features of responses: the project's feature model, and vectors computed once and stored."""

import json
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labeling.models import Project, Response
from training.answering import Shelf
from training.folders import project_folder
from training.learning.rewards.fast.features import DIMENSION, FEWEST_GROUPS, FeatureModel, from_bytes, to_bytes
from training.learning.rows import Message
from training.models import PolicyVersion, Posterior, ResponseFeatures
from training.snapshot import training_prompts, training_responses

WANTED = 96  # prompts with two answers, where more are on their way
MEASURED_ON = 256  # prompts of the first policy's answers, when there are so many
BATCH = 64

Vectors = dict[int, NDArray[np.float32]]


class NotYet(Exception):
    """There are too few responses to measure a feature model on; more are being sampled."""


def feature_folder(project: Project, digest: str) -> Path:
    """Where a feature model lies."""
    return project_folder(project, "features") / digest[:32]


def feature_policy(project: Project) -> PolicyVersion:
    """The policy that features are read from: the first, whose weights are never deleted."""
    return project.policies.order_by("number")[0]


def feature_model(project: Project, shelf: Shelf) -> FeatureModel:
    """The project's feature model, measured on its first policy's responses when there is none yet.

    Raises NotYet while there are too few responses.
    """
    known = Posterior.objects.filter(project=project).values_list("model_digest", flat=True).first()
    policy = shelf.policy(feature_policy(project))
    if known:
        try:
            return FeatureModel.load(feature_folder(project, known), policy)
        except ValueError:  # lost, damaged or of an older version of the code: measured again
            pass
    model = FeatureModel.fit(policy, _groups(project))
    model.save(feature_folder(project, model.digest))
    (feature_folder(project, model.digest) / "measured.json").write_text(json.dumps({"policy": policy.ref}))
    return model


def _groups(project: Project) -> list[tuple[list[Message], list[list[Message]]]]:
    """Prompts with two or more responses each, the first policy's before others; one with many counts twice."""
    rows = training_responses(project).filter(dropped_at__isnull=True).order_by("policy_version__number", "pk")
    by_prompt: dict[int, list[list[Message]]] = {}
    prompts: dict[int, list[Message]] = {}
    for pk, prompt, response in rows.values_list("prompt_id", "prompt__messages", "messages")[: 4 * MEASURED_ON]:
        prompts[pk] = prompt
        by_prompt.setdefault(pk, []).append(response)
    groups = [
        (prompts[pk], responses[start : start + 4])
        for pk, responses in by_prompt.items()
        for start in range(0, len(responses) - 1, 4)
        if len(responses[start : start + 4]) >= 2
    ]
    wanted = min(WANTED, int(0.75 * project.queue_target)) if training_prompts(project).exists() else 0
    if len(groups) < max(FEWEST_GROUPS, wanted):
        raise NotYet
    return groups[:MEASURED_ON]


def stored_features(digest: str, responses: Collection[int]) -> Vectors:
    """The vectors that are known, by response."""
    found = ResponseFeatures.objects.filter(model_digest=digest, response__in=responses)
    return {pk: from_bytes(bytes(vector)) for pk, vector in found.values_list("response_id", "vector")}


def compute_features(model: FeatureModel, responses: Collection[int]) -> Vectors:
    """Compute and store the vectors of some responses, newest first."""
    made: Vectors = {}
    ordered = iter(sorted(set(responses), reverse=True))
    while batch := list(islice(ordered, BATCH)):
        rows = list(Response.objects.filter(pk__in=batch).values_list("pk", "prompt__messages", "messages"))
        vectors = model.features([(prompt, response) for _, prompt, response in rows])
        for (pk, _, _), vector in zip(rows, vectors, strict=True):
            made[pk] = vector
        ResponseFeatures.objects.bulk_create(
            [
                ResponseFeatures(response_id=pk, model_digest=model.digest, vector=to_bytes(made[pk]))
                for pk, _, _ in rows
            ],
            ignore_conflicts=True,
        )
    return made


def differences(vectors: Vectors, pairs: Sequence[tuple[int, int]]) -> NDArray[np.float32]:
    """First minus second, [n, 256]; every response of `pairs` is in `vectors`."""
    if not pairs:
        return np.zeros((0, DIMENSION), dtype=np.float32)
    return np.stack([vectors[first] - vectors[second] for first, second in pairs])


def in_parts(items: Sequence[int], size: int = 5_000) -> Iterator[Sequence[int]]:
    """A long list in parts, so that no statement has a hundred thousand parameters."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
