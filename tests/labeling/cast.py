"""The people and things that the tests of people's work are about: Ada owns, Ben and Cleo judge."""

import uuid
from collections.abc import Sequence
from typing import Any

from labeling.actions import judging, queueing
from labeling.actions.ordering import SCORED_ARMS
from labeling.actions.projecting import create_project
from labeling.models import Arm, Comparison, Lease, Membership, Person, Project, Role


def person(name: str, **fields: Any) -> Person:
    return Person.objects.create(username=f"{name}-{uuid.uuid4().hex[:8]}", first_name=name, **fields)


def project_of_ada(**settings: Any) -> Project:
    """A project of Ada's with guidelines; every share is the least unless said: the queue is best score first."""
    shares = {"random_share": 0.0, "repeat_share": 0.0, "duel_share": 0.05}
    return create_project(
        by=person("Ada"), settings={"name": "Cookery", **shares, **settings}, guidelines="Prefer the helpful one."
    )


def member(project: Project, name: str, role: Role = Role.ANNOTATOR, **fields: Any) -> Person:
    joined = person(name, **fields)
    Membership.objects.create(project=project, person=joined, role=role)
    return joined


def talk(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def comparisons(project: Project, count: int, *, arm: Arm = Arm.CHOSEN, **fields: Any) -> list[Comparison]:
    """Comparisons on prompts of their own, best score first where the arm has scores."""
    stem = uuid.uuid4().hex
    prompts = queueing.add_prompts(
        project=project, conversations=[talk(f"{stem} {number} how do I cook it?") for number in range(count)]
    )
    answers = [
        queueing.NewResponse(prompt.id, [{"role": "assistant", "content": f"Answer {side}."}])
        for prompt in prompts
        for side in (0, 1)
    ]
    responses = queueing.add_responses(responses=answers)
    new = [
        queueing.NewComparison(
            prompt.id,
            responses[2 * number : 2 * number + 2],
            arm,
            score=float(count - number) if arm in SCORED_ARMS else None,
            **fields,
        )
        for number, prompt in enumerate(prompts)
    ]
    ids = queueing.add_comparisons(project=project, comparisons=new)
    found = Comparison.objects.in_bulk(ids)
    return [found[pk] for pk in ids]


def lease(who: Person, project: Project) -> Any:
    taken = judging.lease_next(person=who, project=project)
    assert taken is not None
    return taken


def submit(who: Person, taken: Lease, answer: int = 2, **fields: Any) -> Any:
    values: dict[str, Any] = {"uuid": uuid.uuid4(), "seconds": 3.0} | fields
    return judging.submit_verdict(person=who, lease_id=taken.pk, answer=answer, **values)


def expire(*leases: Lease) -> None:
    """Let leases run out."""
    from datetime import timedelta

    from django.utils import timezone

    past = timezone.now() - timedelta(minutes=5)  # the database counts from the start of the transaction
    Lease.objects.filter(pk__in=[one.pk for one in leases]).update(expires_at=past)


def ids(rows: Sequence[Comparison]) -> list[int]:
    return [row.pk for row in rows]
