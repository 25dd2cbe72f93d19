"""Lending comparisons: one at a time to a person, for minutes, never to more people than are needed."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.http import Http404

from labeling.actions import leasing_sql as sql
from labeling.actions.errors import Refusal
from labeling.actions.telling import tell_project
from labeling.models import Arm, Lease, Person, Project, ReasonDraft, Report

NOT_YOURS = "There is no such lease, or it is not yours."
ATTEMPTS = 3  # two tabs of one person may ask at the same instant; the second then finds the first one's lease

# The coins of an arm; a cryptographic source would add nothing.
_coin = random.Random()  # noqa: S311


@dataclass(frozen=True)
class Terms:
    """What lending needs to know of a project, so that the hot path need not load it."""

    project_id: int
    archived: bool
    duel_share: float
    random_share: float
    repeat_share: float
    lease_seconds: int

    @classmethod
    def of(cls, project: Project) -> "Terms":
        return cls(
            project.pk,
            project.archived_at is not None,
            project.duel_share,
            project.random_share,
            project.repeat_share,
            project.lease_seconds,
        )


def arm_order(terms: Terms, coin: random.Random = _coin) -> Sequence[Arm]:
    """The arms in the order in which they are looked into: the coin's first, then the others.

    A duel comes first with the project's duel share; where none waits, that question falls to the next coin, so
    that the random and repeat shares are shares of the questions that are no duels.
    """
    rest = [Arm.CHOSEN, Arm.IMPORTED, Arm.RANDOM, Arm.REPEAT]
    toss = coin.random()
    if toss < terms.random_share:
        rest.remove(Arm.RANDOM)
        rest.insert(0, Arm.RANDOM)
    elif toss < terms.random_share + terms.repeat_share:
        rest.remove(Arm.REPEAT)
        rest.insert(0, Arm.REPEAT)
    return [Arm.DUEL, *rest] if coin.random() < terms.duel_share else [*rest, Arm.DUEL]


def lease_next(*, person: Person, project: Project) -> Lease | None:
    """The person's open lease in the project, else a new one; None when nothing waits for this person."""
    return take_next(person_id=person.pk, terms=Terms.of(project))


def take_next(*, person_id: int, terms: Terms) -> Lease | None:
    """`lease_next` by ids, in transactions of its own."""
    for attempt in range(ATTEMPTS):
        try:
            with transaction.atomic():
                lease = lease_within(person_id=person_id, terms=terms)
            if lease is not None or terms.archived:
                return lease
            # Rows that another transaction is writing were passed over. This one holds nothing now, so it may wait:
            # first for expired leases, whose comparisons still look taken.
            _give_back_waiting(terms.project_id)
            with transaction.atomic():
                return lease_within(person_id=person_id, terms=terms, wait=True)
        except IntegrityError:
            if attempt == ATTEMPTS - 1:
                raise
    return None  # pragma: no cover - the loop returns or raises


def lease_within(*, person_id: int, terms: Terms, expired: bool | None = None, wait: bool = False) -> Lease | None:
    """Lease inside the caller's transaction. `expired` says whether leases have run out, and that the person
    holds none; None asks the database both."""
    if terms.archived:
        return None
    who = {"project": terms.project_id, "person": person_id}
    if expired is None:
        standing = sql.row(sql.STANDING, who)
        assert standing is not None  # noqa: S101 - the statement always returns a row
        expired, *columns = standing
        if columns[0] is not None:
            return _lease(columns)
    if expired:
        sql.run(sql.GIVE_BACK_EXPIRED, who)
    for arm in arm_order(terms):
        values = {**who, "arm": arm.value, "seconds": terms.lease_seconds}
        taken = sql.row(sql.take(arm.value, wait=wait), values)
        if taken is not None:
            return _lease(taken)
    return None


def _give_back_waiting(project_id: int) -> None:
    """Give back what has expired, one lease a transaction, waiting for whoever writes one of them meanwhile."""
    found = sql.row(sql.STILL_EXPIRED, {"project": project_id})
    for lease_id in (found and found[0]) or ():
        sql.run(sql.GIVE_BACK_RUN_OUT, {"lease": lease_id, "ending": "expired"})


def _lease(columns: Sequence[Any]) -> Lease:
    lease = Lease(**dict(zip(sql.LEASE_NAMES, columns, strict=True)))
    lease._state.adding = False
    return lease


def renew_lease(*, person: Person, lease_id: UUID) -> Lease:
    """Give an open lease its full span again. Raises Refusal once it has run out or was renewed three times."""
    renewed = sql.row(sql.RENEW, {"lease": lease_id, "person": person.pk, "most": Lease.MAX_RENEWALS})
    if renewed is not None:
        return _lease(renewed)
    lease = own_lease(person, lease_id)
    if lease.ended_at is None and lease.renewals >= Lease.MAX_RENEWALS:
        raise Refusal("This lease was renewed three times already. Judge, skip, or let it go back to the queue.")
    raise Refusal("This lease has run out. You can still send your verdict; it will be kept.")


def own_lease(person: Person, lease_id: UUID) -> Lease:
    """A lease of this person's, open or ended. Raises Http404."""
    lease = Lease.objects.filter(pk=lease_id, person=person).first()
    if lease is None:
        raise Http404(NOT_YOURS)
    return lease


@transaction.atomic
def release_lease(*, person: Person, lease_id: UUID) -> None:
    """Give a comparison back unjudged; it may come again. A lease that has ended already stays as it is."""
    end_lease(person, lease_id, "released")


@transaction.atomic
def skip_comparison(*, person: Person, lease_id: UUID, reason: str, text: str = "") -> Report | None:
    """Pass a comparison over, for good, and say why. None when the lease had ended already."""
    return _report(person, lease_id, Report.Kind.SKIP, reason, text)


@transaction.atomic
def flag_comparison(*, person: Person, lease_id: UUID, reason: str, text: str = "") -> Report | None:
    """Report a comparison to the owner and pass it over. None when the lease had ended already."""
    return _report(person, lease_id, Report.Kind.FLAG, reason, text)


def _report(person: Person, lease_id: UUID, kind: Report.Kind, reason: str, text: str) -> Report | None:
    reason = reason.strip()
    if not 1 <= len(reason) <= 64:
        raise Refusal("Say why in a word or two (1 to 64 letters).")
    comparison_id = end_lease(person, lease_id, "skipped" if kind == Report.Kind.SKIP else "flagged")
    if comparison_id is None:
        return None
    return Report.objects.create(
        comparison_id=comparison_id, person=person, kind=kind, reason=reason, text=text.strip()
    )


def end_lease(person: Person, lease_id: UUID, ending: str) -> int | None:
    """End an open lease without a judgment, inside the caller's transaction. Returns its comparison, None when it
    had ended already. Raises Http404 for somebody else's."""
    returned = sql.row(sql.GIVE_BACK, {"lease": lease_id, "person": person.pk, "ending": ending})
    if returned is None:
        own_lease(person, lease_id)
        return None
    comparison_id, project_id = returned
    tell_project(project_id)
    return int(comparison_id)


@transaction.atomic
def save_draft(*, person: Person, lease_id: UUID, text: str) -> None:
    """Keep an unfinished reason until the verdict. An empty one is forgotten; an ended lease keeps none."""
    lease = own_lease(person, lease_id)
    if lease.ended_at is not None:
        return
    if not text.strip():
        ReasonDraft.objects.filter(person=person, comparison_id=lease.comparison_id).delete()
        return
    ReasonDraft.objects.update_or_create(person=person, comparison_id=lease.comparison_id, defaults={"text": text})
