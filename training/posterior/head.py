"""The queue's head: every open comparison that a score may order, scored anew after each judgment."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from labeling.actions.ordering import HEAD, SCORED_ARMS
from labeling.actions.queueing import reorder_queue
from labeling.models import ComparisonResponse, Project, State
from training.learning.acquisition.information import score_pairs
from training.learning.rewards.fast.features import DIMENSION, FeatureModel
from training.learning.rewards.fast.posterior import FastPosterior
from training.posterior.features import Vectors, compute_features, differences, in_parts, stored_features
from training.snapshot import on_training_prompts

METHOD = "bald"
COMPUTE_AT_ONCE = 64  # responses whose features are computed in one look


class Head:
    """Open comparisons and their feature differences in one matrix; what the database holds as their scores."""

    def __init__(self, project: Project, model: FeatureModel) -> None:
        self.project = project
        self.model = model
        self.places: dict[int, int] = {}  # comparison → row
        self.ids = np.zeros(0, dtype=np.int64)
        self.rows = np.zeros((0, DIMENSION), dtype=np.float32)
        self.stored = np.zeros(0)  # the scores in the database, NaN where there is none

    def look_again(self) -> None:
        """Bring the matrix in step with the queue: new comparisons in, those no longer open out."""
        found = dict(
            on_training_prompts(
                self.project.comparisons.filter(state=State.OPEN, arm__in=SCORED_ARMS, kind="pair")
            ).values_list("pk", "score")
        )
        stays = [row for pk, row in self.places.items() if pk in found]
        new = [pk for pk in found if pk not in self.places]
        pairs = _pairs_of(new)
        vectors = self._vectors({response for pair in pairs.values() for response in pair})
        known = {pk: pair for pk, pair in pairs.items() if all(response in vectors for response in pair)}
        self.ids = np.concatenate([self.ids[stays], np.array(list(known), dtype=np.int64)])
        self.rows = np.concatenate([self.rows[stays], differences(vectors, list(known.values()))])
        self.stored = np.array(
            [np.nan if found[pk] is None else found[pk] for pk in self.ids.tolist()], dtype=np.float64
        )
        self.places = {pk: row for row, pk in enumerate(self.ids.tolist())}

    def _vectors(self, responses: set[int]) -> Vectors:
        """Known vectors, and some missing ones computed, the newest responses' first."""
        vectors: Vectors = {}
        for part in in_parts(sorted(responses)):
            vectors |= stored_features(self.model.digest, part)
        return vectors | compute_features(self.model, sorted(responses - set(vectors))[-COMPUTE_AT_ONCE:])

    def reorder(self, posterior: FastPosterior, version: str) -> int:
        """Score all and write what decides the first places. Returns how many rows were written."""
        if not len(self.ids):
            return 0
        scores = score_pairs(posterior, self.rows, METHOD)
        order = np.argsort(-scores, kind="stable")
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(1, len(order) + 1)
        edge = scores[order[min(HEAD, len(order)) - 1]]
        # Rows beyond the head matter only where an old, higher score would put them into it.
        wanted = (rank <= HEAD) | (np.nan_to_num(self.stored, nan=-np.inf) >= edge)
        changed = np.flatnonzero(wanted & ~(np.abs(scores - self.stored) < 1e-9))
        if not len(changed):
            return 0
        self.stored[changed] = scores[changed]
        rows = list(zip(self.ids[changed].tolist(), scores[changed].tolist(), rank[changed].tolist(), strict=True))
        return reorder_queue(project=self.project, scores=rows, model_version=version)


def _pairs_of(comparisons: Sequence[int]) -> Mapping[int, tuple[int, int]]:
    """The two responses of each comparison."""
    pairs: dict[int, list[int]] = {}
    for part in in_parts(comparisons):
        entries = ComparisonResponse.objects.filter(comparison__in=part).order_by("comparison_id", "position")
        for pk, response in entries.values_list("comparison_id", "response_id"):
            pairs.setdefault(pk, []).append(response)
    return {pk: (found[0], found[1]) for pk, found in pairs.items()}


def best_pairs(posterior: FastPosterior, rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Scores of candidate pairs [n, 256] by the queue's own method."""
    return score_pairs(posterior, rows, METHOD)
