"""Simulated people judge over HTTP on the real server, and say that they are simulated."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from labeling.models import ApiToken, Arm, Comparison, Judgment, Lease, Person
from tests.conftest import LiveSite
from tests.labeling.cast import comparisons, member, project_of_ada
from training.lab.people import Client, LabTrouble


def people(site: LiveSite, project, *more: str) -> Any:
    out = StringIO()
    fast = ["--patience=0", f"--url={site.url}", f"--project={project.slug}"]
    call_command("lab", "people", *fast, *more, stdout=out, stderr=StringIO())
    return json.loads(out.getvalue())


def test_simulated_people_judge_as_many_as_asked_and_give_the_rest_back(live_site) -> None:
    project = project_of_ada()
    comparisons(project, 30)
    comparisons(project, 5, arm=Arm.DUEL)
    done = people(live_site, project, "--taste=brevity", "--count=3", "--judgments=20")
    assert done["judgments"] == 20 == sum(done["answers"].values())
    assert set(Judgment.objects.values_list("source", flat=True)) == {"simulation"}
    judges = Person.objects.filter(judgments__isnull=False).distinct()
    assert all(judge.simulated and judge.username.startswith("lab-brevity-") for judge in judges)
    assert not Lease.objects.filter(ended_at__isnull=True).exists()
    assert not ApiToken.objects.filter(revoked_at__isnull=True).exists()


def test_they_say_what_their_taste_says(live_site, tmp_path) -> None:
    taste = tmp_path / "taste.py"
    taste.write_text("def first(prompt, response):\n    return 5.0 if 'Answer 0' in response else 0.0\n")
    project = project_of_ada()
    comparisons(project, 12)
    done = people(live_site, project, f"--taste={taste}:first", "--noise=0", "--count=2")
    assert done["judgments"] == 12
    assert set(Judgment.objects.values_list("strength", flat=True)) == {3}
    assert Comparison.objects.filter(state="full").count() == 12


def test_an_empty_queue_ends_the_work(live_site) -> None:
    assert people(live_site, project_of_ada(), "--taste=lists", "--count=1")["judgments"] == 0


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("--project=nowhere", "There is no project 'nowhere'. There are: cookery"),
        ("--taste=sweet", "There is no taste 'sweet': write one of brevity"),
        ("--count=0", "--count from 1 to 200"),
        ("--url=http://127.0.0.1:9", "No Heed answers at http://127.0.0.1:9"),
    ],
)
def test_what_cannot_be_done_is_said_in_words(db, wrong, words) -> None:
    project = project_of_ada()
    with pytest.raises(CommandError, match=words):
        call_command("lab", "people", f"--project={project.slug}", "--taste=brevity", wrong)


def test_nobody_human_is_taken_for_a_simulated_person(live_site) -> None:
    project = project_of_ada()
    human = member(project, "Ben")
    Person.objects.filter(pk=human.pk).update(username="lab-brevity-1")
    with pytest.raises(Exception, match="account of a human being"):
        people(live_site, project, "--taste=brevity", "--count=1")


def test_a_server_that_stays_silent_is_given_up_in_words(monkeypatch) -> None:
    monkeypatch.setattr("training.lab.people.TRIES", 2)
    with pytest.raises(LabTrouble, match="does not answer"):
        Client("http://127.0.0.1:9", "heed_x").post("/api/")
