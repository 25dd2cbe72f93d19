"""Calibration, biases, the human ceiling and the report that holds them."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.evaluation.judged import a_row, judged
from training.learning.evaluation.accuracy import accuracy_by, accuracy_gain
from training.learning.evaluation.biases import length_bias, position_bias
from training.learning.evaluation.calibration import brier, calibration_error, calibration_estimate, reliability
from training.learning.evaluation.ceiling import best_accuracy, human_ceiling
from training.learning.evaluation.judgments import length_matched
from training.learning.evaluation.report import in_words, lines_of, report_on, report_on_rows


def calibrated(n: int = 4_000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 1, n)
    return truth, (rng.random(n) < truth).astype(float)


def test_a_calibrated_models_bins_hold_the_truth_nine_times_in_ten() -> None:
    truth, met = calibrated()
    bins = reliability(truth, met, range(len(met)))
    assert len(bins) == 10 and sum(one.observed.n for one in bins) == len(met)
    assert sum(one.observed.low <= one.predicted <= one.observed.high for one in bins) >= 9


def test_few_judgments_make_few_bins() -> None:
    truth, met = calibrated(25)
    assert len(reliability(truth, met, range(25))) == 2


def test_briers_score_is_known_at_its_ends() -> None:
    assert brier([1.0, 0.0], [1, 0]) == 0.0
    assert brier([0.5, 0.5], [1, 0]) == 0.25
    truth, met = calibrated()
    assert brier(truth, met) == pytest.approx(1 / 6, abs=0.01)  # the mean of q(1-q) over [0, 1]


def test_weights_of_one_change_no_calibration_error() -> None:
    truth, met = calibrated(300)
    assert calibration_error(truth, met, np.ones(300)) == pytest.approx(calibration_error(truth, met))
    assert np.isnan(calibration_error(truth, met, np.zeros(300)))
    found = calibration_estimate(truth, met, range(300))
    assert found.low <= found.high


@given(st.floats(0.5, 1.0))
def test_the_ceiling_is_exact_where_every_pair_is_as_hard(q) -> None:
    assert best_accuracy(q * q + (1 - q) * (1 - q)) == pytest.approx(q)


def test_three_people_two_of_whom_agree_make_one_agreeing_pair_in_three() -> None:
    found = human_ceiling([[1, 1, 0], [1, 0.5], [0, 0, 0, 0.5]], ["a", "b", "c"])
    assert found.agreement.value == pytest.approx((1 / 3 + 1) / 2)
    assert (found.agreement.n, found.pairs_of_people) == (2, 6)
    assert found.at_most.value == pytest.approx(best_accuracy(2 / 3))
    assert human_ceiling([[1.0], [0.5, 0.5]], ["a", "b"]) is None


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_no_models_accuracy_can_exceed_the_ceiling(q) -> None:
    odds = np.array(q)
    agreement, best = np.mean(odds**2 + (1 - odds) ** 2), np.mean(np.maximum(odds, 1 - odds))
    assert agreement - 1e-12 <= best <= best_accuracy(agreement) + 1e-12


def test_a_model_of_length_is_found_out() -> None:
    words = [(30, 10), (10, 30), (30, 10), (10, 30), (20, 20)]
    told = judged([1, 0, 0, 1, 1], words)
    bias = length_bias(told, np.array([0.9, 0.1, 0.9, 0.1, 0.9]))
    assert (bias.model_longer.value, bias.labels_longer.value) == (1.0, 0.5)
    assert (bias.right_when_longer.value, bias.right_when_shorter.value) == (1.0, 0.0)
    assert bias.matched.n == 1 and bias.correlation.value > 0.8


def test_lengths_within_a_tenth_match_in_words_and_in_characters() -> None:
    told = judged([1, 1, 1], [(100, 91), (100, 90), (0, 0)])
    assert length_matched(told).tolist() == [True, False, True]
    marked_up = replace(told, characters=np.array([[500.0, 455.0], [500.0, 500.0], [0.0, 30.0]]))
    assert length_matched(marked_up).tolist() == [True, False, False]


def test_who_always_prefers_the_first_is_never_consistent() -> None:
    told = judged([1, 0, 1])
    found = position_bias(told, np.array([0.9, 0.8, 0.7]), swapped=[0.9, 0.9, 0.6])
    assert (found.first.value, found.consistent.value) == (1.0, 0.0)
    fair = position_bias(told, np.array([0.9, 0.2, 0.7]), swapped=[0.1, 0.8, 0.3])
    assert (fair.first.value, fair.consistent.value) == (0.5, 1.0)
    assert position_bias(told, np.array([0.9, 0.5, 0.7])).consistent is None


def test_accuracy_is_told_by_group_and_beside_another_model() -> None:
    told = judged([1, 1, 0, 0.5], arm=["random", "duel", "random", "duel"])
    found = accuracy_by(told, np.array([0.9, 0.1, 0.9, 0.9]), "arm")
    assert {name: (one.value, one.n) for name, one in found.items()} == {"duel": (0.0, 1), "random": (0.5, 2)}
    assert accuracy_by(told, np.full(4, 0.5), "source") == {}
    assert accuracy_gain(told, np.array([0.9, 0.9, 0.1, 0.1]), np.array([0.9, 0.1, 0.9, 0.1])).value == pytest.approx(
        2 / 3
    )
    assert accuracy_gain(judged([0.5]), np.array([0.9]), np.array([0.9])) is None


def test_a_report_is_json_and_reads_as_words() -> None:
    rng = np.random.default_rng(0)
    rows = [
        a_row(
            f"prompt {n // 2}",
            "word " * rng.integers(1, 9),
            "word " * rng.integers(1, 9),
            float(rng.integers(0, 2)),
            strength=None,
        )
        for n in range(60)
    ]
    said = rng.random(60)
    report = report_on_rows(rows, {"reward model": said, "length_only": rng.random(60)})
    assert report is not None and json.loads(json.dumps(report, allow_nan=False)) == report
    assert (report["judgments"], report["prompts"], report["by"]["source"]["person"]["n"]) == (60, 30, 60)
    assert set(report["models"]) == {"reward model", "length_only"} and set(report["gain"]) == {"length_only"}
    words = "\n".join(lines_of(report))
    assert "accuracy" in words and "to" in words and "ceiling" in words
    assert report_on_rows([], {"reward model": said}) is None
    with pytest.raises(ValueError, match="needs judgments"):
        report_on(judged([]), {"reward model": np.zeros(0)})


def test_the_order_of_each_pair_changes_no_figure() -> None:
    rng = np.random.default_rng(1)
    p, said, words = rng.integers(0, 2, 40).astype(float), rng.random(40), rng.integers(1, 30, (40, 2))
    one = report_on(judged(p, words), {"model": said})
    other = report_on(judged(1 - p, words[:, ::-1]), {"model": 1 - said})
    for key in ("models", "reliability", "length"):
        assert json.dumps(one[key]) == pytest.approx(json.dumps(other[key]))


def test_figures_read_with_their_interval() -> None:
    assert in_words({"value": 0.5, "low": -0.25, "high": None, "n": 3}) == "0.500 (−0.250 to ?), n = 3"
