"""A policy run's page shows what it was watched by, also while it works, and says when it was over-optimised."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from labeling.models import Project, Role
from tests.training.cast import a_person, a_project
from training.learning.evaluation.watching import overoptimisation
from training.models import Metric, Run
from training.pages.watched import watched
from training.queries.runs import looks

pytestmark = pytest.mark.django_db


def look(step: float, won: float, kl: float, margin: float) -> dict[str, float]:
    return {
        "step": step,
        "win_probability": won,
        "win_probability_se": 0.02,
        "kl_from_incumbent": kl,
        "kl_from_anchor": kl,
        "margin": margin,
        "logps_chosen": -40.0 - kl,
        "logps_rejected": -42.0 - 2 * kl,
        "entropy": 1.5 - 0.1 * kl,
        "accuracy": 0.6,
    }


SEEN = [look(0, 0.5, 0.0, 0.0), look(0.5, 0.7, 2.0, 0.5), look(1, 0.66, 5.0, 0.9), look(2, 0.55, 9.0, 1.5)]


def a_run(project: Project, **more: Any) -> Run:
    return Run.objects.create(project=project, kind="policy", state="done", **more)


def page(client: Client, run: Run) -> str:
    client.force_login(a_person(run.project, Role.OWNER))
    return client.get(reverse("run", args=[run.project.slug, run.pk])).content.decode()


def test_the_page_of_a_run_that_was_over_optimised_says_so_and_draws_the_curve(client: Client) -> None:
    result = {"digest": "p", "watched": SEEN, "overoptimisation": overoptimisation(SEEN)}
    shown = page(client, a_run(a_project(), result=result))
    assert "Over-optimisation: from KL 2.0 to 9.0" in shown
    for words in ("Log-likelihood of the better", "margin between them", "Entropy over", "looks: from 50 % to 55 %"):
        assert words in shown
    assert "fitted: from" in shown and "its peak lies at KL" in shown


def test_a_run_at_work_is_drawn_from_its_figures(client: Client) -> None:
    run = a_run(a_project())
    for place, told in ((0, SEEN[0]), (60, SEEN[1])):
        Metric.objects.bulk_create(
            Metric(run=run, name=f"watch/{name}", step=place, value=value)
            for name, value in told.items()
            if name != "step"
        )
    assert [one["step"] for one in looks(run)] == [0.0, 0.6]
    shown = page(client, run)
    assert "Win probability against KL" in shown and "Too few looks for a curve." in shown
    assert "Over-optimisation" not in shown


def test_a_run_that_nothing_watched_has_no_such_part(client: Client) -> None:
    shown = page(client, a_run(a_project(), result={"digest": "r"}))
    assert "How it was watched" not in shown
    assert 'id="findings"' in shown  # what comes while the run works has a place to come to
    assert watched([{"step": 0.0, "quality": 0.5}], {}) is None


def test_an_anchor_that_is_the_incumbent_is_one_line_and_pairs_that_are_missing_are_no_chart() -> None:
    apart = watched([{**one, "kl_from_anchor": one["kl_from_anchor"] + 1.0} for one in SEEN], {})
    same = watched(SEEN, {})
    bare = watched([{name: value for name, value in one.items() if name != "margin"} for one in SEEN], {})
    assert apart is not None and same is not None and bare is not None
    assert "from the anchor" in dict(apart.charts)["KL, nats"]
    assert "from the anchor" not in dict(same.charts)["KL, nats"]
    assert len(bare.charts) == len(same.charts) - 1
