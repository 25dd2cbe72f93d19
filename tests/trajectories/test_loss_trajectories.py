"""A training goes as it went: the losses of every objective are those that were stored."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.trajectories.record import RECIPES, STORED, losses


@pytest.mark.parametrize("key", sorted(RECIPES))
@pytest.mark.slow
def test_the_losses_are_the_stored_ones(key: str, tmp_path: Path) -> None:
    stored = json.loads(STORED.read_text(encoding="utf-8"))
    assert key in stored, "run `python -m tests.trajectories.record` for a new objective"
    found = losses(key, tmp_path)
    assert len(found) >= 4
    assert np.allclose(found, stored[key], rtol=1e-6, atol=1e-9)
