"""Every list page asks the database as often for many rows as for few."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from labeling.actions import judging
from labeling.actions.inviting import create_invitation
from labeling.actions.projecting import change_project, create_project, write_guidelines
from labeling.models import Arm, ExportJob, ImportJob, JobState, Person, Project, Role
from tests.labeling.cast import comparisons, lease, member, project_of_ada, submit
from training.models import Duel, PolicyVersion, Prediction, RewardVersion, Run, Snapshot, Trial

pytestmark = pytest.mark.django_db
FEW, MORE = 2, 9


@dataclass
class World:
    """A project, its owner, and her browser."""

    project: Project = field(default_factory=project_of_ada)

    def __post_init__(self) -> None:
        self.ada: Person = self.project.memberships.get().person
        self.browser = Client()
        self.browser.force_login(self.ada)

    def queries(self, page: str) -> list[str]:
        """The statements of one page."""
        with CaptureQueriesContext(
            connection,
        ) as captured:
            answer = self.browser.get(reverse(page, args=[] if page == "home" else [self.project.slug]))
        assert answer.status_code == 200
        return [query["sql"] for query in captured.captured_queries]


def more_projects(world: World, count: int) -> None:
    for number in range(count):
        made = create_project(by=world.ada, settings={"name": f"Another {number}"})
        comparisons(made, 2)
        submit(world.ada, lease(world.ada, made))


def more_prompts(world: World, count: int) -> None:
    comparisons(world.project, count)


def more_members(world: World, count: int) -> None:
    for number in range(count):
        member(world.project, f"Ben {number}")
        create_invitation(project=world.project, by=world.ada, role=Role.ANNOTATOR)


def more_guidelines(world: World, count: int) -> None:
    for number in range(count):
        write_guidelines(project=world.project, by=member(world.project, "Rune"), text=f"Version {number}.")


def more_reports(world: World, count: int) -> None:
    comparisons(world.project, count)
    for _ in range(count):
        who = member(world.project, "Cleo")
        judging.skip_comparison(person=who, lease_id=lease(who, world.project).pk, reason="unclear")
    for _ in range(count):
        who = member(world.project, "Cleo")
        judging.flag_comparison(person=who, lease_id=lease(who, world.project).pk, reason="broken", text="Cut off.")


def more_judgments(world: World, count: int) -> None:
    comparisons(world.project, count)
    for _ in range(count):
        said = submit(world.ada, lease(world.ada, world.project), reason="It is kinder.").judgment
        judging.amend_judgment(person=world.ada, judgment_id=said.pk, uuid=uuid.uuid4(), answer=6, seconds=1.0)


def more_changes(world: World, count: int) -> None:
    for number in range(count):
        who = member(world.project, "Rune", Role.RESEARCHER)
        question = f"Which of {world.project.changes.count()} {number}?"
        change_project(project=world.project, by=who, settings={"question": question})


def more_runs(world: World, count: int) -> None:
    """Finished runs of both kinds, each with its snapshot and what it made."""
    first = world.project.policies.order_by("number").first() or a_version(world, 1, current=True, anchor=True)
    for _ in range(count):
        number = world.project.runs.count() + 2
        frozen = Snapshot.objects.create(
            project=world.project, digest=str(number), path="", rows=1, judgment_ids=[number], watermark=1
        )
        common: dict[str, Any] = {"project": world.project, "state": Run.State.DONE, "snapshot": frozen, "base": first}
        policy = Run.objects.create(kind=Run.Kind.POLICY, asked_by=world.ada, **common)
        a_version(world, number, run=policy, parent=first, decided_by=member(world.project, "Rune"))
        reward = Run.objects.create(kind=Run.Kind.REWARD, **common)
        RewardVersion.objects.create(
            project=world.project, number=number, run=reward, directory="", digest="", state=RewardVersion.State.RETIRED
        )


def a_version(world: World, number: int, **more: Any) -> PolicyVersion:
    values = {"directory": "starter", "digest": f"{number}", "state": PolicyVersion.State.PROMOTED, **more}
    return PolicyVersion.objects.create(project=world.project, number=number, **values)


def more_transfers(world: World, count: int) -> None:
    for number in range(count):
        who = member(world.project, "Rune", Role.RESEARCHER)
        about: dict[str, Any] = {"project": world.project, "by": who, "state": JobState.DONE}
        problems = [{"line": 3, "reason": "It is empty.", "level": "error"}] * number
        ImportJob.objects.create(name=f"{number}.jsonl", path="", report=problems, **about)
        ExportJob.objects.create(format="trl", manifest={"left_out": {"ties": number}}, **about)


def more_of_everything(world: World, count: int) -> None:
    """What the overview sums up: judgments and predictions on random pairs, versions, duels, the queue's head."""
    more_runs(world, count)
    comparisons(world.project, count)
    comparisons(world.project, count, arm=Arm.RANDOM)
    Project.objects.filter(pk=world.project.pk).update(random_share=1.0)
    for _ in range(count):
        said = submit(world.ada, lease(world.ada, world.project)).judgment
        for model in ("posterior", "length"):
            Prediction.objects.create(judgment_id=said.pk, model=model, probability=0.7)
    first, *_, last = world.project.policies.all()
    trial, _ = Trial.objects.get_or_create(
        project=world.project,
        defaults={
            "candidate": last,
            "incumbent": first,
            "budget": 120,
            "closes_at": timezone.now() + timedelta(days=7),
        },
    )
    for duel in comparisons(world.project, count, arm=Arm.DUEL):
        Duel.objects.create(
            trial=trial,
            comparison=duel,
            number=trial.duels.count() + 1,
            candidate_position=0,
            stake_better=0.2,
            stake_worse=0.2,
            outcome=1.0,
            settled_at=timezone.now(),
        )


@pytest.mark.parametrize(
    ("page", "grow"),
    [
        ("home", more_projects),
        ("prompts", more_prompts),
        ("members", more_members),
        ("guidelines", more_guidelines),
        ("reports", more_reports),
        ("history", more_judgments),
        ("settings", more_changes),
        ("runs", more_runs),
        ("policies", more_runs),
        ("import", more_transfers),
        ("export", more_transfers),
        ("project", more_of_everything),
    ],
)
def test_a_page_takes_as_many_queries_for_many_rows_as_for_few(page: str, grow: Callable[[World, int], None]) -> None:
    world = World()
    grow(world, FEW)
    world.queries(page)  # what a process learns once is not the page's
    few = world.queries(page)
    grow(world, MORE)
    many = world.queries(page)
    assert len(many) == len(few), "\n".join(["for many rows:", *many, "for few:", *few])
