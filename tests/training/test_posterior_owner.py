"""The fast posterior's owner: predict, learn, save, refit, re-order, all from what the database holds."""

import random
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
from django.db import connection, transaction

from labeling.actions.queueing import add_prompts
from labeling.models import Comparison, Project, Response, Split
from tests.training.cast import a_comparison, a_judgment, a_person, a_prompt
from training import filling
from training.answering import Shelf
from training.models import Posterior, Prediction, ResponseFeatures
from training.ownership import Ownership
from training.posterior import owner as owning
from training.posterior.features import NotYet
from training.posterior.owner import Owner

pytestmark = pytest.mark.django_db

Make = Callable[..., Project]


def filled(make: Make, shelf: Shelf, **settings: object) -> Project:
    project = make(**settings)
    filling.fill(project=project, shelf=shelf, owner=None, chance=random.Random(1), count=40)
    return project


def judge(project: Project, count: int, answer: int = 1) -> list[Comparison]:
    person = a_person(project)
    judged = list(project.comparisons.filter(judgments__isnull=True).order_by("pk")[:count])
    for comparison in judged:
        a_judgment(comparison, answer, person)
    return judged


def settled(owner: Owner) -> None:
    """Tick until no refit is under way."""
    deadline = time.monotonic() + 120
    owner.tick()
    while (owner.refit is not None or owner.refit_due) and time.monotonic() < deadline:
        owner.tick()
        time.sleep(0.02)
    owner.save()


def test_there_is_no_posterior_before_there_are_answers_to_measure_features_on(
    answered_project: Make, shelf: Shelf
) -> None:
    with pytest.raises(NotYet):
        Owner(answered_project(), shelf)


def test_a_judgment_is_predicted_before_it_is_learned_and_the_state_is_one_row(
    answered_project: Make, shelf: Shelf
) -> None:
    project = filled(answered_project, shelf)
    owner = Owner(project, shelf)
    [first] = judge(project, 1)
    told = owner.tick()
    assert (told.learned, told.waiting) == (1, 0)
    predictions = dict(Prediction.objects.values_list("model", "probability"))
    assert predictions == {"posterior": pytest.approx(0.5), "length": pytest.approx(0.5)}
    owner.save()
    row = Posterior.objects.get(project=project)
    assert (row.judgments, row.waiting, row.model_digest) == (1, 0, owner.model.digest)
    pair = list(first.entries.values_list("response_id", flat=True))
    vectors = owner._stored(set(pair))
    assert owner.posterior.predict(vectors[pair[0]] - vectors[pair[1]]).probability[0] > 0.5


def test_another_owner_takes_up_exactly_where_the_first_stopped(answered_project: Make, shelf: Shelf) -> None:
    project = filled(answered_project, shelf)
    owner = Owner(project, shelf)
    judge(project, 5)
    owner.tick()
    owner.close()
    judge(project, 3, answer=6)
    second = Owner(project, shelf)
    assert np.array_equal(second.posterior.mean, owner.posterior.mean)
    assert second.tick().learned == 3
    assert second.learned.count == 8
    assert Prediction.objects.filter(model="posterior").count() == 8


def test_what_was_learned_after_the_last_save_is_learned_again_after_a_crash(
    answered_project: Make, shelf: Shelf
) -> None:
    project = filled(answered_project, shelf)
    owner = Owner(project, shelf)
    owner.tick()
    owner.save()
    judge(project, 4)
    owner.saved_at = time.monotonic() + 100
    owner.tick()
    again = Owner(project, shelf)
    again.tick()
    assert again.learned.count == 4
    assert np.allclose(again.posterior.mean, owner.posterior.mean)


@pytest.mark.django_db(transaction=True)
def test_a_long_transaction_neither_hides_a_judgment_nor_makes_the_others_wait(
    answered_project: Make, shelf: Shelf
) -> None:
    project = filled(answered_project, shelf)
    owner = Owner(project, shelf)
    late, early = project.comparisons.order_by("pk")[:2]
    person = a_person(project)
    written, finish = threading.Event(), threading.Event()

    def write_slowly() -> None:
        with transaction.atomic():
            a_judgment(late, 1, person)
            written.set()
            finish.wait(60)
        connection.close()

    writer = threading.Thread(target=write_slowly)
    writer.start()
    try:
        written.wait(60)
        a_judgment(early, 1, person)
        assert owner.tick().learned == 1
        owner.save()
        assert Posterior.objects.get(project=project).ahead == [early.judgments.get().pk]
        again = Owner(project, shelf)
        assert again.tick().learned == 0
    finally:
        finish.set()
        writer.join()
    for reader in (owner, again):
        assert reader.tick().learned == 1
        assert reader.learned.count == 2


def test_an_amendment_refits_from_all_judgments_that_count(answered_project: Make, shelf: Shelf) -> None:
    project = filled(answered_project, shelf)
    owner = Owner(project, shelf)
    judged = judge(project, 4)
    settled(owner)
    before = owner.posterior.mean.copy()
    first = judged[0].judgments.get()
    a_judgment(judged[0], 7, first.person, amends=first)
    settled(owner)
    fresh = Owner(project, shelf)
    assert not np.allclose(owner.posterior.mean, before)
    assert owner.learned.count == fresh.learned.count == 4
    assert sorted(owner.learned.labels[:4, 0]) == [0.0, 1.0, 1.0, 1.0]
    assert np.allclose(owner.posterior.mean, fresh.posterior.mean, atol=1e-6)


def test_an_amendment_to_cannot_tell_takes_the_judgment_out(answered_project: Make, shelf: Shelf) -> None:
    project = filled(answered_project, shelf)
    owner = Owner(project, shelf)
    [comparison] = judge(project, 1)
    settled(owner)
    first = comparison.judgments.get()
    a_judgment(comparison, 0, first.person, amends=first)
    settled(owner)
    assert np.allclose(owner.posterior.mean, 0.0, atol=1e-9)


def test_a_dropped_response_stops_counting(
    answered_project: Make, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owning, "SIGNATURE_SECONDS", 0.0)
    monkeypatch.setattr(owning, "LOOK_SECONDS", 0.0)
    project = filled(answered_project, shelf)
    owner = Owner(project, shelf)
    judged = judge(project, 3)
    settled(owner)
    Response.objects.filter(pk=judged[0].entries.first().response_id).update(dropped_at="2026-01-01T00:00Z")
    settled(owner)
    assert owner.learned.count == 2
    assert Owner(project, shelf).learned.count == 2


def test_a_refit_comes_after_so_many_updates_and_what_arrives_meanwhile_is_not_lost(
    answered_project: Make, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owning, "REFIT_AFTER", 3)
    project = filled(answered_project, shelf)
    owner = Owner(project, shelf)
    judge(project, 3)
    owner.tick()
    assert owner.refit is not None
    judge(project, 2, answer=7)
    settled(owner)
    assert owner.posterior.judgments == 5
    assert owner.row.since_refit < 3


def test_judgments_on_held_out_prompts_are_never_read(answered_project: Make, shelf: Shelf) -> None:
    project = filled(answered_project, shelf)
    owner = Owner(project, shelf)
    prompt = a_prompt(project, split=Split.HELD_OUT)
    a_judgment(a_comparison(prompt, "one thing", "quite another"), 1)
    a_comparison(prompt, "a third", "and a fourth")
    owner.tick()
    assert owner.learned.count == 0
    assert not Prediction.objects.exists()
    assert prompt.pk not in ResponseFeatures.objects.values_list("response__prompt", flat=True)
    assert not Comparison.objects.filter(prompt=prompt, score__isnull=False).exists()


def test_missing_features_are_computed_newest_first_and_what_waits_is_counted(
    answered_project: Make, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owning, "COMPUTE_AT_ONCE", 4)
    project = filled(answered_project, shelf)
    owner = Owner(project, shelf)
    owner.looked_at = time.monotonic() + 1000
    prompt = a_prompt(project)
    made = [a_comparison(prompt, f"say {n}", f"tell {n}") for n in range(5)]
    for comparison in made:
        a_judgment(comparison, 2)
    told = owner.tick()
    assert (told.learned, told.waiting) == (2, 3)
    newest = {made[-1].pk, made[-2].pk}
    assert set(Prediction.objects.values_list("judgment__comparison", flat=True)) == newest
    owner.save()
    assert Posterior.objects.get(project=project).waiting == 3
    assert (owner.tick().waiting, owner.tick().waiting) == (1, 0)


def test_the_queue_is_ordered_by_what_the_posterior_would_learn_most_from(answered_project: Make, shelf: Shelf) -> None:
    project = filled(answered_project, shelf)
    owner = Owner(project, shelf)
    owner.head.look_again()
    owner.head.look_again()  # some features are computed in each look
    judge(project, 6)
    owner.looked_at = time.monotonic() + 1000
    told = owner.tick()
    assert told.reordered > 0
    rows = list(project.comparisons.filter(score__isnull=False).order_by("rank").values_list("score", "model_version"))
    assert [score for score, _ in rows] == sorted((score for score, _ in rows), reverse=True)
    assert owner.tick().reordered == 0, "nothing changed, so nothing is written"


def test_fresh_pairs_for_the_chosen_arm_are_the_most_telling_of_their_candidates(
    answered_project: Make, shelf: Shelf
) -> None:
    project = filled(answered_project, shelf, random_share=0.5)
    owner = Owner(project, shelf)
    judge(project, 6)
    owner.tick()
    made = filling.fill(project=project, shelf=shelf, owner=owner, chance=random.Random(3), count=20)
    rows = Comparison.objects.filter(pk__in=made)
    chosen, at_random = rows.filter(arm="chosen"), rows.filter(arm="random")
    assert 4 <= at_random.count() <= 16
    assert not at_random.filter(score__isnull=False).exists()
    assert not chosen.filter(score__isnull=True).exists()
    sampled = Response.objects.filter(prompt__in=chosen.values("prompt")).count()
    assert sampled > 2 * chosen.count(), "more candidates were sampled than are shown"


def test_filling_takes_the_least_asked_training_prompts_and_never_a_held_out_one(
    answered_project: Make, shelf: Shelf
) -> None:
    project = answered_project(prompts=4, queue_target=6)
    a_prompt(project, split=Split.HELD_OUT)
    chance = random.Random(2)
    assert filling.missing(project) == 6
    for _ in range(2):
        filling.fill(project=project, shelf=shelf, owner=None, chance=chance, count=4)
    per_prompt = [prompt.comparisons.count() for prompt in project.prompts.order_by("pk")]
    assert per_prompt == [2, 2, 2, 2, 0]
    assert filling.missing(project) == 0
    response = Response.objects.filter(policy_version__isnull=False).first()
    assert response is not None
    assert len(response.token_ids or []) == len(response.token_logprobs or []) > 0


def test_repeats_ask_again_about_what_somebody_judged(answered_project: Make, shelf: Shelf) -> None:
    project = filled(answered_project, shelf, repeat_share=0.1)
    judged = judge(project, 5)
    Comparison.objects.filter(pk__in=[one.pk for one in judged]).update(state="full", created_at="2026-01-01T00:00Z")
    assert filling.missing_repeats(project) == 4
    made = filling.add_repeats(project=project, count=4, chance=random.Random(1))
    repeats = Comparison.objects.filter(pk__in=made)
    assert {repeat.repeats_id for repeat in repeats} < {one.pk for one in judged}
    assert filling.missing_repeats(project) == 0
    assert filling.add_repeats(project=project, count=9, chance=random.Random(1)) != []
    assert filling.add_repeats(project=project, count=9, chance=random.Random(1)) == []


def test_one_process_owns_a_project_and_a_dead_one_gives_it_back() -> None:
    first, second = Ownership(77), Ownership(77)
    try:
        assert first.acquire()
        assert first.acquire()
        assert not second.acquire()
        assert not second.holds()
        first.connection.close()  # type: ignore[union-attr]
        assert not first.holds()
        assert second.acquire()
    finally:
        first.release()
        second.release()


def test_who_owns_a_project_does_not_keep_prompts_from_it(answered_project: Make) -> None:
    project = answered_project()
    owner = Ownership(project.pk)
    try:
        assert owner.acquire()
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '5s'")
            add_prompts(project=project, conversations=[[{"role": "user", "content": "One that comes meanwhile"}]])
    finally:
        owner.release()
