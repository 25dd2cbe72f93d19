"""Re-ordering the queue by fresh scores, and taking out of it what a newer policy has made old.

Only what nobody holds is touched, and duels, random pairs and repeats never for a score.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from alignment_site.prepared import prepared_cursor
from labeling.actions.telling import tell_project
from labeling.models import Arm, Comparison, Project, State

SCORED_ARMS = (Arm.CHOSEN, Arm.IMPORTED)
# A promotion makes these old; what people brought in themselves and the duels are not its to withdraw.
SAMPLED_ARMS = (Arm.CHOSEN, Arm.RANDOM, Arm.REPEAT)
HEAD = 250  # places whose order is kept exact: what people take in some seconds
BATCH = 100  # rows re-ordered in one transaction: a judge who comes meanwhile passes over no more than these

CHANGED = """
WITH fresh AS (
    SELECT * FROM unnest(%(ids)s::bigint[], %(scores)s::float8[], %(ranks)s::int[]) AS f(id, score, rank)
), edge AS (
    SELECT min(score) AS score FROM fresh WHERE rank <= %(head)s
)
SELECT c.id FROM fresh f JOIN labeling_comparison c ON c.id = f.id CROSS JOIN edge
WHERE c.project_id = %(project)s AND c.arm = ANY(%(arms)s) AND c.state = 'open' AND c.held = 0
    AND c.score IS DISTINCT FROM f.score AND (f.rank <= %(head)s OR c.score >= edge.score)
ORDER BY f.rank
"""

# A row that a judge is just taking is passed over: it is held a moment later.
REORDER = """
WITH free AS (
    SELECT c.id, f.score, f.rank
    FROM unnest(%(ids)s::bigint[], %(scores)s::float8[], %(ranks)s::int[]) AS f(id, score, rank)
    JOIN labeling_comparison c ON c.id = f.id
    WHERE c.state = 'open' AND c.held = 0
    ORDER BY c.id FOR NO KEY UPDATE OF c SKIP LOCKED
)
UPDATE labeling_comparison c SET score = free.score, rank = free.rank, model_version = %(version)s
FROM free WHERE c.id = free.id
"""


@dataclass(frozen=True)
class Retired:
    """What became of comparisons that a newer policy made old."""

    withdrawn: int  # nobody held them
    held: int  # somebody does: they are marked, and their judgments count


def reorder_queue(*, project: Project, scores: Sequence[tuple[int, float, int]], model_version: str) -> int:
    """Give open comparisons new (id, score, rank), best rank 1. Returns how many rows were changed.

    Only what decides the first places is written: the best 250 by the new scores, and rows whose old score would
    put them among those. What is held, and every arm that is served in creation order, stays as it is.
    """
    if not scores:
        return 0
    by_id = {pk: (score, rank) for pk, score, rank in scores}
    values: dict[str, Any] = {"project": project.pk, "arms": [arm.value for arm in SCORED_ARMS], "head": HEAD}
    with prepared_cursor() as cursor:
        cursor.execute(CHANGED, {**values, **_columns(by_id, list(by_id))})
        changed = [int(row[0]) for row in cursor.fetchall()]
        count = 0
        for first in range(0, len(changed), BATCH):
            columns = _columns(by_id, changed[first : first + BATCH])
            cursor.execute(REORDER, {**columns, "version": model_version})
            count += cursor.rowcount
    return count


def _columns(by_id: dict[int, tuple[float, int]], ids: Sequence[int]) -> dict[str, list[float]]:
    return {
        "ids": list(ids),
        "scores": [by_id[pk][0] for pk in ids],
        "ranks": [by_id[pk][1] for pk in ids],
    }


@transaction.atomic
def withdraw_comparisons(
    *, project: Project, reason: str, ids: Sequence[int] | None = None, arms: Sequence[Arm] = SAMPLED_ARMS
) -> int:
    """Withdraw open comparisons that nobody holds, by ids or all of some arms. Returns how many."""
    rows = Comparison.objects.filter(project=project, state=State.OPEN, held=0)
    rows = rows.filter(arm__in=arms) if ids is None else rows.filter(pk__in=ids)
    locked = _locked(rows.values_list("pk", flat=True))
    count = Comparison.objects.filter(pk__in=locked).update(state=State.WITHDRAWN, withdrawn_reason=reason[:200])
    if count:
        tell_project(project.pk)
    return count


@transaction.atomic
def mark_superseded(*, project: Project, reason: str, arms: Sequence[Arm] = SAMPLED_ARMS) -> Retired:
    """Retire the open comparisons of a policy that was replaced: those that nobody holds are withdrawn at once,
    the others marked; one that comes back unjudged is then withdrawn as well."""
    rows = Comparison.objects.filter(project=project, state=State.OPEN, arm__in=arms, superseded_at__isnull=True)
    locked = _locked(rows.values_list("pk", flat=True))
    mine = Comparison.objects.filter(pk__in=locked)
    held = mine.filter(held__gt=0).update(superseded_at=Now())
    withdrawn = mine.filter(held=0).update(superseded_at=Now(), state=State.WITHDRAWN, withdrawn_reason=reason[:200])
    tell_project(project.pk)
    return Retired(withdrawn=withdrawn, held=held)


def _locked(ids: QuerySet[Comparison, int]) -> list[int]:
    """Lock rows in the order of their ids, so that two who do it cannot wait for each other. A judge who holds
    one of them waits for nothing."""
    return list(ids.order_by("pk").select_for_update(no_key=True))
