"""Who may import whom."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import ROOT, imports, python_files


def offenders(files: list[Path], *forbidden: str) -> list[str]:
    """`file -> import` for each import under a forbidden name."""
    return [
        f"{path} -> {name}"
        for path in files
        for name in imports(path)
        if any(name == root or name.startswith(root + ".") for root in forbidden)
    ]


def test_labeling_never_imports_training() -> None:
    assert offenders(python_files("labeling"), "training") == []


def test_the_learning_core_imports_no_django() -> None:
    assert offenders(python_files("training/learning"), "django", "labeling", "alignment_site") == []


def test_the_measures_import_no_django() -> None:
    assert (
        offenders(
            python_files("labeling/measures"),
            "django",
            "labeling.models",
            "alignment_site",
        )
        == []
    )


def test_actions_and_queries_know_no_pages() -> None:
    files = python_files("labeling/actions", "labeling/queries", "labeling/models", "labeling/kinds")
    assert offenders(files, "labeling.pages", "labeling.api", "labeling.live", "labeling.forms") == []


def test_models_know_neither_actions_nor_queries() -> None:
    assert offenders(python_files("labeling/models"), "labeling.actions", "labeling.queries") == []


def test_queries_never_call_actions() -> None:
    assert offenders(python_files("labeling/queries"), "labeling.actions") == []


def test_training_reads_judgments_through_the_snapshot_only() -> None:
    """Nobody else in training imports the judgment model, so the held-out rule has one home."""
    # The models name it as a foreign key's target; administration shows rows, read-only, to operators.
    allowed = {"training/snapshot.py", "training/models.py", "training/admin.py"}
    files = [path for path in python_files("training") if str(path) not in allowed]
    assert offenders(files, "labeling.models.Judgment", "labeling.models.judgments.Judgment") == []


def test_training_writes_comparisons_through_queueing_only() -> None:
    files = [path for path in python_files("training") if path.name != "admin.py"]
    actions = [f for f in offenders(files, "labeling.actions") if ".actions.judging" in f and "/lab/" not in f]
    assert actions == []


def test_the_site_holds_no_learning() -> None:
    files = python_files("alignment_site")
    assert offenders(files, "torch", "transformers", "training.learning") == []


@pytest.mark.slow
def test_a_web_process_starts_without_what_only_training_needs() -> None:
    """Torch and its friends cost seconds and memory in every web process."""
    start = "import django, sys; django.setup(); import alignment_site.urls"
    asked = f"{start}; print(sorted({{*sys.argv[1:]}} & {{*sys.modules}}))"
    heavy = ["torch", "transformers", "scipy", "peft"]
    command = [sys.executable, "-c", asked, *heavy]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
