"""What owners decide about flags and skips, and what that does to the queue."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from labeling.actions import judging
from labeling.actions.reviewing import decide_report, drop_response
from labeling.models import Comparison, Judgment, Lease, Report, State
from labeling.queries.reports import report_list, undecided_reports
from tests.labeling.cast import comparisons, lease, member, submit


@pytest.fixture
def flagged(project, ben) -> Any:
    comparisons(project, 2, needs=3)
    taken = lease(ben, project)
    return judging.flag_comparison(person=ben, lease_id=taken.pk, reason="harmful")


def test_keeping_leaves_the_comparison_and_says_who_decided(flagged, cleo) -> None:
    decide_report(report=flagged, by=cleo, decision="kept", note=" Harmless. ")
    flagged.refresh_from_db()
    assert (flagged.decision, flagged.note, flagged.decided_by) == ("kept", "Harmless.", cleo)
    assert flagged.decided_at is not None and flagged.comparison.state == State.OPEN


def test_withdrawing_ends_open_leases_and_a_verdict_on_the_way_is_kept(project, flagged, cleo) -> None:
    held = lease(cleo, project)
    assert held.comparison_id == flagged.comparison_id
    decide_report(report=flagged, by=cleo, decision="withdrawn")
    comparison = Comparison.objects.get(pk=flagged.comparison_id)
    assert (comparison.state, comparison.held) == (State.WITHDRAWN, 0)
    assert comparison.withdrawn_reason == "Flagged: harmful"
    assert Lease.objects.get(pk=held.pk).ending == "withdrawn"
    assert submit(cleo, held).judgment.late
    assert lease(member(project, "Dan"), project).comparison_id != flagged.comparison_id


def test_dropping_a_response_withdraws_every_open_comparison_of_it(project, flagged, cleo) -> None:
    entry = flagged.comparison.entries.all()[0]
    judged = Comparison.objects.exclude(pk=flagged.comparison_id).get()
    decide_report(report=flagged, by=cleo, decision="response_dropped", response_id=entry.response_id)
    entry.response.refresh_from_db()
    assert entry.response.dropped_at is not None
    assert Comparison.objects.get(pk=flagged.comparison_id).state == State.WITHDRAWN
    assert Comparison.objects.get(pk=judged.pk).state == State.OPEN
    assert drop_response(response=entry.response) == 0


def test_what_was_judged_stays_when_its_response_is_dropped(project, ben) -> None:
    [comparison] = comparisons(project, 1)
    submit(ben, lease(ben, project))
    assert drop_response(response=comparison.entries.all()[0].response) == 0
    assert Judgment.objects.count() == 1
    comparison.refresh_from_db()
    assert comparison.state == State.FULL


def test_a_decision_is_made_once_and_makes_sense(project, flagged, cleo) -> None:
    with pytest.raises(ValidationError, match="one of kept"):
        decide_report(report=flagged, by=cleo, decision="ignored")
    [other] = comparisons(project, 1)
    for response_id in (None, other.entries.all()[0].response_id):
        with pytest.raises(ValidationError, match="which response"):
            decide_report(report=flagged, by=cleo, decision="response_dropped", response_id=response_id)
    decide_report(report=flagged, by=cleo, decision="kept")
    with pytest.raises(ValidationError, match="decided already"):
        decide_report(report=flagged, by=cleo, decision="withdrawn")


def test_the_list_shows_undecided_ones_first_and_by_kind(project, ben, cleo, flagged) -> None:
    skipped: Any = judging.skip_comparison(person=ben, lease_id=lease(ben, project).pk, reason="too long")
    decide_report(report=skipped, by=cleo, decision="kept")
    newest = judging.flag_comparison(person=cleo, lease_id=lease(cleo, project).pk, reason="broken")
    assert list(report_list(project)) == [newest, flagged, skipped]
    assert list(report_list(project, kind="skip")) == [skipped]
    assert list(report_list(project, kind="nonsense")) == [newest, flagged, skipped]
    assert undecided_reports(project) == 2


def test_the_lists_queries_do_not_grow_with_its_rows(project, ben, django_assert_num_queries) -> None:
    def look() -> Any:
        return [
            (
                str(row.person),
                str(row.comparison.prompt),
                [entry.response.text for entry in row.comparison.entries.all()],
            )
            for row in report_list(project)
        ]

    comparisons(project, 6)
    for count in (1, 6):
        while Report.objects.count() < count:
            judging.skip_comparison(person=ben, lease_id=lease(ben, project).pk, reason="unclear")
        with django_assert_num_queries(2):
            assert len(look()) == count
