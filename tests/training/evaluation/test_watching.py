"""Over-optimisation in a run is told when it is there, and only then."""

from typing import Any

import pytest

from training.learning.evaluation.watching import alarm, overoptimisation
from training.learning.monitor import looks, looks_per_epoch, patience


def look(step: float, won: float, kl: float, margin: float, error: float = 0.02) -> dict[str, float]:
    return {
        "step": step,
        "win_probability": won,
        "win_probability_se": error,
        "kl_from_incumbent": kl,
        "margin": margin,
    }


HARMED = [look(0, 0.5, 0.0, 0.0), look(1, 0.7, 2.0, 0.5), look(2, 0.66, 5.0, 0.9), look(3, 0.55, 9.0, 1.5)]


def test_a_fall_of_the_win_probability_while_kl_and_margin_rise_is_told() -> None:
    said = alarm(HARMED)
    assert said.startswith("Over-optimisation: from KL 2.0 to 9.0 the win probability fell from 70% to 55%")


@pytest.mark.parametrize(
    "last",
    [
        look(3, 0.68, 9.0, 1.5),  # within the noise
        look(3, 0.55, 1.0, 1.5),  # the policy came back
        look(3, 0.55, 9.0, 0.4),  # what is optimised fell too: something else is wrong
        look(3, 0.75, 9.0, 1.5),  # better than ever
        {key: value for key, value in look(3, 0.55, 9.0, 1.5).items() if key != "margin"},  # no pairs to rank
    ],
)
def test_anything_else_is_not(last: dict[str, float]) -> None:
    assert alarm([*HARMED[:3], last]) == ""


def test_an_untrained_policy_is_no_news() -> None:
    assert alarm(HARMED[:1]) == ""
    told: dict[str, Any] = overoptimisation(HARMED[:2])
    assert (told["start"], told["curve"], told["alarm"]) == (0.5, None, "")


def test_the_curve_rises_from_where_the_run_began_and_falls_after_its_peak() -> None:
    curve = overoptimisation(HARMED)["curve"]
    assert curve["form"] == "rl" and curve["alpha"] > 0.0 and curve["beta"] > 0.0
    assert 0.0 < curve["peak_kl"] < 9.0


def test_one_long_round_is_looked_at_several_times_within_its_first_epoch() -> None:
    assert looks(40, 1.0, 1) == {10, 20, 30}
    assert looks(120, 3.0, 1) == {10, 20, 30, 40, 80}
    assert looks(20, 0.5, 1) == {5, 10, 15}
    assert looks(2, 1.0, 1) == {1}


def test_rounds_share_the_looks_between_them() -> None:
    assert [looks_per_epoch(rounds) for rounds in (1, 2, 3, 4, 6)] == [4, 2, 2, 1, 1]
    assert [patience(rounds) for rounds in (1, 2, 3, 4, 6)] == [4, 4, 4, 2, 2]
    assert looks(16, 1.0, 6) == set()
    assert looks(16, 1.0, 2) == {8}
    assert looks(32, 2.0, 6) == {16}
