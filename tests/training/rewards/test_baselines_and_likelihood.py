"""The deep model's loss against its written-out definition, and the baselines on tastes they can and cannot see."""

import math
from typing import Any

import numpy as np
import torch

from training.learning.rewards.baselines import bag_of_words, length_only
from training.learning.rewards.bradley_terry import davidson_loss, labels_of
from training.learning.rows import PreferenceRow


def row(
    first: str = "a", second: str = "b", p: float = 1.0, strength: int | None = None, weight: float = 1.0
) -> PreferenceRow:
    said = [[{"role": "assistant", "content": text}] for text in (first, second)]
    return PreferenceRow(
        comparison_id=None,
        prompt=[{"role": "user", "content": "Well?"}],
        responses=(said[0], said[1]),
        response_ids=(None, None),
        p=p,
        strength=strength,
        weight=weight,
        source="simulation",
        judgment_ids=(),
    )


def test_davidsons_three_outcomes_have_the_paper_s_probabilities() -> None:
    d, nu = 0.8, 0.6
    z = math.exp(d / 2) + nu + math.exp(-d / 2)
    labels = labels_of([row(p=1.0), row(p=0.0), row(p=0.5, strength=0), row(p=0.7)], 0.0)
    loss = davidson_loss(torch.full((4,), d), torch.tensor(math.log(nu)), labels)
    first, second, tie = math.exp(d / 2) / z, math.exp(-d / 2) / z, nu / z
    expected = [-math.log(first), -math.log(second), -math.log(tie), -0.7 * math.log(first) - 0.3 * math.log(second)]
    assert torch.allclose(loss, torch.tensor(expected))


def test_without_ties_it_is_bradley_terry() -> None:
    labels = labels_of([row(p=1.0)], 0.0)
    loss = davidson_loss(torch.tensor([1.3]), torch.tensor(-40.0), labels)
    assert torch.allclose(loss, -torch.nn.functional.logsigmoid(torch.tensor([1.3])))


def test_the_gradient_is_right_by_finite_differences() -> None:
    labels = labels_of([row(p=0.8), row(p=0.5, strength=0), row(p=0.0, strength=-3, weight=2.0)], 0.5)
    labels = type(labels)(labels.p.double(), labels.tie, labels.weight.double())
    d = torch.tensor([0.4, -0.9, 2.0], dtype=torch.float64, requires_grad=True)
    log_tie = torch.tensor(-0.5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, t: davidson_loss(x, t, labels), (d, log_tie))


def test_a_strong_verdict_counts_more_and_weights_multiply() -> None:
    weights = labels_of([row(strength=1), row(strength=3), row(strength=-2, p=0.0, weight=3.0), row()], 0.5).weight
    assert weights.tolist() == [1.0, 2.0, 4.5, 1.0]


def judged(count: int, text_of: Any, better: Any, seed: int) -> list[PreferenceRow]:
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        a, b = text_of(rng), text_of(rng)
        rows.append(row(a, b, p=float(better(a) > better(b)) if better(a) != better(b) else 0.5))
    return rows


def words(rng: np.random.Generator) -> str:
    return " ".join(rng.choice(["sun", "moon", "star", "rain"], size=rng.integers(3, 12)))


def right(probability: Any, rows: list[PreferenceRow]) -> float:
    clear = [(told > 0.5) == (one.p > 0.5) for told, one in zip(probability, rows, strict=True) if one.p != 0.5]
    return float(np.mean(clear))


def test_a_taste_for_length_is_seen_by_length_alone() -> None:
    train, test = judged(150, words, len, 0), judged(200, words, len, 1)
    assert right(length_only(train, test), test) > 0.95


def test_a_taste_for_a_word_is_seen_by_the_words_and_hardly_by_length() -> None:
    def moons(text: str) -> bool:
        return "moon" in text

    train, test = judged(250, words, moons, 0), judged(300, words, moons, 1)
    assert right(bag_of_words(train, test), test) > 0.95
    assert right(length_only(train, test), test) < 0.85
