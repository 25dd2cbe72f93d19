"""Judging: the verdict that records itself and leases the next comparison, and the amendment that follows it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from django.db import IntegrityError, transaction
from django.http import Http404

from labeling.actions import leasing_sql as sql
from labeling.actions.errors import Conflict, Refusal
from labeling.actions.leasing import (
    Terms,
    end_lease,
    flag_comparison,
    lease_next,
    lease_within,
    own_lease,
    release_lease,
    renew_lease,
    save_draft,
    skip_comparison,
    take_next,
)
from labeling.actions.telling import tell_project
from labeling.kinds import pair
from labeling.models import GuidelineVersion, Judgment, JudgmentReason, Lease, Person, Project, Source

__all__ = [
    "Submitted",
    "amend_judgment",
    "flag_comparison",
    "lease_next",
    "release_lease",
    "renew_lease",
    "save_draft",
    "skip_comparison",
    "submit_verdict",
]

A_DAY = 86_400.0
REASON_LIMIT = 20_000
ANOTHER_PAYLOAD = "This verdict was sent before with another answer. The first one stands; amend it to change it."
JUDGED_ALREADY = "You have judged this comparison already, perhaps in another tab. Amend that judgment to change it."
AMENDED_ALREADY = "This judgment was amended already, perhaps in another tab. Amend the newer one."

Result = TypeVar("Result")


@dataclass(frozen=True)
class Submitted:
    """A verdict that is in, and what its person judges next. `repeated` marks a verdict that was in already."""

    judgment: Judgment
    next_lease: Lease | None
    repeated: bool = False


@dataclass(frozen=True)
class Verdict:
    """What a person sent, checked."""

    person: Person
    uuid: UUID
    answer: int
    seconds: float | None
    reason: str

    @classmethod
    def checked(cls, person: Person, uuid: UUID, answer: int, seconds: float | None, reason: str) -> "Verdict":
        """Raises Refusal where an answer or a time makes no sense."""
        try:
            pair.check_answer(answer)
        except ValueError as error:
            raise Refusal(str(error)) from None
        if seconds is not None and not (math.isfinite(seconds) and seconds >= 0):
            raise Refusal("The time taken is a number of seconds, 0 or more.")
        if len(reason) > REASON_LIMIT or "\0" in reason:
            raise Refusal(f"A reason is a text of at most {REASON_LIMIT:,} characters.")
        return cls(person, uuid, answer, None if seconds is None else min(seconds, A_DAY), reason.strip())

    @property
    def source(self) -> Source:
        return Source.SIMULATION if self.person.simulated else Source.PERSON


def submit_verdict(
    *, person: Person, lease_id: UUID, uuid: UUID, answer: int, seconds: float | None, reason: str = ""
) -> Submitted:
    """Record a verdict and lease the next comparison, in one transaction.

    Sent twice with the same id and payload it is one row, and the answer is the same. Raises Conflict with the
    row that stands when the id was used for another payload or the person judged the comparison already; Refusal
    when the verdict makes no sense; Http404 when the lease is not this person's.
    """
    verdict = Verdict.checked(person, uuid, answer, seconds, reason)
    submitted = _again_on_clash(lambda: _submit_open(verdict, lease_id) or _submit_ended(verdict, lease_id))
    if submitted.next_lease is not None:
        return submitted
    terms = Terms.of(Project.objects.get(pk=submitted.judgment.project_id))
    return Submitted(submitted.judgment, take_next(person_id=person.pk, terms=terms), submitted.repeated)


def _again_on_clash(work: Callable[[], Result]) -> Result:
    """Do the work; when another tab of the same person was faster, once more: it then sees what that one did."""
    try:
        return work()
    except IntegrityError:
        return work()


@transaction.atomic
def _submit_open(verdict: Verdict, lease_id: UUID) -> Submitted | None:
    """The usual case, in two statements: the lease is open and the id new."""
    person = verdict.person
    row = sql.row(sql.SUBMIT, _values(verdict, lease_id))
    if row is None:
        return None
    pk, project_id, comparison_id, lease_id, order, guideline_id, strength, created_at = row[:8]
    judgment = Judgment(
        id=pk,
        uuid=verdict.uuid,
        project_id=project_id,
        comparison_id=comparison_id,
        person_id=person.pk,
        lease_id=lease_id,
        answer=verdict.answer,
        order_shown=order,
        seconds=verdict.seconds,
        guideline_id=guideline_id,
        source=verdict.source,
        created_at=created_at,
    )
    judgment.strength = strength
    judgment._state.adding = False
    archived, lease_seconds, duel_share, random_share, repeat_share, expired = row[8:]
    terms = Terms(project_id, archived, duel_share, random_share, repeat_share, lease_seconds)
    tell_project(project_id)
    return Submitted(judgment, lease_within(person_id=person.pk, terms=terms, expired=expired))


def _values(verdict: Verdict, lease_id: UUID) -> dict[str, object]:
    return {
        "lease": lease_id,
        "person": verdict.person.pk,
        "uuid": verdict.uuid,
        "answer": verdict.answer,
        "seconds": verdict.seconds,
        "source": verdict.source.value,
        "reason": verdict.reason,
    }


@transaction.atomic
def _submit_ended(verdict: Verdict, lease_id: UUID) -> Submitted:
    """The lease has ended or the id is known: sent twice, judged in another tab, or too late."""
    lease = own_lease(verdict.person, lease_id)
    known = _by_uuid(verdict)
    if known is not None:
        return Submitted(_same(known, verdict, known.lease_id == lease_id), None, repeated=True)
    first = Judgment.objects.filter(
        person=verdict.person, comparison_id=lease.comparison_id, amends__isnull=True
    ).first()
    if first is not None:
        raise Conflict(JUDGED_ALREADY, latest(first))
    # Lent to the same person once more meanwhile: that place is the one that this verdict takes.
    again = Lease.objects.filter(
        person=verdict.person, comparison_id=lease.comparison_id, ended_at__isnull=True
    ).first()
    if again is not None:
        end_lease(verdict.person, again.pk, "judged")
    row = sql.row(sql.SUBMIT_LATE, _values(verdict, lease_id))
    assert row is not None  # noqa: S101 - the lease is this person's and has ended
    tell_project(lease.project_id)
    return Submitted(Judgment.objects.get(pk=row[0]), None)


def _by_uuid(verdict: Verdict) -> Judgment | None:
    return Judgment.objects.select_related("reason").filter(person=verdict.person, uuid=verdict.uuid).first()


def _same(known: Judgment, verdict: Verdict, same_subject: bool) -> Judgment:
    """The row of a verdict that was sent before. The seconds may differ: a page that sends again counts on."""
    reason = getattr(known, "reason", None)
    said = "" if reason is None else reason.text
    erased = reason is not None and reason.erased_at is not None
    if not same_subject or known.answer != verdict.answer or (said != verdict.reason and not erased):
        raise Conflict(ANOTHER_PAYLOAD, latest(known))
    return known


def latest(judgment: Judgment) -> Judgment:
    """The judgment at the end of a chain of amendments."""
    while (newer := Judgment.objects.filter(amends=judgment).first()) is not None:
        judgment = newer
    return judgment


def amend_judgment(
    *, person: Person, judgment_id: int, uuid: UUID, answer: int, seconds: float | None, reason: str = ""
) -> Judgment:
    """Say something else about a comparison that one has judged: a new row that points back.

    The answer is read on the sides as they were shown. Sent twice it is one row. Raises Conflict with the newest
    row when `judgment_id` was amended already, Http404 when it is not this person's.
    """
    verdict = Verdict.checked(person, uuid, answer, seconds, reason)
    return _again_on_clash(lambda: _amend(verdict, judgment_id))


@transaction.atomic
def _amend(verdict: Verdict, judgment_id: int) -> Judgment:
    old = Judgment.objects.filter(pk=judgment_id, person=verdict.person).first()
    if old is None:
        raise Http404("There is no such judgment, or it is not yours.")
    known = _by_uuid(verdict)
    if known is not None:
        return _same(known, verdict, known.amends_id == judgment_id)
    if Judgment.objects.filter(amends=old).exists():
        raise Conflict(AMENDED_ALREADY, latest(old))
    judgment = Judgment.objects.create(
        uuid=verdict.uuid,
        project_id=old.project_id,
        comparison_id=old.comparison_id,
        person=verdict.person,
        lease_id=old.lease_id,
        answer=verdict.answer,
        order_shown=old.order_shown,
        seconds=verdict.seconds,
        guideline=GuidelineVersion.objects.filter(project_id=old.project_id).first(),
        source=verdict.source,
        late=old.late,
        amends=old,
    )
    if verdict.reason:
        JudgmentReason.objects.create(judgment=judgment, text=verdict.reason)
    tell_project(old.project_id)
    return judgment
