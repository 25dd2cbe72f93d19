"""A person's projects, as the first page lists them."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from labeling.access import projects_of
from labeling.models import Comparison, Judgment, Person, Project, State


@dataclass(frozen=True)
class ProjectCard:
    """One project in the list."""

    project: Project
    role: str
    judgments: int
    mine: int
    open: int


def project_cards(person: Person) -> list[ProjectCard]:
    """A person's projects, those at work first; three counts each, in one statement."""
    judged = Judgment.objects.filter(project=OuterRef("pk"), amends__isnull=True).order_by()
    opened = Comparison.objects.filter(project=OuterRef("pk"), state=State.OPEN).order_by()
    rows = (
        projects_of(person)
        .annotate(
            role=F("memberships__role"),
            judgments_count=_count(judged),
            mine_count=_count(judged.filter(person=person)),
            open_count=_count(opened),
        )
        .order_by(F("archived_at").asc(nulls_first=True), "-created_at")
    )
    return [ProjectCard(row, row.role, row.judgments_count, row.mine_count, row.open_count) for row in rows]


def _count(rows: QuerySet[Any]) -> Coalesce:
    counted = rows.values("project").annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)
