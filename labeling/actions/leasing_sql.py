"""The statements of the judging path, which Django's own queries would turn into a dozen.

Locks are taken in one order: a person's own lease, then its comparison, then only rows that nobody holds
(`SKIP LOCKED`); so no two of these transactions can wait for each other. `NO KEY UPDATE` does not disturb the
foreign keys of rows that are written meanwhile. A judgment touches no row but its own lease and comparison.
"""

from collections.abc import Mapping
from typing import Any

from django.db import connection

from alignment_site.prepared import prepared_cursor

# The columns of a lease that its page needs, in this order.
LEASE_NAMES = (
    *("id", "project_id", "comparison_id", "person_id", "order"),
    *("taken_at", "expires_at", "renewals", "guideline_id"),
)
LEASE_RETURNED = """l.id, l.project_id, l.comparison_id, l.person_id, l."order", l.taken_at, l.expires_at,
    l.renewals, l.guideline_id"""

# Whether any lease of the project has run out: an index probe that spares most cycles a statement.
ANY_EXPIRED = """EXISTS (SELECT FROM labeling_lease e
    WHERE e.project_id = {project} AND e.ended_at IS NULL AND e.expires_at <= now())"""

# One row always: whether leases have run out, and this person's open lease or NULLs.
STANDING = f"""
SELECT {ANY_EXPIRED.format(project="%(project)s")}, {LEASE_RETURNED}
FROM (SELECT 1) one LEFT JOIN labeling_lease l ON l.project_id = %(project)s AND l.person_id = %(person)s
    AND l.ended_at IS NULL AND l.expires_at > now()
"""

# A comparison that lost its last holder goes back to the queue, or out of it when a newer policy came meanwhile.
STATE_AFTER_RETURN = """CASE WHEN c.state = 'open' AND c.superseded_at IS NOT NULL AND c.held <= {returned}
    THEN 'withdrawn' ELSE c.state END"""

GIVE_BACK_EXPIRED = f"""
WITH expired AS (
    SELECT l.id, l.comparison_id
    FROM labeling_lease l JOIN labeling_comparison c ON c.id = l.comparison_id
    WHERE l.project_id = %(project)s AND l.ended_at IS NULL AND l.expires_at <= now()
    ORDER BY l.expires_at LIMIT 100
    FOR NO KEY UPDATE OF l, c SKIP LOCKED
), ended AS (
    UPDATE labeling_lease l SET ended_at = now(), ending = 'expired' FROM expired WHERE l.id = expired.id
)
UPDATE labeling_comparison c
SET held = c.held - given.n, state = {STATE_AFTER_RETURN.format(returned="given.n")}
FROM (SELECT comparison_id, count(*) AS n FROM expired GROUP BY comparison_id) given
WHERE c.id = given.comparison_id
"""

# What `GIVE_BACK_EXPIRED` passed over because somebody was writing it; `GIVE_BACK_RUN_OUT` then waits, lease by lease.
STILL_EXPIRED = """
SELECT array_agg(e.id) FROM (
    SELECT l.id FROM labeling_lease l WHERE l.project_id = %(project)s AND l.ended_at IS NULL AND l.expires_at <= now()
    ORDER BY l.expires_at LIMIT 100
) e
"""

# Best score first, else oldest first; only the chosen and imported arms carry scores (a constraint says so).
# The two sub-selects run per candidate: OFFSET 0 keeps the planner from turning them into joins that would read
# the whole queue to hand out one row.
AVAILABLE = """
    SELECT c.id, c.repeats_id FROM labeling_comparison c
    WHERE c.project_id = %(project)s AND c.arm = %(arm)s AND c.state = 'open'
      AND c.taken + c.held < c.needs AND c.superseded_at IS NULL
      AND NOT EXISTS (SELECT FROM labeling_judgment j
          WHERE j.comparison_id = c.id AND j.person_id = %(person)s AND j.amends_id IS NULL OFFSET 0)
      AND NOT EXISTS (SELECT FROM labeling_report r
          WHERE r.comparison_id = c.id AND r.person_id = %(person)s OFFSET 0)
      {only}
    ORDER BY c.score DESC NULLS LAST, c.id
    LIMIT 1 FOR NO KEY UPDATE OF c {locked}
"""

# A repeat asks a person what that person was asked before.
ONLY_MINE = """AND EXISTS (SELECT FROM labeling_judgment j WHERE j.comparison_id = c.repeats_id
    AND j.person_id = %(person)s AND j.amends_id IS NULL OFFSET 0)"""

RANDOM_ORDER = """(SELECT array_agg(e.position ORDER BY random())
    FROM labeling_comparisonresponse e WHERE e.comparison_id = picked.id)"""
# … with the sides swapped, so that it measures the pull of the side as well.
SWAPPED_ORDER = """(SELECT array_agg(shown.position ORDER BY shown.place DESC)
    FROM labeling_judgment j, unnest(j.order_shown) WITH ORDINALITY AS shown(position, place)
    WHERE j.comparison_id = picked.repeats_id AND j.person_id = %(person)s AND j.amends_id IS NULL)"""

TAKE = """
WITH picked AS MATERIALIZED ({available}),
taken AS (
    UPDATE labeling_comparison c SET held = c.held + 1 FROM picked WHERE c.id = picked.id
)
INSERT INTO labeling_lease AS l
    (id, project_id, comparison_id, person_id, "order", taken_at, expires_at, renewals, ending, guideline_id)
SELECT gen_random_uuid(), %(project)s, picked.id, %(person)s, {order}, now(),
    now() + make_interval(secs => %(seconds)s), 0, '',
    (SELECT g.id FROM labeling_guidelineversion g WHERE g.project_id = %(project)s
     ORDER BY g.number DESC LIMIT 1)
FROM picked
RETURNING {returned}
"""

# Ends the lease, counts the judgment, writes it with its reason and forgets the draft. No row comes back when the
# lease is not open, not this person's, or the client's id is known already: the caller then looks closer.
SUBMIT = f"""
WITH closed AS (
    UPDATE labeling_lease l SET ended_at = now(), ending = 'judged'
    WHERE l.id = %(lease)s AND l.person_id = %(person)s AND l.ended_at IS NULL
      AND NOT EXISTS (SELECT FROM labeling_judgment j
          WHERE j.person_id = %(person)s AND j.uuid = %(uuid)s)
    RETURNING l.id, l.project_id, l.comparison_id, l."order", l.guideline_id
), counted AS (
    UPDATE labeling_comparison c SET taken = c.taken + 1, held = c.held - 1,
        state = CASE WHEN c.state = 'open' AND c.taken + 1 >= c.needs THEN 'full'
            ELSE {STATE_AFTER_RETURN.format(returned=1)} END
    FROM closed WHERE c.id = closed.comparison_id
), judged AS (
    INSERT INTO labeling_judgment (uuid, project_id, comparison_id, person_id, rater, lease_id, answer, order_shown,
        seconds, guideline_id, source, origin, weight, late)
    SELECT %(uuid)s, closed.project_id, closed.comparison_id, %(person)s, '', closed.id, %(answer)s, closed."order",
        %(seconds)s, closed.guideline_id, %(source)s, '', 1.0, false
    FROM closed
    RETURNING id, project_id, comparison_id, lease_id, order_shown, guideline_id, strength, created_at
), reasoned AS (
    INSERT INTO labeling_judgmentreason (judgment_id, text)
    SELECT judged.id, %(reason)s FROM judged WHERE %(reason)s <> ''
), forgotten AS (
    DELETE FROM labeling_reasondraft d USING closed
    WHERE d.person_id = %(person)s AND d.comparison_id = closed.comparison_id
)
SELECT judged.id, judged.project_id, judged.comparison_id, judged.lease_id, judged.order_shown,
    judged.guideline_id, judged.strength, judged.created_at,
    p.archived_at IS NOT NULL, p.lease_seconds, p.duel_share, p.random_share, p.repeat_share,
    {ANY_EXPIRED.format(project="p.id")}
FROM judged JOIN labeling_project p ON p.id = judged.project_id
"""

# A judgment whose lease had ended already. It takes the place that it was meant for when that is still free;
# else it is one more than was planned, and marked so.
SUBMIT_LATE = """
WITH mine AS (
    SELECT l.id, l.project_id, l.comparison_id, l."order", l.guideline_id FROM labeling_lease l
    WHERE l.id = %(lease)s AND l.person_id = %(person)s AND l.ended_at IS NOT NULL
), counted AS (
    UPDATE labeling_comparison c SET taken = c.taken + 1,
        state = CASE WHEN c.taken + 1 >= c.needs THEN 'full' ELSE c.state END
    FROM mine WHERE c.id = mine.comparison_id AND c.state = 'open' AND c.taken + c.held < c.needs
    RETURNING c.id
), judged AS (
    INSERT INTO labeling_judgment (uuid, project_id, comparison_id, person_id, rater, lease_id, answer, order_shown,
        seconds, guideline_id, source, origin, weight, late)
    SELECT %(uuid)s, mine.project_id, mine.comparison_id, %(person)s, '', mine.id, %(answer)s, mine."order",
        %(seconds)s, mine.guideline_id, %(source)s, '', 1.0, NOT EXISTS (SELECT FROM counted)
    FROM mine
    RETURNING id, comparison_id
), reasoned AS (
    INSERT INTO labeling_judgmentreason (judgment_id, text)
    SELECT judged.id, %(reason)s FROM judged WHERE %(reason)s <> ''
), forgotten AS (
    DELETE FROM labeling_reasondraft d USING mine
    WHERE d.person_id = %(person)s AND d.comparison_id = mine.comparison_id
)
SELECT id FROM judged
"""

# A lease that ends without a judgment.
_GIVE_BACK = f"""
WITH closed AS (
    UPDATE labeling_lease l SET ended_at = now(), ending = %(ending)s
    WHERE l.id = %(lease)s AND l.ended_at IS NULL AND {{only}}
    RETURNING l.id, l.comparison_id, l.project_id
), returned AS (
    UPDATE labeling_comparison c SET held = c.held - 1, state = {STATE_AFTER_RETURN.format(returned=1)}
    FROM closed WHERE c.id = closed.comparison_id
)
SELECT comparison_id, project_id FROM closed
"""
GIVE_BACK = _GIVE_BACK.format(only="l.person_id = %(person)s")
# Run in a transaction that holds nothing else, so that nobody can wait in a circle.
GIVE_BACK_RUN_OUT = _GIVE_BACK.format(only="l.expires_at <= now()")

RENEW = f"""
UPDATE labeling_lease l SET expires_at = now() + make_interval(secs => p.lease_seconds), renewals = l.renewals + 1
FROM labeling_project p
WHERE l.id = %(lease)s AND l.person_id = %(person)s AND p.id = l.project_id
  AND l.ended_at IS NULL AND l.expires_at > now() AND l.renewals < %(most)s
RETURNING {LEASE_RETURNED}
"""


def take(arm: str, *, wait: bool) -> str:
    """The statement that takes the arm's next comparison; `wait` is for rows that only seem to be taken."""
    repeat = arm == "repeat"
    available = AVAILABLE.format(only=ONLY_MINE if repeat else "", locked="" if wait else "SKIP LOCKED")
    order = SWAPPED_ORDER if repeat else RANDOM_ORDER
    return TAKE.format(available=available, order=order, returned=LEASE_RETURNED)


def row(statement: str, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """The first row that a statement returns."""
    with prepared_cursor() as cursor:
        cursor.execute(statement, values)
        found: tuple[Any, ...] | None = cursor.fetchone()
    return found


def run(statement: str, values: Mapping[str, Any]) -> int:
    """Run a statement that returns nothing. Returns how many rows it changed."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)
