"""The three public files that lie beside the checkout: in without a refusal, out again equal in every field."""

import gzip
import json
import os
from pathlib import Path

import pytest

from labeling.models import Comparison, Judgment
from tests.labeling.cast import project_of_ada
from tests.labeling.transfers import bring_in, take_out

DATA = Path(os.environ.get("HEED_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
FILES = {
    "alpaca_eval_pairs": (8977, 8977, 0),
    "hh_harmless_test": (2312, 2312, 0),
    "pandalm_three_annotators": (999, 2997, 6),
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db,
    pytest.mark.skipif(not DATA.is_dir(), reason="the public files are not here (HEED_TEST_DATA names their folder)"),
]


@pytest.mark.parametrize("name", FILES)
def test_a_public_file_goes_in_whole_and_out_again_field_by_field(tmp_path: Path, name: str) -> None:
    rows, judgments, warnings = FILES[name]
    path = DATA / f"{name}.jsonl.gz"
    project = project_of_ada()
    job = bring_in(project, path)
    assert (job.rows, job.added, job.refused, job.warnings) == (rows, rows, 0, warnings)
    assert Comparison.objects.count() == rows and Judgment.objects.count() == judgments
    back, _ = take_out(project, tmp_path, format="original")
    with gzip.open(path) as lines:
        assert [json.dumps(row) for row in back] == [json.dumps(json.loads(line)) for line in lines]
    again = bring_in(project, path)
    assert (again.added, again.known) == (0, rows)


def test_the_warnings_name_the_booleans(tmp_path: Path) -> None:
    job = bring_in(project_of_ada(), DATA / "pandalm_three_annotators.jsonl.gz")
    assert [entry["line"] for entry in job.report] == [158, 159, 160, 162, 163, 165]
    assert all("JSON value true" in entry["reason"] for entry in job.report)
