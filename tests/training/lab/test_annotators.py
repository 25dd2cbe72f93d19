"""Simulated people: their taste decides, noise turns some verdicts round, and nobody else sees it."""

import random

import numpy as np
import pytest

from training.lab.annotators import Annotator, last_turn
from training.lab.measuring import Measured, compared
from training.lab.tastes import TASTES, load_taste


def by_number(prompt: str, response: str) -> float:
    return float(response)


@pytest.mark.parametrize(
    ("left", "right", "key"),
    [("0", "0", 4), ("0", "0.2", 5), ("0", "0.5", 6), ("0", "2", 7), ("0.2", "0", 3), ("2", "0", 1)],
)
def test_the_key_says_which_side_and_how_much_better(left: str, right: str, key: int) -> None:
    person = Annotator(by_number, random.Random(1), noise=0.0)
    assert person.verdict("", left, right) == key


def test_noise_turns_that_share_of_verdicts_round() -> None:
    person = Annotator(by_number, random.Random(1), noise=0.1)
    turned = sum(person.verdict("", "0", "2") == 1 for _ in range(2000))
    assert 150 <= turned <= 250


def test_a_biased_person_takes_the_left_side_where_neither_is_better() -> None:
    person = Annotator(by_number, random.Random(1), noise=0.0, bias=1.0)
    assert person.verdict("", "1", "1") == 3


def test_a_reason_says_what_the_person_looks_at_and_how_much_better_it_is() -> None:
    person = Annotator(by_number, random.Random(1))
    assert person.reason(1) == person.reason(7) == "It is much better in by number."
    assert person.reason(5) == "It is better in by number."
    assert person.reason(4) == "Both are about the same in by number."
    nameless = Annotator(lambda prompt, response: 0.0, random.Random(1))
    assert nameless.reason(2) == "It is better in what I look at."


def test_a_taste_looks_at_the_last_turn() -> None:
    assert last_turn([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]) == "b"
    assert last_turn([]) == ""


@pytest.mark.parametrize("name", sorted(TASTES))
def test_every_built_in_taste_tells_some_answers_apart(name: str) -> None:
    taste = load_taste(name)
    answers = ["Yes.", "What do you think? First, take 3 eggs! For example: thanks.", "- a\n- b\n- c", ""]
    assert len({taste("How?", answer) for answer in answers}) > 1


def test_the_win_rate_counts_ties_half_and_has_an_interval() -> None:
    prompts = [f"p{n}" for n in range(100)]
    ours = Measured(["a"] * 100, np.array([1.0] * 60 + [0.0] * 40))
    theirs = Measured(["b c"] * 100, np.array([0.0] * 80 + [1.0] * 20))
    told = compared(ours, theirs, prompts)
    assert told["win_rate"] == pytest.approx(0.70)
    assert told["tie_rate"] == pytest.approx(0.20)
    assert told["win_rate_low"] < 0.70 < told["win_rate_high"]
    assert (ours.mean_words, theirs.mean_words) == (1.0, 2.0)
