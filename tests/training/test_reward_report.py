"""A reward run's report on its page: figures with intervals, charts, and nothing where nothing was measured."""

import numpy as np
import pytest
from django.test import Client

from tests.training.cast import a_person, a_project
from tests.training.evaluation.judged import a_row
from training.learning.evaluation.report import report_on_rows
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


@pytest.mark.django_db
def test_the_run_page_shows_the_report(client: Client) -> None:
    project = a_project()
    client.force_login(a_person(project, "owner"))
    run = Run.objects.create(project=project, kind="reward", state="done", result=a_report())
    page = client.get(f"/p/{project.slug}/runs/{run.pk}/").content.decode()
    assert "How well it predicts people" in page and "length only" in page and 'role="img"' in page
