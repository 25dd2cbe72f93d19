"""Snapshots: what the machines may read, and what they must never see."""

import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labeling.models import Arm, Kind, Report, Source, Split
from tests.training.cast import a_comparison, a_judgment, a_person, a_project, a_prompt, a_response, a_telling
from training import snapshot
from training.folders import located
from training.learning.rows import PreferenceRow, read_rows
from training.models import Snapshot

pytestmark = pytest.mark.django_db

FAR = 2**62


@pytest.fixture(autouse=True)
def everything_has_ended(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test's own transaction has not ended; where that is not the point, read as if it had."""
    if request.node.get_closest_marker("django_db").kwargs.get("transaction") is None:
        monkeypatch.setattr(snapshot, "mark_now", lambda: FAR)


def rows_of(frozen: Snapshot) -> list[PreferenceRow]:
    return list(read_rows(Path(located(frozen.path))))


def test_the_latest_judgment_of_each_person_counts() -> None:
    comparison = a_comparison(a_prompt(a_project()), "short", "long")
    first = a_judgment(comparison, 1)
    later = a_judgment(comparison, 7, first.person, amends=first)
    frozen = snapshot.take_snapshot(comparison.project)
    [row] = rows_of(frozen)
    assert (row.p, row.strength, row.judgment_ids) == (0.0, -3, (later.pk,))
    assert frozen.judgment_ids == [later.pk]
    assert [turn["content"] for response in row.responses for turn in response] == ["short", "long"]


def test_what_was_shown_on_the_other_side_is_stored_for_the_right_response() -> None:
    comparison = a_comparison(a_prompt(a_project()), "short", "long")
    a_judgment(comparison, 1, order_shown=[1, 0])
    [row] = rows_of(snapshot.take_snapshot(comparison.project))
    assert (row.p, row.strength) == (0.0, -3)


def test_several_peoples_judgments_become_one_soft_label_with_their_weight() -> None:
    comparison = a_comparison(a_prompt(a_project()), needs=3)
    for answer in (1, 2, 6):
        a_judgment(comparison, answer)
    [row] = rows_of(snapshot.take_snapshot(comparison.project))
    assert row.p == pytest.approx(2 / 3)
    assert (row.weight, row.strength, len(row.judgment_ids)) == (3.0, 1, 3)


def test_a_strength_that_contradicts_the_label_is_left_unknown() -> None:
    comparison = a_comparison(a_prompt(a_project()), needs=3)
    for answer in (1, 5, 5):
        a_judgment(comparison, answer)
    [row] = rows_of(snapshot.take_snapshot(comparison.project))
    assert row.p == pytest.approx(1 / 3)
    assert row.strength is None


@pytest.mark.parametrize(("answer", "strength"), [(4, 0), (9, None)])
def test_a_tie_is_a_half_and_so_is_both_are_bad(answer: int, strength: int | None) -> None:
    comparison = a_comparison(a_prompt(a_project()))
    a_judgment(comparison, answer)
    frozen = snapshot.take_snapshot(comparison.project)
    [row] = rows_of(frozen)
    assert (row.p, row.strength) == (0.5, strength)
    assert frozen.counts["ties and split votes"] == 1


def test_cannot_tell_teaches_nothing_and_is_counted() -> None:
    prompt = a_prompt(a_project())
    a_judgment(a_comparison(prompt), 0)
    a_judgment(a_comparison(prompt), 3)
    a_judgment(a_comparison(prompt), 3, weight=0.0)
    frozen = snapshot.take_snapshot(prompt.project)
    assert frozen.rows == 1
    assert frozen.counts["left out: can't tell or no weight"] == 2


def test_reports_leave_out_judgments_of_no_weight_and_keep_verdicts_and_rows_aligned() -> None:
    prompt = a_prompt(a_project())
    for answer, weight in ((3, 0.0), (6, 2.0)):
        a_judgment(a_comparison(prompt), answer, weight=weight)
    told = snapshot.reported_verdicts(prompt.project).verdicts
    assert [(one.p, one.weight) for one in told] == [(0.0, 2.0)]
    assert [row.judgment_ids for row in snapshot.rows_of(told)] == [(one.id,) for one in told]


def test_sources_stay_apart_on_one_comparison() -> None:
    comparison = a_comparison(a_prompt(a_project()), needs=2)
    a_judgment(comparison, 1)
    a_judgment(comparison, 7, source=Source.SIMULATION)
    frozen = snapshot.take_snapshot(comparison.project)
    assert {(row.source, row.p) for row in rows_of(frozen)} == {("person", 1.0), ("simulation", 0.0)}
    assert frozen.counts["judgments by person"] == frozen.counts["judgments by simulation"] == 1


def test_a_reward_models_labels_are_never_read_back_as_judgments() -> None:
    comparison = a_comparison(a_prompt(a_project()))
    a_judgment(comparison, 1, source=Source.REWARD_MODEL)
    assert snapshot.training_judgments(comparison.project, below=FAR) == []
    assert snapshot.measured_verdicts(comparison.project, [Arm.CHOSEN]) == []
    with pytest.raises(snapshot.NothingToTrainOn, match="judge some pairs first"):
        snapshot.take_snapshot(comparison.project)


def test_the_same_judgments_are_the_same_snapshot() -> None:
    comparison = a_comparison(a_prompt(a_project()))
    a_judgment(comparison, 2)
    first, second = snapshot.take_snapshot(comparison.project), snapshot.take_snapshot(comparison.project)
    assert first == second
    file = Path(located(first.path))
    assert file.stem == first.digest
    assert file.stat().st_mode & 0o222 == 0
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_dropped_response_and_a_withdrawn_comparison_stop_counting() -> None:
    project = a_project()
    prompt = a_prompt(project)
    bad, flagged, good = a_response(prompt), a_comparison(prompt), a_comparison(prompt)
    for comparison in (a_comparison(prompt, bad, ""), flagged, good):
        a_judgment(comparison, 1)
    before = snapshot.withdrawn_signature(project)
    assert snapshot.training_count(project) == 3
    assert snapshot.training_count(project, most=2) == 2
    bad.__class__.objects.filter(pk=bad.pk).update(dropped_at="2026-01-01T00:00Z")
    Report.objects.create(
        comparison=flagged, person=a_person(project), kind="flag", reason="spam", decision="withdrawn"
    )
    assert [row.comparison_id for row in rows_of(snapshot.take_snapshot(project))] == [good.pk]
    assert snapshot.training_count(project) == 1
    assert snapshot.withdrawn_signature(project) != before


def test_only_pairs_are_read_as_pairs() -> None:
    project = a_project()
    ranking = a_comparison(a_prompt(project), kind="ranking")
    a_judgment(ranking, 1)
    a_judgment(a_comparison(a_prompt(project)), 1)
    frozen = snapshot.take_snapshot(project)
    assert frozen.rows == 1
    assert frozen.counts["left out: not a pair"] == 1


@pytest.mark.django_db(transaction=True)
def test_a_reader_below_the_mark_misses_no_judgment_that_commits_late() -> None:
    """Reading by id would lose it: its id is smaller than one that was already seen."""
    project = a_project()
    late, early = a_comparison(a_prompt(project)), a_comparison(a_prompt(project))
    person = a_person(project)
    written, finish = threading.Event(), threading.Event()

    def write_slowly() -> None:
        with transaction.atomic():
            a_judgment(late, 1, person)
            written.set()
            finish.wait(10)
        connection.close()

    writer = threading.Thread(target=write_slowly)
    writer.start()
    written.wait(10)
    quick = a_judgment(early, 1, person)
    first_mark = snapshot.mark_now()
    first = snapshot.training_judgments(project, below=first_mark)
    finish.set()
    writer.join()
    second = snapshot.training_judgments(project, below=snapshot.mark_now(), since=first_mark)
    assert quick.pk not in {verdict.id for verdict in first}
    assert [verdict.comparison for verdict in [*first, *second]] == [late.pk, early.pk]


MARKER = "MARKER-OF-HELD-OUT"


def beside(mark: str, sides: int) -> dict[str, Any]:
    """What an import may tell of responses, marked wherever it is text."""
    said = {"ratings": {mark: 3.0}, "steps": [1.0], "critiques": mark}
    return {"criterion": mark, "details": {name: [entry] * sides for name, entry in said.items()}}


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.booleans(),
            st.sampled_from(list(Arm)),
            st.sampled_from([0, 1, 2, 3, 4, 5, 6, 7, 9]),
            st.sampled_from(list(snapshot.TRAINING_SOURCES)),
            st.sampled_from(list(Kind)),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_nothing_of_a_held_out_prompt_reaches_a_training_input(
    made: list[tuple[bool, Arm, int, Source, Kind]],
) -> None:
    project = a_project()
    held_out, judged, told = set(), 0, Counter[Kind]()
    for is_held_out, arm, answer, source, kind in made:
        prompt = a_prompt(project, split=Split.HELD_OUT if is_held_out else Split.TRAIN)
        mark = MARKER if is_held_out else "plain"
        if kind != Kind.PAIR:
            a_telling(prompt, f"{mark} alone", kind, **beside(mark, 1))
            told[kind] += not is_held_out
            continue
        judgment = a_judgment(
            a_comparison(prompt, f"{mark} a", f"{mark} b", arm=arm, **beside(mark, 2)), answer, source=source
        )
        if is_held_out:
            held_out.add(judgment.pk)
        judged += not is_held_out and answer != 0
    assert not held_out & {verdict.id for verdict in snapshot.training_judgments(project, below=FAR)}
    assert snapshot.training_count(project) == judged
    assert not any(MARKER in str(one.messages) for one in snapshot.training_responses(project))
    carried = snapshot.carried(project)
    assert "criteria" not in carried  # the second is a held-out one's
    assert ("demonstrations" in carried) == bool(told[Kind.DEMONSTRATION])
    if not judged and not told.total():
        with pytest.raises(snapshot.NothingToTrainOn):
            snapshot.take_snapshot(project)
        return
    frozen = snapshot.take_snapshot(project)
    rows = rows_of(frozen)
    assert MARKER not in Path(located(frozen.path)).read_text()
    assert Counter(row.kind for row in rows) == Counter({"pair": judged, **told})
    assert all(row.criterion == "plain" and row.ratings and row.steps and row.critiques for row in rows)
    assert not held_out & set(frozen.judgment_ids)


@pytest.mark.parametrize("side", ["prompt", "root"])
def test_one_mark_of_held_out_is_enough(side: str) -> None:
    """The prompt's own mark is a copy of its root's; should they ever differ, the judgment is not trained on."""
    prompt = a_prompt(a_project())
    a_judgment(a_comparison(prompt), 1)
    target = prompt if side == "prompt" else prompt.root
    type(target).objects.filter(pk=target.pk).update(split=Split.HELD_OUT)
    assert snapshot.training_judgments(prompt.project, below=FAR) == []


def test_the_gate_and_the_leaderboard_do_read_held_out_verdicts() -> None:
    project = a_project()
    duel = a_comparison(a_prompt(project, split=Split.HELD_OUT), arm=Arm.DUEL)
    first = a_judgment(duel, 1)
    last = a_judgment(duel, 6, first.person, amends=first)
    [seen] = snapshot.verdicts_of([duel.pk])
    assert (seen.id, seen.p, seen.arm, seen.person) == (last.pk, 0.0, "duel", first.person_id)
    assert snapshot.measured_verdicts(project) == [seen]
    assert snapshot.measured_verdicts(project, [Arm.RANDOM]) == []


@pytest.mark.parametrize(
    ("answer", "strength", "p"), [(0, None, None), (9, None, 0.5), (4, 0, 0.5), (1, 3, 1.0), (7, -3, 0.0)]
)
def test_every_answer_has_its_soft_label(answer: int, strength: int | None, p: float | None) -> None:
    assert snapshot.probability(answer, strength) == p
