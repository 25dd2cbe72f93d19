"""People's reasons reach a run that learns from them, and go away with the run, the person or the project."""

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from labeling.actions.erasing import erase_person
from labeling.models import JudgmentReason, Person, Project, Role, Split
from tests.training.cast import a_comparison, a_judgment, a_person, a_policy, a_project, a_prompt
from training import child, children, reasons, running, snapshot
from training.erasing import erase_project
from training.folders import located
from training.learning.job import read_snapshot
from training.learning.rationales import FILE
from training.models import Run

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def everything_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "mark_now", lambda: 2**62)


@pytest.fixture(autouse=True)
def a_home_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(settings, "HEED_HOME", tmp_path)


@pytest.fixture
def project(tiny_directory: Path) -> Project:
    project = a_project(recipe={"loss_type": "rationale"})
    a_policy(project, 1, directory=str(tiny_directory), current=True, anchor=True)
    for _ in range(12):
        a_prompt(project)  # nobody judged these: enough to sample on, and to be kept out of a run
    return project


def judged(project: Project, answer: int, why: str, split: str = Split.TRAIN, **more: object) -> Person:
    person = a_person(project)
    judgment = a_judgment(a_comparison(a_prompt(project, split=split)), answer, person)
    JudgmentReason.objects.create(judgment=judgment, text=why, **more)
    return person


def prepared(project: Project, kind: str = "policy") -> tuple[Run, Path]:
    run = running.ask_for_run(project=project, kind=kind)
    children.prepare(run)
    run.refresh_from_db()
    return run, Path(located(run.directory))


def said(folder: Path) -> list[str]:
    path = folder / FILE
    return [json.loads(line)["text"] for line in path.read_text().splitlines()] if path.exists() else []


def test_the_run_gets_the_reasons_of_its_own_judgments_and_the_snapshot_none(project: Project) -> None:
    judged(project, 1, "MARKED: it is kinder.")
    judged(project, 6, "  ")
    judged(project, 0, "I cannot tell.")
    judged(project, 1, "", erased_at=timezone.now())
    judged(project, 2, "HELD OUT", split=Split.HELD_OUT)
    amended = a_judgment(a_comparison(a_prompt(project)), 1)
    JudgmentReason.objects.create(judgment=amended, text="I was wrong.")
    a_judgment(amended.comparison, 7, amended.person, amends=amended)
    _, folder = prepared(project)
    assert said(folder) == ["MARKED: it is kinder."]
    assert "MARKED" not in (folder / "snapshot.jsonl").read_text()
    assert [row.rationale for row in read_snapshot(folder) if row.rationale] == ["MARKED: it is kinder."]


@pytest.mark.parametrize(("kind", "key"), [("reward", "rationale"), ("policy", "sigmoid")])
def test_no_other_run_gets_any(project: Project, kind: str, key: str) -> None:
    Project.objects.filter(pk=project.pk).update(recipe={"loss_type": key})
    project.refresh_from_db()
    judged(project, 1, "It is kinder.")
    _, folder = prepared(project, kind)
    assert not (folder / FILE).exists()


def test_an_erased_persons_words_leave_a_waiting_run_and_the_others_stay(project: Project) -> None:
    gone, owner = judged(project, 1, "Mine."), a_person(project, Role.OWNER)
    judged(project, 1, "Hers.")
    _, folder = prepared(project)
    assert reasons.clear_reasons() == 0 and said(folder) == ["Mine.", "Hers."]
    erase_person(person=gone, by=owner, why="They asked.")
    assert reasons.clear_reasons() == 1 and said(folder) == ["Hers."]


@pytest.mark.parametrize("state", ["done", "failed", "cancelled"])
def test_a_run_that_ended_keeps_nobodys_words(project: Project, state: str) -> None:
    judged(project, 1, "Mine.")
    run, folder = prepared(project)
    Run.objects.filter(pk=run.pk).update(state=state)
    assert reasons.clear_reasons() == 1
    assert not (folder / FILE).exists() and (folder / "snapshot.jsonl").exists()


def test_a_foreground_run_leaves_nobodys_words_behind(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    judged(project, 1, "Mine.")
    seen: list[list[str]] = []

    def executed(run: Run) -> str:
        seen.append(said(Path(located(run.directory))))
        running.complete(run, {})
        return str(Run.State.DONE)

    monkeypatch.setattr(child, "execute", executed)
    call_command("train", "policy", project=project.slug, stdout=StringIO())
    assert seen == [["Mine."]]
    assert not list(settings.HEED_HOME.glob(f"projects/*/runs/*/{FILE}*"))


def test_an_erased_project_keeps_nobodys_words(project: Project, django_capture_on_commit_callbacks) -> None:
    judged(project, 1, "Mine.")
    owner = a_person(project, Role.OWNER)
    _, folder = prepared(project)
    Project.objects.filter(pk=project.pk).update(archived_at=timezone.now() - timedelta(days=31))
    with django_capture_on_commit_callbacks():  # the process ended before it could delete anything
        erase_project(project=project, by=owner, why="The study is over.")
    assert said(folder) == ["Mine."]
    assert reasons.clear_reasons() == 1
    assert not (folder / FILE).exists()
