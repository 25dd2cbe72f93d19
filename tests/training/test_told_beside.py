"""What imports tell beside verdicts reaches the trainers that learn from it, from the page and the command line."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from labeling.models import Comparison, Project, Response, Role, Split
from tests.labeling.transfers import import_rows, pair, said
from tests.training.cast import a_person, a_policy, a_project
from training import snapshot
from training.beginning import STARTER
from training.choosing import NoSuchData, chosen_reward
from training.folders import located
from training.lab.bringing import answered_by, bring, people_of
from training.lab.tastes import load_taste
from training.learning.models import load_policy
from training.learning.recipes import SamplerSettings
from training.learning.rewards.loading import load_reward
from training.learning.rewards.needs import Need
from training.learning.rows import PreferenceRow, read_rows
from training.models import Run

pytestmark = pytest.mark.django_db
METHODS: dict[Need, str] = {
    "ratings": "helpsteer2",
    "steps": "stepwise",
    "criteria": "context_aware",
    "demonstrations": "adversarial_feedback",
}


@pytest.fixture(autouse=True)
def everything_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test's own transaction has not ended; that is not the point here."""
    monkeypatch.setattr(snapshot, "mark_now", lambda: snapshot.NO_MARK)


def rows_of(project: Project) -> list[PreferenceRow]:
    return list(read_rows(Path(located(snapshot.take_snapshot(project).path))))


def told(count: int, **more: Any) -> list[dict[str, Any]]:
    return [pair(number, **more) for number in range(count)]


def shown(count: int) -> list[dict[str, str]]:
    return [{"prompt": f"Question {number}?", "completion": f"Like this, {number}."} for number in range(count)]


def test_what_is_told_beside_a_verdict_stands_in_its_row(tmp_path: Path) -> None:
    project = a_project(salt="told")
    beside = {"ratings": [{"clarity": 3}, {"clarity": 1}], "steps": [[True], [0.25]], "critiques": ["Clear.", ""]}
    import_rows(project, tmp_path, told(8, criterion="be brief", **beside))
    training = Comparison.objects.filter(prompt__split=Split.TRAIN).count()
    rows = rows_of(project)
    assert len(rows) == training > 0
    for row in rows:
        assert (row.kind, row.criterion, row.p) == ("pair", "be brief", 1.0)
        assert row.ratings == ({"clarity": 3.0}, {"clarity": 1.0})
        assert (row.steps, row.critiques) == (([1.0], [0.25]), ("Clear.", ""))


def test_single_responses_of_the_training_side_are_rows_of_their_own_kind(tmp_path: Path) -> None:
    project = a_project(salt="told")
    rated = [{"prompt": f"Question {n}?", "response": f"Answer {n}.", "helpfulness": n % 5} for n in range(12)]
    import_rows(project, tmp_path, [*rated, *shown(12)])
    frozen = snapshot.take_snapshot(project)
    rows = list(read_rows(Path(located(frozen.path))))
    counts = {kind: sum(row.kind == kind for row in rows) for kind in ("assessment", "demonstration")}
    assert (frozen.counts["assessments"], frozen.counts["demonstrations"]) == tuple(counts.values())
    training = set(Response.objects.filter(prompt__split=Split.TRAIN).values_list("pk", flat=True))
    assert {row.response_ids[0] for row in rows} == training
    assert 0 < len(training) < 24
    for row in rows:
        assert row.responses[1] == [] and row.judgment_ids == () and row.source == "import"
        assert row.p == (1.0 if row.kind == "demonstration" else 0.5)
        assert (row.ratings is not None) == (row.kind == "assessment")


def test_what_is_said_of_too_few_responses_is_empty_for_the_others(tmp_path: Path) -> None:
    """An import writes an entry for each response; a database that was written to by hand stops no run."""
    project = a_project(salt="told")
    import_rows(project, tmp_path, told(8))
    short = {"ratings": [], "steps": [[1.0]], "critiques": [None, "Bad."]}
    Comparison.objects.filter(project=project).update(details=short)
    for row in rows_of(project):
        assert (row.ratings, row.steps, row.critiques) == (({}, {}), ([1.0], []), ("", "Bad."))


def test_what_is_said_of_no_response_at_all_is_no_row(tmp_path: Path) -> None:
    project = a_project(salt="told")
    import_rows(project, tmp_path, shown(8))
    lost = Comparison.objects.filter(prompt__split=Split.TRAIN).earliest("pk")
    lost.entries.all().delete()
    rows = rows_of(project)
    assert rows and lost.pk not in {row.comparison_id for row in rows}


def test_a_dropped_response_is_told_of_no_more(tmp_path: Path) -> None:
    project = a_project(salt="told")
    import_rows(project, tmp_path, shown(8))
    one = Response.objects.filter(prompt__split=Split.TRAIN).first()
    assert one is not None
    Response.objects.filter(pk=one.pk).update(dropped_at="2026-01-01T00:00Z")
    assert one.pk not in {row.response_ids[0] for row in rows_of(project)}


@pytest.mark.parametrize(
    ("rows", "need", "key"),
    [
        (told(8, ratings=[{"helpfulness": 4}, {"helpfulness": 1}]), "ratings", "helpsteer2"),
        (told(8, steps=[[1], [0]]), "steps", "stepwise"),
        ([pair(n, criterion=("warm", "brief")[n % 2]) for n in range(16)], "criteria", "context_aware"),
        (told(8, critiques=["Good.", "Bad."]), "critiques", "critique_based"),
        (shown(8), "demonstrations", "adversarial_feedback"),
    ],
)
def test_a_method_is_chosen_from_the_page_once_an_import_brought_what_it_learns_from(
    client: Client, tmp_path: Path, rows: list[dict[str, Any]], need: Need, key: str
) -> None:
    project = a_project(salt="told")
    client.force_login(a_person(project, Role.OWNER))
    where = reverse("methods", args=[project.slug])
    assert f'aria-label="Use {key}"' not in client.get(where).content.decode()
    with pytest.raises(NoSuchData, match=key):
        chosen_reward(project, key)
    import_rows(project, tmp_path, rows)
    assert snapshot.carried(project) == {need}
    assert f'aria-label="Use {key}"' in client.get(where).content.decode()
    client.post(reverse("choose_method", args=[project.slug]), {"key": key})
    project.refresh_from_db()
    assert project.reward_recipe["method"] == key


def test_what_only_held_out_prompts_carry_is_carried_by_nobody(tmp_path: Path) -> None:
    project = a_project(salt="told")
    import_rows(project, tmp_path, shown(8))
    for prompt in project.prompts.all():
        prompt.root.split = prompt.split = Split.HELD_OUT
        prompt.root.save()
        prompt.save()
    assert snapshot.carried(project) == frozenset()


def test_judgments_by_one_criterion_are_no_criteria_to_tell_apart(tmp_path: Path) -> None:
    project = a_project(salt="told")
    import_rows(project, tmp_path, told(8, criterion="be brief"))
    assert snapshot.carried(project) == frozenset()


def test_a_project_of_demonstrations_alone_refuses_to_compare_and_says_what_learns_from_them(tmp_path: Path) -> None:
    project = a_project(salt="told")
    a_policy(project, 1, directory=STARTER, current=True, anchor=True)
    import_rows(project, tmp_path, shown(30), sample=True)
    with pytest.raises(CommandError, match="learns from judgments of pairs, and nobody has judged one"):
        call_command("train", "policy", "--project", project.slug, stdout=StringIO())
    assert Run.objects.get().state == Run.State.FAILED


def test_a_conversation_that_shows_how_to_answer_keeps_its_turns(tmp_path: Path) -> None:
    project = a_project(salt="told")
    asked = [[said("user", f"Hello {n}"), said("assistant", "Hi."), said("user", "And now?")] for n in range(8)]
    rows = [{"prompt": prompt, "completion": [said("assistant", "Well.")]} for prompt in asked]
    import_rows(project, tmp_path, rows)
    assert {len(row.prompt) for row in rows_of(project)} == {3}


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_the_starters_project_learns_by_each_method_from_what_was_imported() -> None:
    """Whole: labels in files, the imports, the command, a run, a reward model that is read back; all in one project."""
    from training.beginning import begin_project

    owner = a_person(a_project(salt="told"), Role.OWNER)
    settings = {"name": "Told", "reward_recipe": {"optim": {"num_train_epochs": 1.0}}}
    project = begin_project(by=owner, settings=settings, starter_prompts=True)
    short, policy = SamplerSettings(max_new_tokens=64), load_policy(STARTER)
    answered = answered_by(policy, project=project, settings=short, prompts=100, seed=0)
    people = people_of(load_taste("brevity"), 0.1, 0)
    for need, key in METHODS.items():
        brought = bring(project=project, by=owner, answered=answered, people=people, need=need, labels=100)
        assert brought >= 90
        assert need in snapshot.carried(project)
        out = StringIO()
        call_command("train", "reward", "--project", project.slug, "--method", key, stdout=out)
        done = json.loads(out.getvalue())
        assert (done["state"], done["result"]["method"]) == ("done", key)
        assert done["result"]["kept_back"] > 0 and done["result"]["accuracy"] is not None
        model = load_reward(Path(located(Run.objects.get(pk=done["run"]).directory), "model"))
        asked = [said("user", "How do I bake bread?")]
        answers = [[said("assistant", text)] for text in ("Mix flour and water.", "It needs time.\nAnd warmth.")]
        assert np.isfinite(model.score([(asked, answer) for answer in answers])).all()
    assert snapshot.take_snapshot(project).counts["demonstrations"] == brought
