"""Policy versions by what people prefer: Bradley–Terry on the arms that no score had a say in."""

from dataclasses import dataclass
from typing import Any

from django.db import connection

from labeling.measures.bradley_terry import fit
from labeling.models import Project

# The latest word of each judge on random pairs and duels whose two responses come from different versions. "Both
# are bad", "can't tell" and "about the same" prefer neither.
MEETINGS = """
SELECT a.number, b.number,
    CASE WHEN j.strength IS NULL OR j.strength = 0 THEN 0.5 WHEN j.strength > 0 THEN 1.0 ELSE 0.0 END, c.prompt_id
FROM labeling_judgment j
JOIN labeling_comparison c ON c.id = j.comparison_id AND c.arm IN ('random', 'duel') AND c.kind = 'pair'
JOIN labeling_comparisonresponse first ON first.comparison_id = c.id AND first.position = 0
JOIN labeling_comparisonresponse second ON second.comparison_id = c.id AND second.position = 1
JOIN labeling_response x ON x.id = first.response_id
JOIN labeling_response y ON y.id = second.response_id
JOIN training_policyversion a ON a.id = x.policy_version_id
JOIN training_policyversion b ON b.id = y.policy_version_id
WHERE j.project_id = %s AND j.source <> 'reward_model' AND a.id <> b.id
    AND NOT EXISTS (SELECT FROM labeling_judgment newer WHERE newer.amends_id = j.id)
"""
VERSIONS = "SELECT number, current, state FROM training_policyversion WHERE project_id = %s ORDER BY number"


@dataclass(frozen=True)
class Standing:
    """A policy version's place. The win rate is against the first version; None where nothing leads to it."""

    number: int
    current: bool
    state: str
    win_rate: float | None
    low: float | None
    high: float | None
    n: int  # judgments that it took part in


def leaderboard(project: Project) -> list[Standing]:
    """Every version of a project with its win rate against the first, its 95 % interval and n."""
    versions = _rows(VERSIONS, project)
    meetings = _rows(MEETINGS, project)
    if not versions:
        return []
    place = {number: index for index, (number, _, _) in enumerate(versions)}
    strengths = fit(
        [(place[one], place[other]) for one, other, _, _ in meetings],
        [float(outcome) for _, _, outcome, _ in meetings],
        len(versions),
        clusters=[prompt for _, _, _, prompt in meetings],
    )
    standings = []
    for index, (number, current, state) in enumerate(versions):
        rate = strengths.win_rate(index)
        known = index == 0 or rate.value == rate.value  # NaN differs from itself
        value, low, high = (rate.value, rate.low, rate.high) if known else (None, None, None)
        standings.append(Standing(number, current, state, value, low, high, rate.n))
    return standings


def _rows(statement: str, project: Project) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, [project.pk])
        return list(cursor.fetchall())
