"""A training goes as it went: the losses of every objective are those that were stored."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.trajectories.record import RECIPES, STORED, losses


def test_every_objective_and_nothing_else_is_stored() -> None:
    assert set(json.loads(STORED.read_text(encoding="utf-8"))) == set(RECIPES)


@pytest.mark.parametrize("key", sorted(RECIPES))
@pytest.mark.slow
def test_the_losses_are_the_stored_ones(key: str, tmp_path: Path) -> None:
    stored = json.loads(STORED.read_text(encoding="utf-8"))
    found = losses(key, tmp_path)
    assert len(found) >= 4
    assert np.allclose(found, stored[key], rtol=1e-6, atol=1e-9)
