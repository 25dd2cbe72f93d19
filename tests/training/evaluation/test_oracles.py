"""Measures beside other people's implementations, and on a public file that three people labelled."""

import os
from pathlib import Path

import numpy as np
import pytest

from labeling.formats.parsing import parse_line
from labeling.formats.reading import Limits, read_lines
from labeling.measures.agreement import pairwise_agreement
from training.learning.evaluation.ceiling import human_ceiling
from training.learning.evaluation.rankings import strengths, wins

DATA = Path(os.environ.get("HEED_TEST_DATA", Path(__file__).parents[4] / "shared" / "data"))
SAID = {2: 1.0, 4: 0.5, 6: 0.0}

pytestmark = pytest.mark.slow


def test_strengths_are_choixs() -> None:
    choix = pytest.importorskip("choix")
    rng = np.random.default_rng(5)
    pairs = np.array([rng.choice(6, 2, replace=False) for _ in range(400)])
    won = wins(pairs, (rng.random(400) < 0.6).astype(float), np.ones((1, 400)), 6)
    other = choix.ilsr_pairwise_dense(won[0] + 0.5 * (1 - np.eye(6)))
    assert strengths(won)[0] == pytest.approx(other - other.mean(), abs=1e-6)


@pytest.mark.skipif(not DATA.is_dir(), reason="the public files are not here (HEED_TEST_DATA names their folder)")
def test_three_annotators_set_a_ceiling() -> None:
    lines = read_lines(DATA / "pandalm_three_annotators.jsonl.gz", Limits())
    given = [[SAID[told.answer] for told in parse_line(line.text).row.judgments] for line in lines]
    clear = [answers for answers in given if len(answers) == 3 and 0.5 not in answers]
    found = human_ceiling(clear, range(len(clear)))
    assert found is not None and len(clear) > 500
    units = [{rater: int(p) for rater, p in enumerate(answers)} for answers in clear]
    assert found.agreement.value == pytest.approx(pairwise_agreement(units))
    every = human_ceiling(given, range(len(given)))
    assert every is not None and 0.85 < every.agreement.value < every.at_most.value < 1.0
