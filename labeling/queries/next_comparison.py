"""What the judging page shows: the leased comparison, in two statements, or why there is none."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.db import connection

from alignment_site.prepared import prepared_cursor
from labeling.models import Comparison, Lease, Person, Project

Messages = list[dict[str, str]]
COUNTED_UP_TO = 5_000  # a person's own judgments are counted for each page; beyond this it says "5,000+"
WAITING_SECONDS = 5  # how long the number of waiting comparisons may be old


@dataclass(frozen=True)
class ShownResponse:
    """A response as it stands on the page. Nothing on it tells which model wrote it."""

    side: str  # A, B, …, from left to right
    position: int  # the stored place; never sent to the browser
    messages: Messages

    @property
    def text(self) -> str:
        """Its last turn, which is all there is of a usual response."""
        return self.messages[-1]["content"] if self.messages else ""


@dataclass(frozen=True)
class Progress:
    """The numbers in the quiet corner."""

    mine: int  # judgments of this person in the project, amendments not counted; at most COUNTED_UP_TO
    waiting: int  # comparisons that still need judgments, some seconds old

    @property
    def mine_is_more(self) -> bool:
        return self.mine >= COUNTED_UP_TO


@dataclass(frozen=True)
class JudgingPage:
    """One leased comparison, ready to be drawn."""

    lease_id: UUID
    comparison_id: int
    project_id: int
    question: str
    kind: str
    prompt: Messages
    responses: tuple[ShownResponse, ...]
    guideline: str
    guideline_number: int
    draft: str
    taken_at: datetime
    expires_at: datetime
    renewals_left: int
    superseded: bool  # a newer model is ready: finish this one or press N
    progress: Progress


PAGE = """
SELECT p.question, c.kind, c.superseded_at IS NOT NULL, m.messages,
    (SELECT jsonb_agg(jsonb_build_array(e.position, r.messages) ORDER BY e.position)
     FROM labeling_comparisonresponse e JOIN labeling_response r ON r.id = e.response_id
     WHERE e.comparison_id = c.id),
    coalesce(g.text, ''), coalesce(g.number, 0),
    (SELECT d.text FROM labeling_reasondraft d WHERE d.comparison_id = c.id AND d.person_id = %(person)s),
    (SELECT count(*) FROM (SELECT FROM labeling_judgment j
        WHERE j.project_id = %(project)s AND j.person_id = %(person)s AND j.amends_id IS NULL
        LIMIT %(most)s) mine)
FROM labeling_comparison c
JOIN labeling_project p ON p.id = c.project_id
JOIN labeling_prompt m ON m.id = c.prompt_id
LEFT JOIN labeling_guidelineversion g ON g.id = %(guideline)s
WHERE c.id = %(comparison)s
"""


def judging_page(lease: Lease) -> JudgingPage:
    """Everything that the page of this lease shows."""
    values = {
        "comparison": lease.comparison_id,
        "project": lease.project_id,
        "person": lease.person_id,
        "guideline": lease.guideline_id,
        "most": COUNTED_UP_TO,
    }
    with prepared_cursor() as cursor:
        cursor.execute(PAGE, values)
        row: tuple[Any, ...] | None = cursor.fetchone()
    if row is None:
        raise Comparison.DoesNotExist(lease.comparison_id)
    question, kind, superseded, prompt, responses, guideline, number, draft, mine = row
    return JudgingPage(
        lease_id=lease.id,
        comparison_id=lease.comparison_id,
        project_id=lease.project_id,
        question=question,
        kind=kind,
        prompt=_loaded(prompt),
        responses=_as_shown(_loaded(responses), lease.order),
        guideline=guideline,
        guideline_number=number,
        draft=draft or "",
        taken_at=lease.taken_at,
        expires_at=lease.expires_at,
        renewals_left=Lease.MAX_RENEWALS - lease.renewals,
        superseded=superseded,
        progress=Progress(mine=mine, waiting=waiting(lease.project_id)),
    )


def _loaded(json_text: str | None) -> Any:
    """A jsonb column of a raw cursor, which Django leaves as text."""
    return [] if json_text is None else json.loads(json_text)


def _as_shown(stored: Sequence[tuple[int, Messages]], order: Sequence[int]) -> tuple[ShownResponse, ...]:
    by_position = dict(stored)
    return tuple(
        ShownResponse(side=chr(ord("A") + place), position=position, messages=by_position[position])
        for place, position in enumerate(order)
    )


WAITING = """
SELECT count(*) FROM labeling_comparison c
WHERE c.project_id = %s AND c.state = 'open' AND c.taken < c.needs AND c.superseded_at IS NULL
"""


def waiting(project_id: int) -> int:
    """How many comparisons still need judgments; counted at most every few seconds in each process."""
    key = f"waiting-{project_id}"
    known: int | None = cache.get(key)
    if known is None:
        with connection.cursor() as cursor:
            cursor.execute(WAITING, [project_id])
            known = int(cursor.fetchone()[0])
        cache.set(key, known, WAITING_SECONDS)
    return known


@dataclass(frozen=True)
class EmptyQueue:
    """Why a person gets nothing to judge now, and what is expected when."""

    why: str
    expected: str
    reason: str  # archived, none_yet, with_others, yours_are_done, paused, all_done
    back_at: datetime | None = None  # when the first comparison that others hold returns, at the latest


# Only open comparisons are counted, by the queue's own index: an idle page asks this again and again.
EMPTY = """
SELECT EXISTS (SELECT FROM labeling_comparison c WHERE c.project_id = %(project)s AND c.kind = 'pair'),
    count(*), count(*) FILTER (WHERE passed),
    (SELECT min(l.expires_at) FROM labeling_lease l WHERE l.project_id = %(project)s AND l.ended_at IS NULL),
    EXISTS (SELECT FROM labeling_prompt m WHERE m.project_id = %(project)s AND m.active)
FROM (
    SELECT EXISTS (SELECT FROM labeling_judgment j
            WHERE j.comparison_id = c.id AND j.person_id = %(person)s AND j.amends_id IS NULL)
        OR EXISTS (SELECT FROM labeling_report r
            WHERE r.comparison_id = c.id AND r.person_id = %(person)s) AS passed
    FROM labeling_comparison c
    WHERE c.project_id = %(project)s AND c.state = 'open' AND c.taken < c.needs AND c.superseded_at IS NULL
) waiting
"""


def why_empty(*, project: Project, person: Person) -> EmptyQueue:
    """Why `lease_next` has nothing for this person."""
    if project.archived_at:
        return EmptyQueue("This project is archived.", "An owner can bring it back.", "archived")
    with connection.cursor() as cursor:
        cursor.execute(EMPTY, {"project": project.pk, "person": person.pk})
        any_pair, waits, judged, back_at, has_prompts = cursor.fetchone()
    if waits > judged:
        why = f"Others are judging what is left ({waits - judged:,})."
        return EmptyQueue(why, "What they do not finish comes back here.", "with_others", back_at)
    if waits:
        why = f"You have judged all that waits; {waits:,} still need other people."
        return EmptyQueue(why, "New comparisons appear here by themselves.", "yours_are_done")
    if project.paused:
        why = f"The loop is paused. {project.paused_reason}".strip()
        return EmptyQueue(why, "New comparisons come when an owner lets it go on.", "paused")
    if not any_pair:
        soon = "The policy is answering the prompts; the first comparisons appear here by themselves."
        return EmptyQueue(
            "There are no comparisons yet.",
            soon if has_prompts else "An owner adds prompts or imports data first.",
            "none_yet",
        )
    return EmptyQueue(
        "Every comparison has its judgments.",
        "The policy is learning from them; its new answers appear here by themselves.",
        "all_done",
    )
