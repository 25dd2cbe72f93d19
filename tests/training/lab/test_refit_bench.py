"""What `bench refit` and `bench updates` measure, at a size that costs little."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.training.rewards.test_pairwise import likes_questions
from training.lab import refits, updates
from training.learning.devices import configure, resolve


def test_updates_are_measured_beside_the_fit_of_all() -> None:
    told = updates.measure(judgments=1_100, features=16)
    assert told["updates_since_a_refit"] == 100
    assert [row["ok"] for row in told["rows"][:2]] == [True, True]
    assert 0 < told["rows"][2]["heed"] < 0.05


def test_a_row_tells_ratio_and_bar(tmp_path: Path) -> None:
    rows = likes_questions(200)
    bench = refits.Bench(rows, tmp_path, resolve(), 1)
    assert len(bench.before) == 198
    assert bench.new_responses == 4

    def refit(name: str, given: object, cache: Path) -> dict[str, object]:
        known = cache.exists()
        cache.mkdir(exist_ok=True)
        return {
            "seconds": 1.0 if known else 10.0,
            "digest": "d",
            "passes": {"states": {"computed": 4 if known else 400}},
        }

    seconds, computed = refits.compared(bench, "head", "states", 0.15, refit)
    assert (seconds.ratio, seconds.ok, computed.ok) == (0.1, True, True)
    assert "the same weights" in seconds.name


@pytest.mark.slow
def test_a_policy_refit_ends_with_the_cold_ones_weights_and_computes_new_passes_only(tmp_path: Path) -> None:
    configure(replace(resolve(), threads=1))
    rows = refits.rows_of(60)
    bench = refits.Bench(rows, tmp_path, replace(resolve(), threads=1), 1)
    seconds, computed = refits.compared(bench, "policy", "reference", 1.0, bench.policy)
    assert "the same weights" in seconds.name
    assert computed.heed == bench.new_responses == 2


@pytest.mark.slow
def test_a_warm_start_predicts_as_well_as_a_cold_refit_in_a_fraction_of_its_steps(tmp_path: Path) -> None:
    configure(replace(resolve(), threads=1))
    rows = refits.rows_of(340, seed=1)
    bench = refits.Bench(rows[:240], tmp_path, replace(resolve(), threads=1), 1)
    steps, loss = refits.warm_started(bench, rows[240:])
    assert steps.ok
    assert loss.ok, loss
