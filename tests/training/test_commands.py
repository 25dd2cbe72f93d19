"""The machines' commands: thin, and clear about what they cannot do."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests.training.cast import a_comparison, a_judgment, a_policy, a_project, a_prompt
from training import snapshot
from training.learning.catalogue import METHODS


def told(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_methods_lists_every_method_with_its_paper_and_module() -> None:
    rows = json.loads(told("methods", "--json"))
    assert len(rows) == len(METHODS)
    assert all(set(row) == {"key", "paper", "module", "needs", "cost", "kind"} for row in rows)
    assert METHODS[0].key in told("methods")


@pytest.mark.django_db
def test_training_a_project_that_is_not_there_says_so() -> None:
    with pytest.raises(CommandError, match="There is no project 'nowhere'"):
        told("train", "reward", "--project", "nowhere")


@pytest.mark.django_db
def test_a_project_without_judgments_cannot_be_trained(tiny_directory: Path) -> None:
    project = a_project()
    a_policy(project, 1, directory=str(tiny_directory), current=True, anchor=True)
    with pytest.raises(CommandError, match="judge some pairs first"):
        told("train", "reward", "--project", project.slug)
    assert project.runs.get().state == "failed"  # nothing is left that would keep the next one waiting


@pytest.mark.django_db(transaction=True)
def test_a_reward_model_is_trained_in_the_foreground(tiny_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "mark_now", lambda: snapshot.NO_MARK)
    project = a_project()
    a_policy(project, 1, directory=str(tiny_directory), current=True, anchor=True)
    for number in range(12):
        a_judgment(a_comparison(a_prompt(project), f"short {number}", f"a longer answer, {number}"), 1)
    result = json.loads(told("train", "reward", "--project", project.slug, "--method", "general_preference"))
    assert result["state"] == "done"
    assert result["result"]["rows"] == 12
    assert result["result"]["method"] == "general_preference"
    project.refresh_from_db()
    assert project.reward_recipe == {}  # for this run only


@pytest.mark.django_db
def test_a_reward_method_that_the_project_cannot_feed_is_refused_before_a_run() -> None:
    project = a_project()
    for key, words in [("helpsteer2", "learns from ratings"), ("poem", "no reward method 'poem'")]:
        with pytest.raises(CommandError, match=words):
            told("train", "reward", "--project", project.slug, "--method", key)
    assert not project.runs.exists()


def test_comparing_with_a_policy_that_is_not_there_says_what_to_give() -> None:
    with pytest.raises(CommandError, match="is not a directory"):
        told("train", "evaluate", "--policy", "/no/such/place", "--taste", "warmth")
    with pytest.raises(CommandError, match="There is no taste 'sweetness'"):
        told("train", "evaluate", "--policy", "/no/such/place", "--taste", "sweetness")


def test_two_policies_are_compared_by_a_taste(tiny_directory: Path) -> None:
    words = ("train", "evaluate", "--policy", str(tiny_directory), "--against", str(tiny_directory))
    result = json.loads(told(*words, "--taste", "brevity", "--prompts", "8"))
    assert result["win_rate_low"] <= result["win_rate"] <= result["win_rate_high"]
