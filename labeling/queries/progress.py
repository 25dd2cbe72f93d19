"""How judging goes in a project: how much is done, by whom, how fast, and what is left."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from labeling.models import Project

COUNTS = """
SELECT arm, count(*) FILTER (WHERE state = 'open' AND superseded_at IS NULL AND taken < needs),
    count(*) FILTER (WHERE held > 0), count(*) FILTER (WHERE state = 'full'),
    count(*) FILTER (WHERE state = 'withdrawn')
FROM labeling_comparison WHERE project_id = %s AND kind = 'pair' GROUP BY arm
"""
PEOPLE = """
SELECT coalesce(nullif(trim(p.first_name || ' ' || p.last_name), ''), p.username), p.simulated, count(*),
    count(*) FILTER (WHERE j.created_at > now() - interval '1 hour'), max(j.created_at),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY j.seconds)
FROM labeling_judgment j JOIN labeling_person p ON p.id = j.person_id
WHERE j.project_id = %s AND j.amends_id IS NULL GROUP BY p.id ORDER BY count(*) DESC, p.id
"""


@dataclass(frozen=True)
class ArmCounts:
    """The pairs of one arm."""

    arm: str
    waiting: int
    held: int
    full: int
    withdrawn: int


@dataclass(frozen=True)
class PersonProgress:
    """One person's share, amendments not counted."""

    name: str
    simulated: bool
    judgments: int
    last_hour: int
    last_at: datetime
    median_seconds: float | None


@dataclass(frozen=True)
class ProjectProgress:
    """The whole project."""

    arms: tuple[ArmCounts, ...]
    people: tuple[PersonProgress, ...]

    @property
    def judgments(self) -> int:
        return sum(person.judgments for person in self.people)

    @property
    def last_hour(self) -> int:
        return sum(person.last_hour for person in self.people)

    @property
    def waiting(self) -> int:
        return sum(arm.waiting for arm in self.arms)


def progress(project: Project) -> ProjectProgress:
    """Progress by arm and by person, in two statements."""
    with connection.cursor() as cursor:
        cursor.execute(COUNTS, [project.pk])
        arms = tuple(sorted((ArmCounts(*row) for row in cursor.fetchall()), key=lambda arm: arm.arm))
        cursor.execute(PEOPLE, [project.pk])
        people = tuple(PersonProgress(*row) for row in cursor.fetchall())
    return ProjectProgress(arms, people)
