"""ConvexDA and RewardFusion by hand, and synthetic pairs from clusters."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.learning.rewards.robust.convex import hull, outermost, perturbed, plane
from training.learning.rewards.robust.fusion import Fusion, ngrams, unit
from training.learning.rewards.robust.synthetic import clusters, confident_pairs, synthetic_pair
from training.learning.rows import Message


def said(role: str, text: str) -> list[Message]:
    return [Message(role=role, content=text)]


def test_the_hull_of_a_square_with_points_inside_and_between() -> None:
    points = [[0, 0], [2, 0], [2, 2], [0, 2], [1, 1], [1, 0], [0, 0]]
    assert hull(points) == [0, 1, 2, 3]
    assert hull([[0, 0], [1, 1], [2, 2]]) == [0, 2]
    assert hull([[1, 1], [1, 1]]) == [0]


@given(st.integers(0, 10_000))
def test_every_point_lies_within_the_hull(seed: int) -> None:
    points = np.random.default_rng(seed).normal(size=(12, 2))
    corners = points[hull(points)]
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        side = (end[0] - start[0]) * (points[:, 1] - start[1]) - (end[1] - start[1]) * (points[:, 0] - start[0])
        assert (side >= -1e-9).all()


def test_the_plane_keeps_distances_of_points_that_lie_in_one() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(8, 2)) @ rng.normal(size=(2, 6))
    flat = plane(points)
    apart = np.linalg.norm(points[:, None] - points, axis=-1)
    assert np.allclose(np.linalg.norm(flat[:, None] - flat, axis=-1), apart)
    assert plane(np.ones((1, 3))).tolist() == [[0.0, 0.0]]


def test_the_outermost_copies_stay_without_the_original() -> None:
    assert outermost([[0, 0, 5], [2, 0, 5], [2, 2, 5], [0, 2, 5], [1, 1.1, 5]]) == [0, 1, 2]


def test_copies_are_changed_a_little_and_come_again() -> None:
    text = "The sea is wide. It is blue."
    copies = perturbed(text, 5, seed=1)
    assert copies == perturbed(text, 5, seed=1)
    assert [len(copy.split()) for copy in copies] == [6, 7, 8, 7, 7]
    assert sorted(copies[1].split()) == sorted(copies[3].split()) == sorted(text.split())
    assert copies[4].casefold() == text.casefold()
    assert perturbed("Sea", 2, seed=0) == ["Sea", "Sea"]


def test_fusion_is_the_similarity_weighted_mean_by_hand() -> None:
    near = np.sqrt(1 - 0.95**2)
    fusion = Fusion.fit([[1, 0], [0.95, near], [0, 1]], [4.0, -2.0, 100.0], neighbours=5, similarity=0.9)
    told = fusion.fuse([1.0, 1.0], [[2.0, 0.0], [-1.0, 0.0]])
    assert told.tolist() == pytest.approx([(1 + 4 - 0.95 * 2) / (1 + 1 + 0.95), 1.0])
    alone = Fusion.fit([[1, 0], [0.95, near]], [4.0, -2.0], neighbours=1, similarity=0.9)
    assert alone.fuse([1.0], [[1.0, 0.0]])[0] == pytest.approx(2.5)


def test_alike_texts_are_near_and_another_prompt_is_not() -> None:
    long = "The sea is wide and blue and full of fish, and boats go over it all day long."
    asked, other = said("user", "What is the sea?"), said("user", "How do I bake some bread at home tonight?")
    table = unit(
        ngrams(
            [
                (asked, said("assistant", long)),
                (asked, said("assistant", long + " Yes.")),
                (other, said("assistant", long)),
            ]
        )
    )
    assert table[0] @ table[1] > 0.9 > table[0] @ table[2]
    assert not ngrams([([], [])]).any()


def test_clusters_are_connected_components_largest_first() -> None:
    similarity = np.eye(5)
    for i, j in ((1, 2), (2, 4)):
        similarity[i, j] = similarity[j, i] = 0.8
    assert clusters(similarity, 0.75) == [[1, 2, 4], [0], [3]]
    assert clusters(similarity, 0.85) == [[0], [1], [2], [3], [4]]


def test_the_largest_cluster_wins_only_where_it_is_sure() -> None:
    vectors = np.array([[1.0, 0.0], [1.0, 0.05], [1.0, -0.05], [-1.0, 0.0]])
    pair = synthetic_pair(vectors, similarity=0.9, confidence=0.6, seed=0)
    assert pair is not None
    assert pair[0] in (0, 1, 2)
    assert pair[1] == 3
    assert synthetic_pair(vectors, similarity=0.9, confidence=0.8, seed=0) is None
    assert synthetic_pair(vectors[:3], similarity=0.9, confidence=0.1, seed=0) is None  # all alike
    assert synthetic_pair(vectors[[0, 3]], similarity=0.9, confidence=0.1, seed=0) is None  # a tie


def test_synthetic_rows_say_where_they_come_from() -> None:
    prompt = said("user", "Well?")
    texts = [said("assistant", text) for text in ("yes", "yes!", "Yes", "no")]
    vectors = np.array([[1.0, 0.0], [1.0, 0.05], [1.0, -0.05], [-3.0, 0.0]])
    (row,) = confident_pairs([(prompt, texts)], vectors, similarity=0.9, confidence=0.5, weight=0.25, seed=0)
    assert (row.source, row.weight, row.p, row.judgment_ids) == ("reward_model", 0.25, 1.0, ())
    assert row.responses[1] == texts[3]
