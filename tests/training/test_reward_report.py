"""A reward run's report on its page: figures with intervals, charts, and nothing where nothing was measured."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from django.test import Client

from labeling.models import Arm, Source
from tests.training.cast import a_comparison, a_judgment, a_person, a_policy, a_project, a_prompt
from tests.training.evaluation.judged import a_row
from training import snapshot
from training.children import prepare
from training.folders import located
from training.learning.evaluation.report import report_on_rows
from training.learning.judged import Judged, read_judged
from training.models import Run
from training.pages.reward_report import percent, reward_report, signed


def a_report(n: int = 40) -> dict[str, object]:
    rng = np.random.default_rng(0)
    rows = [
        a_row(f"prompt {i}", "a word", "two more words", float(rng.integers(0, 2)), strength=None) for i in range(n)
    ]
    said = {"reward model": rng.random(n), "length_only": rng.random(n)}
    return {"accuracy": 0.5, "report": report_on_rows(rows, said)}


def test_figures_are_words_with_their_interval() -> None:
    assert percent({"value": 0.712, "low": 0.65, "high": 0.766, "n": 120}) == "71.2 % (65.0 to 76.6), n = 120"
    assert percent(None) == "none"
    assert signed({"value": -0.01, "low": -0.05, "high": 0.03}) == "−1.0 points (−5.0 to +3.0)"
    assert signed(None) == "not known"


def test_a_run_that_measured_nothing_shows_no_report() -> None:
    assert reward_report({"accuracy": None}) is None


def test_a_report_names_every_model_and_draws_its_calibration() -> None:
    shown = reward_report(a_report())
    assert shown is not None
    assert [row.name for row in shown.models] == ["this model", "length only"]
    assert "came true" in shown.reliability and "this model" in shown.accuracy_chart
    assert shown.ceiling == []


def test_what_several_people_said_of_a_comparison_shows_as_a_ceiling_and_by_arm() -> None:
    rows = [
        replace(a_row(f"prompt {i}", "a word", "two more words", 1.0), comparison_id=i, judgment_ids=(2 * i, 2 * i + 1))
        for i in range(20)
    ]
    judged = {i: Judged(i, "random" if i % 2 else "chosen", [1.0, float(i > 4)]) for i in range(20)}
    told = report_on_rows(rows, {"reward model": np.full(20, 0.7)}, judged)
    shown = reward_report({"report": told})
    assert shown is not None
    assert (shown.judgments, shown.rows) == (40, 20)
    assert shown.ceiling[0][1].startswith("75.0 %") and shown.ceiling[0][1].endswith("n = 20")
    assert [row[0] for group in shown.groups if group.title == "Arm" for row in group.rows] == ["chosen", "random"]


@pytest.mark.django_db
def test_a_reward_run_knows_its_comparisons_arms_and_what_each_person_said(
    tiny_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "mark_now", lambda: snapshot.NO_MARK)
    project = a_project()
    a_policy(project, 1, directory=str(tiny_directory), current=True, anchor=True)
    comparison = a_comparison(a_prompt(project), arm=Arm.RANDOM)
    again, other = a_person(project), a_person(project)
    first = a_judgment(comparison, 2, again)
    a_judgment(comparison, 6, again, amends=first)
    a_judgment(comparison, 1, other)
    a_judgment(a_comparison(a_prompt(project)), 4, source=Source.SIMULATION)
    run = Run.objects.create(project=project, kind="reward")
    prepare(run, background=False)
    told = read_judged(Path(located(run.directory)))
    assert told.pop(comparison.pk) == Judged(comparison.pk, "random", [0.0, 1.0])
    assert [(one.arm, one.answers) for one in told.values()] == [("chosen", [0.5])]


@pytest.mark.django_db
def test_the_run_page_shows_the_report(client: Client) -> None:
    project = a_project()
    client.force_login(a_person(project, "owner"))
    run = Run.objects.create(project=project, kind="reward", state="done", result=a_report())
    page = client.get(f"/p/{project.slug}/runs/{run.pk}/").content.decode()
    assert "How well it predicts people" in page and "length only" in page and 'role="img"' in page
