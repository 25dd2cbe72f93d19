"""The suite itself: it takes the branches of the rooms where a fault costs people's work, and notices faults there."""

import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import coverage
import pytest

from alignment_site.patience import PATIENT
from tests.house.mutants import Mutant, mutants
from tests.house.tree import ROOT, python_files
from tests.outages.running import INHERITED

pytestmark = pytest.mark.slow

WATCHED = (
    "labeling/actions",
    "labeling/measures",
    "training/gate.py",
    "training/snapshot.py",
    "training/learning/objectives",
)
# Both rooms' tests, in two parts that take about as long.
SUITE = (
    ("tests/labeling", "tests/training/learning"),
    ("tests/training", "--ignore=tests/training/learning"),
)
FAST = "not slow and not browser"
BRANCHES = 95.0  # percent, of each of them
MUTANTS, KILLED, SEED = 50, 0.8, 20
AT_ONCE = 2  # parts of the suite, or mutants, tried side by side
SECONDS, SUITE_SECONDS = 300.0, 900.0
CONFIG = """
[run]
branch = true
dynamic_context = test_function
concurrency = thread
source = labeling,training
omit = */migrations/*
"""


@dataclass
class Suite:
    """What the fast tests reach, line by line and test by test."""

    data: coverage.CoverageData
    files: Mapping[str, Any]  # of the JSON report

    def branches(self, watched: str) -> float:
        """The share of a room's branches that are taken, in percent."""
        found = [self.files[str(path)]["summary"] for path in python_files(watched) if str(path) in self.files]
        return 100.0 * sum(row["covered_branches"] for row in found) / sum(row["num_branches"] for row in found)

    def tests_of(self, mutant: Mutant) -> list[str]:
        """The tests that reach the mutant's line, as pytest names them; none for a line that only imports run."""
        contexts = self.data.contexts_by_lineno(str(ROOT / mutant.path)).get(mutant.line, [])
        return sorted({_node(context) for context in contexts if ".test_" in context})


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    folder = tmp_path_factory.mktemp("coverage")
    config = folder / "config"
    config.write_text(CONFIG)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        parts = list(pool.map(lambda part: _reached(config, *part), enumerate(SUITE)))
    report = coverage.Coverage(data_file=str(folder / "data"), config_file=str(config))
    report.combine(parts, strict=True)
    report.json_report(outfile=str(folder / "report"))
    return Suite(report.get_data(), json.loads((folder / "report").read_text())["files"])


def _reached(config: Path, number: int, part: tuple[str, ...]) -> str:
    """The file that says what a part of the suite reached."""
    data = f"{config.parent / 'part'}-{number}"
    command = ["-m", "coverage", "run", f"--rcfile={config}", f"--data-file={data}", "-m", "pytest", "-q", "-m", FAST]
    ended = _python([*command, *part], ROOT, SUITE_SECONDS)
    assert ended.returncode == 0, ended.stdout[-3000:]
    return data


@pytest.mark.parametrize("watched", WATCHED)
def test_nearly_every_branch_is_taken(suite: Suite, watched: str) -> None:
    taken = suite.branches(watched)
    print(f"{watched}: {taken:.1f} % of branches")
    assert taken >= BRANCHES


def test_most_seeded_faults_are_noticed(suite: Suite, tmp_path: Path) -> None:
    found = [
        mutant
        for watched in WATCHED
        for path in python_files(watched)
        for mutant in mutants(path, (ROOT / path).read_text(encoding="utf-8"))
    ]
    chosen = random.Random(SEED).sample(found, MUTANTS)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        fates = list(pool.map(lambda pair: fate(suite, pair[1], tmp_path / str(pair[0])), enumerate(chosen)))
    for mutant, what in zip(chosen, fates, strict=True):
        print(f"{what:9} {mutant}")
    assert Counter(fates)["killed"] >= KILLED * MUTANTS


def fate(suite: Suite, mutant: Mutant, checkout: Path) -> str:
    """What the tests that reach a mutant make of it."""
    tests = suite.tests_of(mutant)
    if not tests:
        return "unreached"
    for room in ("alignment_site", "labeling", "training", "templates", "static", "tests"):
        shutil.copytree(ROOT / room, checkout / room, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("manage.py", "pyproject.toml"):
        shutil.copy(ROOT / file, checkout / file)
    (checkout / mutant.path).write_text(mutant.source, encoding="utf-8")
    try:
        ended = _python(["-m", "pytest", "-q", "-x", "-m", FAST, *tests], checkout)
    except subprocess.TimeoutExpired:
        return "killed"  # it does not end: nobody would miss that
    finally:
        shutil.rmtree(checkout)
    return "survived" if ended.returncode == 0 else "killed"


def _node(context: str) -> str:
    """`tests.labeling.test_splits.test_x` as `tests/labeling/test_splits.py::test_x`."""
    module, test = context.rsplit(".", 1)
    return f"{module.replace('.', '/')}.py::{test}"


def _python(arguments: list[str], folder: Path, seconds: float = SECONDS) -> "subprocess.CompletedProcess[str]":
    """Run Python as from a shell: with a test server of its own, and none of this session's settings.

    With one thread, which does not spin: another such process has the other core.
    """
    kept = {key: value for key, value in os.environ.items() if key not in INHERITED and not key.startswith("PYTEST_")}
    kept |= {**PATIENT, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=kept, capture_output=True, text=True, timeout=seconds
    )
