"""Declared features: named, scaled, and learned by a network that begins as nothing."""

import numpy as np
import pytest
import torch

from training.learning.rewards.fast.style import STYLE
from training.learning.rewards.robust.declared import (
    DECLARED,
    FeatureNetwork,
    Scale,
    bradley_terry,
    check_names,
    declared,
)
from training.learning.rows import Message


def said(role: str, text: str) -> list[Message]:
    return [Message(role=role, content=text)]


def test_features_are_columns_of_the_style_by_name() -> None:
    pair = (said("user", "Is the sea wide?"), said("assistant", "The sea is wide! Is it?"))
    told = declared([pair, pair], ("exclamation mark: any", "log words"))
    assert told.shape == (2, 2)
    assert told[0].tolist() == pytest.approx([1.0, np.log1p(6)])
    assert set(DECLARED) <= set(STYLE)


def test_an_unknown_feature_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="no feature 'charm'"):
        check_names(["log words", "charm"])


def test_scaled_features_have_unit_spread_and_a_bound() -> None:
    x = np.random.default_rng(0).normal(3.0, 2.0, size=(500, 2))
    x[:, 1] = 7.0
    told = Scale.fit(x)(x)
    assert told[:, 0].std() == pytest.approx(1.0)
    assert not told[:, 1].any()
    assert Scale.fit(x)(np.array([[1e9, 7.0]])).tolist() == [[8.0, 0.0]]


def test_an_untrained_network_prefers_nothing_and_its_effects_are_its_slopes() -> None:
    network = FeatureNetwork(3, 4, seed=1)
    x = torch.randn(10, 3)
    assert not network(x).any()
    with torch.no_grad():
        network.linear.weight.copy_(torch.tensor([[1.0, -2.0, 0.0]]))
    assert network.effects(x).tolist() == pytest.approx([1.0, -2.0, 0.0])
    assert network.hidden.weight.equal(FeatureNetwork(3, 4, seed=1).hidden.weight)


def test_bradley_terry_is_the_cross_entropy_of_the_logistic() -> None:
    difference, p = torch.tensor([0.0, 2.0, -1.0]), torch.tensor([0.3, 1.0, 0.0])
    chance = torch.sigmoid(difference)
    assert torch.allclose(bradley_terry(difference, p), -(p * chance.log() + (1 - p) * (1 - chance).log()))
