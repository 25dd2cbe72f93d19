"""Try it: three answers to a typed prompt."""

import random
from collections.abc import Callable

import pytest

from labeling.models import Project
from tests.training.cast import a_judgment, a_person
from training import filling, tryouts
from training.answering import Shelf
from training.models import PolicyVersion, TryOut
from training.posterior.owner import Owner
from training.steering import Steerer

Make = Callable[..., Project]


@pytest.mark.django_db
def test_the_same_seed_gives_the_same_answers_and_the_steered_one_is_the_best_of_eight(
    answered_project: Make, shelf: Shelf
) -> None:
    project = answered_project()
    owner = a_person(project, "owner")
    steerer = Steerer(shelf)
    before = tryouts.ask(project=project, by=owner, text="Tell me about rivers.", seed=5)
    assert steerer.answer_waiting(project) == 1
    before.refresh_from_db()
    assert set(before.answers) == {"first", "current"}, "nothing steers before something was learned"
    assert before.answers["first"]["text"] == before.answers["current"]["text"]
    filling.fill(project=project, shelf=shelf, owner=None, chance=random.Random(1), count=40)
    posterior = Owner(project, shelf)
    for comparison in project.comparisons.all()[:8]:
        a_judgment(comparison, 1, owner)
    posterior.tick()
    posterior.close()
    after = tryouts.ask(project=project, by=owner, text="Tell me about rivers.", seed=5)
    steerer.answer_waiting(project)
    after.refresh_from_db()
    assert after.answers["current"] == before.answers["current"]
    assert after.answers["steered"]["best_of"] == 8
    assert after.state == "done"


@pytest.mark.django_db
def test_an_answer_that_cannot_be_given_says_why(answered_project: Make, shelf: Shelf) -> None:
    project = answered_project(prompts=1)
    PolicyVersion.objects.update(directory="/nowhere/at/all")
    asked = tryouts.ask(project=project, by=a_person(project), text="Hello?", seed=1)
    Steerer(Shelf()).answer_waiting(project)
    asked.refresh_from_db()
    assert asked.state == "failed"
    assert "no model there" in asked.error


@pytest.mark.django_db
def test_a_prompt_can_be_kept_once_and_old_tryouts_go(answered_project: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tryouts, "KEPT", 2)
    project = answered_project(prompts=1)
    owner = a_person(project, "owner")
    first = tryouts.ask(project=project, by=owner, text="How do I bake bread?", seed=1)
    kept = tryouts.keep(tryout=first, by=owner)
    again = tryouts.keep(tryout=first, by=owner)
    assert kept.kept_as == again.kept_as
    for number in range(4):
        tryouts.ask(project=project, by=owner, text=f"Number {number}", seed=1)
    texts = set(TryOut.objects.values_list("text", flat=True))
    assert texts == {"How do I bake bread?", "Number 2", "Number 3"}
