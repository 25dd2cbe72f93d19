"""What goes into the queue is whole, its order is the scores', and what is old goes out of it."""

import json
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from labeling.actions import judging, queueing
from labeling.actions.errors import Refusal
from labeling.models import Arm, Comparison, ComparisonResponse, ProjectChange, Prompt, Response, State
from tests.labeling.cast import comparisons, expire, ids, lease, member, project_of_ada, submit, talk


def answer(prompt_id, text="Gladly.", **fields) -> Any:
    return queueing.NewResponse(prompt_id, [{"role": "assistant", "content": text}], **fields)


def two_answers(prompt_id) -> Any:
    return queueing.add_responses(responses=[answer(prompt_id, "One."), answer(prompt_id, "Two.")])


def add(project, prompt_id, responses, arm=Arm.CHOSEN, **fields) -> Any:
    new = queueing.NewComparison(prompt_id, responses, arm, **fields)
    return queueing.add_comparisons(project=project, comparisons=[new])


# --- prompts


def test_the_same_conversation_is_one_prompt(project) -> None:
    first, second, again = queueing.add_prompts(
        project=project, conversations=[talk("Boil an egg."), talk("Fry an egg."), talk("Boil an egg.")]
    )
    assert first.new and second.new and first.id == again.id
    [known] = queueing.add_prompts(project=project, conversations=[talk("Boil an egg.")])
    assert known.id == first.id and not known.new
    assert Prompt.objects.count() == 2


def test_a_prompt_keeps_its_messages_tags_origin_and_split(project) -> None:
    messages = [{"role": "system", "content": "Be brief ✓"}, {"role": "user", "content": "Boil an egg."}]
    prompt = queueing.add_prompt(project=project, messages=messages, tags=["eggs"], origin="page")
    assert (prompt.messages, prompt.tags, prompt.origin, prompt.active) == (messages, ["eggs"], "page", True)
    assert prompt.split == prompt.root.split and prompt.root.text == "boil an egg."


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([], "at least one message"),
        ([{"role": "user"}], "exactly the keys"),
        ([{"role": "user", "content": 3}], "both are texts"),
        ([{"role": "user", "content": "a\0b"}], "NUL"),
        ([{"role": "user", "content": "\ud800"}], "surrogate"),
    ],
)
def test_a_prompt_that_cannot_be_stored_is_refused_in_words(project, messages, words) -> None:
    with pytest.raises(Refusal, match=words):
        queueing.add_prompts(project=project, conversations=[messages])
    assert not Prompt.objects.exists()


def test_a_backslash_before_u0000_is_no_nul(project) -> None:
    assert queueing.add_prompt(project=project, messages=talk("write \\u0000 in JSON")).messages == talk(
        "write \\u0000 in JSON"
    )


def test_switching_a_prompt_is_kept_with_who(project, ben) -> None:
    prompt = queueing.add_prompt(project=project, messages=talk("Boil an egg."))
    queueing.set_prompt_active(prompt=prompt, active=False, by=ben)
    queueing.set_prompt_active(prompt=prompt, active=False, by=ben)
    prompt.refresh_from_db()
    assert not prompt.active
    change = ProjectChange.objects.get(field=f"prompt:{prompt.pk}")
    assert (change.old, change.new, change.by) == (True, False, ben)


# --- responses and comparisons


def test_a_response_keeps_everything_about_how_it_was_sampled(project) -> None:
    from training.models import PolicyVersion

    policy = PolicyVersion.objects.create(
        project=project, number=1, directory="x", digest="d", state=PolicyVersion.State.PROMOTED
    )
    prompt = queueing.add_prompt(project=project, messages=talk("Boil an egg."))
    sampled = {"sampler": {"temperature": 0.7}, "seed": 5, "token_ids": [1, 2], "token_logprobs": [-0.5, -1.5]}
    response = queueing.add_response(response=answer(prompt.pk, policy_version_id=policy.pk, stopped=True, **sampled))
    assert response.policy_version == policy and response.stopped is True
    assert {name: getattr(response, name) for name in sampled} == sampled


def test_a_policys_response_without_its_tokens_is_refused_by_the_database(project) -> None:
    from training.models import PolicyVersion

    policy = PolicyVersion.objects.create(
        project=project, number=1, directory="x", digest="d", state=PolicyVersion.State.PROMOTED
    )
    prompt = queueing.add_prompt(project=project, messages=talk("Boil an egg."))
    with pytest.raises(Exception, match="own_response_is_complete"), transaction.atomic():
        queueing.add_response(response=answer(prompt.pk, policy_version_id=policy.pk))
    assert queueing.add_response(response=answer(prompt.pk)).token_ids is None


def test_a_comparison_keeps_why_it_was_chosen(project) -> None:
    prompt = queueing.add_prompt(project=project, messages=talk("Boil an egg."))
    responses = Response.objects.in_bulk(two_answers(prompt.pk))
    ordered = [responses[pk] for pk in sorted(responses, reverse=True)]
    comparison = queueing.add_comparison(
        project=project,
        prompt=prompt,
        responses=ordered,
        arm=Arm.CHOSEN,
        method="information",
        score=0.4,
        rank=3,
        model_version="posterior:7",
        needs=2,
    )
    found = (comparison.method, comparison.score, comparison.rank, comparison.model_version, comparison.needs)
    assert found == ("information", 0.4, 3, "posterior:7", 2)
    assert [entry.response for entry in comparison.entries.all()] == ordered


def test_a_comparison_needs_the_projects_overlap_unless_said(db) -> None:
    project = project_of_ada(overlap=3)
    assert comparisons(project, 1)[0].needs == 3
    assert comparisons(project, 1, needs=1)[0].needs == 1


@pytest.mark.parametrize("arm", [Arm.RANDOM, Arm.DUEL])
def test_an_arm_in_creation_order_carries_no_score(project, arm) -> None:
    prompt = queueing.add_prompt(project=project, messages=talk("Boil an egg."))
    with pytest.raises(Refusal, match="carries no score"):
        add(project, prompt.pk, two_answers(prompt.pk), arm, score=1.0)
    [pk] = add(project, prompt.pk, two_answers(prompt.pk), arm)
    with pytest.raises(IntegrityError, match="only_chosen_arms_are_scored"), transaction.atomic():
        Comparison.objects.filter(pk=pk).update(score=1.0)


def test_what_is_not_a_comparison_is_refused(project) -> None:
    one, other = (queueing.add_prompt(project=project, messages=talk(text)) for text in ("Boil it.", "Fry it."))
    mine, theirs = two_answers(one.pk), two_answers(other.pk)
    stranger = queueing.add_prompt(project=project_of_ada(), messages=talk("Boil it."))
    for prompt_id, responses, words in [
        (one.pk, mine[:1], "at least two"),
        (one.pk, [mine[0], mine[0]], "none of them twice"),
        (one.pk, [mine[0], theirs[0]], f"Response {theirs[0]} does not answer"),
        (stranger.pk, two_answers(stranger.pk), "another project"),
    ]:
        with pytest.raises(Refusal, match=words):
            add(project, prompt_id, responses)
    with pytest.raises(Refusal, match="names the comparison that it repeats"):
        add(project, one.pk, mine, Arm.REPEAT)
    [pk] = add(project, one.pk, mine)
    with pytest.raises(Refusal, match="names the comparison that it repeats"):
        add(project, one.pk, mine, repeats_id=pk)
    assert Comparison.objects.count() == 1 and ComparisonResponse.objects.count() == 2


def test_nothing_to_add_adds_nothing(project) -> None:
    assert queueing.add_prompts(project=project, conversations=[]) == []
    assert queueing.add_responses(responses=[]) == []
    assert queueing.add_comparisons(project=project, comparisons=[]) == []


# --- order


def reorder(project, scores) -> Any:
    ranked = sorted(scores.items(), key=lambda pair: -pair[1])
    return queueing.reorder_queue(
        project=project,
        scores=[(pk, score, rank) for rank, (pk, score) in enumerate(ranked, 1)],
        model_version="posterior:2",
    )


def test_new_scores_decide_who_is_next(project, ben) -> None:
    first, second, third = comparisons(project, 3)
    assert reorder(project, {first.pk: 0.1, second.pk: 0.2, third.pk: 0.9}) == 3
    third.refresh_from_db()
    assert (third.score, third.rank, third.model_version) == (0.9, 1, "posterior:2")
    assert lease(ben, project).comparison_id == third.pk


def test_rows_whose_score_did_not_change_are_not_written(project) -> None:
    rows = comparisons(project, 4)
    scores = {row.pk: row.score for row in rows}
    assert reorder(project, scores) == 0
    assert reorder(project, {**scores, rows[3].pk: 9.0}) == 1
    assert queueing.reorder_queue(project=project, scores=[], model_version="x") == 0


def test_what_is_held_and_what_has_no_score_keeps_its_place(project, ben) -> None:
    held, free = comparisons(project, 2)
    others = [comparisons(project, 1, arm=arm)[0] for arm in (Arm.RANDOM, Arm.DUEL)]
    assert lease(ben, project).comparison_id == held.pk
    stranger = comparisons(project_of_ada(), 1)[0]
    scores = {row.pk: 5.0 + row.pk for row in (held, free, *others, stranger)}
    assert reorder(project, scores) == 1
    assert Comparison.objects.get(score=5.0 + free.pk) == free


def test_a_long_queues_tail_is_left_alone_but_never_stands_before_the_head(project, monkeypatch) -> None:
    from labeling.actions import ordering

    monkeypatch.setattr(ordering, "HEAD", 2)
    monkeypatch.setattr(ordering, "BATCH", 1)
    rows = comparisons(project, 6)  # scores 6, 5, 4, 3, 2, 1
    wanted = dict(zip(ids(rows), [0.1, 0.2, 0.3, 0.4, 3.6, 3.5], strict=True))
    # The two best are written, and the two whose old scores (6, 5, 4) would stand before them; 3 is below 3.5.
    assert reorder(project, wanted) == 5
    order = Comparison.objects.order_by("-score").values_list("pk", flat=True)
    assert list(order)[:2] == [rows[4].pk, rows[5].pk]
    rows[3].refresh_from_db()
    assert rows[3].score == 3.0


# --- out of it


def test_withdrawing_takes_what_nobody_holds(project, ben) -> None:
    held, free = comparisons(project, 2)
    duel = comparisons(project, 1, arm=Arm.DUEL)[0]
    lease(ben, project)
    assert queueing.withdraw_comparisons(project=project, reason="Old.") == 1
    assert dict(Comparison.objects.values_list("pk", "state")) == {
        held.pk: State.OPEN,
        free.pk: State.WITHDRAWN,
        duel.pk: State.OPEN,
    }
    free.refresh_from_db()
    assert free.withdrawn_reason == "Old."
    assert queueing.withdraw_comparisons(project=project, reason="Trial ended.", ids=[duel.pk]) == 1
    assert queueing.withdraw_comparisons(project=project, reason="Trial ended.", ids=[duel.pk]) == 0


def test_a_promotion_leaves_duels_and_what_people_imported(project, ben) -> None:
    kept = [comparisons(project, 1, arm=arm)[0] for arm in (Arm.DUEL, Arm.IMPORTED)]
    comparisons(project, 2)
    comparisons(project, 1, arm=Arm.RANDOM)
    retired = queueing.mark_superseded(project=project, reason="Policy 2 was promoted.")
    assert (retired.withdrawn, retired.held) == (3, 0)
    assert set(Comparison.objects.filter(state=State.OPEN)) == set(kept)


def test_judging_goes_on_after_a_promotion_with_what_is_new(project, ben) -> None:
    comparisons(project, 2)
    taken = lease(ben, project)
    queueing.mark_superseded(project=project, reason="Policy 2 was promoted.")
    [new] = comparisons(project, 1)
    from labeling.queries.next_comparison import judging_page

    assert judging_page(taken).superseded
    following = submit(ben, taken).next_lease
    assert following.comparison_id == new.pk and not judging_page(following).superseded


def test_a_lease_of_a_superseded_comparison_that_runs_out_is_lent_to_nobody(project, ben, cleo) -> None:
    comparisons(project, 1)
    taken = lease(ben, project)
    queueing.mark_superseded(project=project, reason="Policy 2 was promoted.")
    expire(taken)
    assert judging.lease_next(person=cleo, project=project) is None
    assert Comparison.objects.get().state == State.WITHDRAWN
    assert submit(ben, taken).judgment.late


def test_json_of_messages_is_stored_once_and_the_same(project) -> None:
    messages = talk('Grüße, 你好 \\ " \t')
    prompt = queueing.add_prompt(project=project, messages=messages)
    assert prompt.messages == messages
    assert json.loads(queueing.canonical_json(messages)) == messages


def test_a_person_of_many_projects_holds_one_lease_in_each(project, ben) -> None:
    other = project_of_ada()
    comparisons(project, 1), comparisons(other, 1)
    assert lease(ben, project).project_id != lease(ben, other).project_id
    assert member(project, "Dan")
