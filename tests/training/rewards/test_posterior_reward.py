"""The fast posterior asked as every reward model is."""

from pathlib import Path

import numpy as np
import pytest

from tests.training.evaluation.judged import a_row
from training.learning.models import load_policy
from training.learning.rewards.fast.features import FeatureModel
from training.learning.rewards.fast.posterior import FastPosterior
from training.learning.rewards.interface import sides
from training.learning.rewards.robust.posterior_reward import PosteriorReward


@pytest.mark.slow
def test_it_knows_a_taste_it_was_taught_and_is_read_back_the_same(tiny_directory: Path, tmp_path: Path) -> None:
    policy = load_policy(str(tiny_directory))
    rows = [a_row(f"Ask {n}", "word " * (1 + n % 5), "word " * (7 + n % 3), 0.0) for n in range(40)]
    features = FeatureModel.fit(policy, [(row.prompt, row.responses) for row in rows])
    first, second = (features.features(side) for side in sides(rows))
    model = PosteriorReward(features, FastPosterior.fit(first - second, np.zeros(40), dimension=first.shape[1]))
    assert (model.judged(rows) < 0.5).all()
    assert (model.score(sides(rows)[0]) < model.score(sides(rows)[1])).all()
    assert model.probability([], []).shape == (0,)
    model.save(tmp_path / "saved", "# A posterior\n")
    assert PosteriorReward.load(tmp_path / "saved", policy).judged(rows) == pytest.approx(model.judged(rows))
    (tmp_path / "saved" / "posterior.bin").unlink()
    with pytest.raises(ValueError, match="no posterior"):
        PosteriorReward.load(tmp_path / "saved", policy)
