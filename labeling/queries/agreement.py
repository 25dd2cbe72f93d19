"""How far a project's people agree with each other, with themselves, and with the left side of the page.

Computed on the arms that no score had a say in; each figure says its n. A report only: nothing is weighted by it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from django.db import connection

from labeling.measures.agreement import alpha_interval, pairwise_agreement
from labeling.measures.intervals import Interval, wilson_interval
from labeling.models import Person, Project

# The latest word of each person. `left` is what was stored at the left; strength > 0 prefers position 0.
SAID = """
SELECT j.comparison_id, j.person_id, j.strength, j.order_shown[1], j.seconds, c.arm, c.repeats_id
FROM labeling_judgment j JOIN labeling_comparison c ON c.id = j.comparison_id AND c.kind = 'pair'
WHERE j.project_id = %s AND j.person_id IS NOT NULL AND j.source = ANY(%s)
    AND NOT EXISTS (SELECT FROM labeling_judgment newer WHERE newer.amends_id = j.id)
"""
REPEATED = """
SELECT first.comparison_id, first.person_id, first.strength FROM labeling_judgment first
WHERE first.comparison_id = ANY(%s) AND NOT EXISTS (
    SELECT FROM labeling_judgment newer WHERE newer.amends_id = first.id)
"""


class Said(NamedTuple):
    """One judgment, as far as agreement looks at it."""

    comparison: int
    person: int
    strength: int | None
    left: int
    seconds: float | None
    arm: str
    repeats: int | None


@dataclass(frozen=True)
class PersonAgreement:
    """One person beside the others."""

    name: str
    judgments: int
    with_others: Interval | None  # how often another person preferred the same side, where both preferred one
    left: Interval | None  # how often the left side won
    median_seconds: float | None


@dataclass(frozen=True)
class Agreement:
    """A project's people together."""

    alpha: Interval  # Krippendorff's, on the seven steps as an ordinal scale; n is comparisons that two judged
    same_answer: float  # share of pairs of people who pressed the same step; NaN without any
    left: Interval | None
    repeats: Interval | None  # how often a person preferred the same response when asked again, sides swapped
    people: tuple[PersonAgreement, ...]


def agreement(project: Project, *, sources: Sequence[str] = ("person", "simulation")) -> Agreement:
    """Agreement in a project, in three statements."""
    with connection.cursor() as cursor:
        cursor.execute(SAID, [project.pk, list(sources)])
        said = [Said(*row) for row in cursor.fetchall()]
    fair = [one for one in said if one.arm in ("random", "duel")]
    units: dict[int, dict[int, int]] = defaultdict(dict)
    for one in fair:
        if one.strength is not None:
            units[one.comparison][one.person] = one.strength
    return Agreement(
        alpha=alpha_interval(list(units.values())),
        same_answer=pairwise_agreement(list(units.values())),
        left=_left(said),
        repeats=_repeats(said),
        people=_people(said, units),
    )


def _left(said: Iterable[Said]) -> Interval | None:
    """The share of decided judgments for the left side; with sides drawn by a coin it would be one half."""
    decided = [(one.strength > 0) == (one.left == 0) for one in said if one.strength]
    return wilson_interval(sum(decided), len(decided)) if decided else None


def _repeats(said: Iterable[Said]) -> Interval | None:
    again = {(one.repeats, one.person): one.strength for one in said if one.repeats is not None and one.strength}
    if not again:
        return None
    with connection.cursor() as cursor:
        cursor.execute(REPEATED, [[comparison for comparison, _ in again]])
        firsts = {(comparison, person): strength for comparison, person, strength in cursor.fetchall()}
    both = [(strength, firsts[key]) for key, strength in again.items() if firsts.get(key)]
    same = sum((one > 0) == (other > 0) for one, other in both)
    return wilson_interval(same, len(both)) if both else None


def _people(said: Sequence[Said], units: dict[int, dict[int, int]]) -> tuple[PersonAgreement, ...]:
    by_person: dict[int, list[Said]] = defaultdict(list)
    for one in said:
        by_person[one.person].append(one)
    people = Person.objects.in_bulk(list(by_person))
    rows = [
        PersonAgreement(
            name=str(people[pk]),
            judgments=len(own),
            with_others=_with_others(pk, units),
            left=_left(own),
            median_seconds=median(times) if (times := [one.seconds for one in own if one.seconds]) else None,
        )
        for pk, own in by_person.items()
    ]
    return tuple(sorted(rows, key=lambda row: -row.judgments))


def _with_others(person: int, units: dict[int, dict[int, int]]) -> Interval | None:
    same = n = 0
    for unit in units.values():
        mine = unit.get(person)
        for other, strength in unit.items():
            if other != person and mine and strength:
                n += 1
                same += (mine > 0) == (strength > 0)
    return wilson_interval(same, n) if n else None
