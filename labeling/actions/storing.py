"""Putting parsed rows into the tables, many at a time, with COPY."""

import hashlib
import json
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from labeling.actions import storing_sql as sql
from labeling.actions.bulk import copy_rows, reserve_ids
from labeling.actions.splitting import Roots
from labeling.formats.parsing import Parsed, canonical
from labeling.formats.rows import ReadResponse
from labeling.measures.splits import root_text
from labeling.models import (
    Arm,
    Comparison,
    ComparisonResponse,
    Judgment,
    JudgmentReason,
    Project,
    Prompt,
    Response,
    Source,
    State,
)

PROMPT = (
    *("id", "project", "root", "split"),
    *("digest", "messages", "tags", "difficulty", "origin", "source_key", "extra", "active"),
)
RESPONSE = ("id", "prompt", "messages", "sampler", "seed", "token_ids", "token_logprobs", "stopped", "origin")
COMPARISON = (
    *("id", "project", "prompt", "needs", "taken", "source_key", "origin", "extra"),
    *("kind", "criterion", "details"),
    *("arm", "method", "model_version", "held", "state", "withdrawn_reason"),
)
IMPORTED = (Arm.IMPORTED.value, "", "", 0, State.FULL.value, "")  # the last of these columns
JUDGMENT = (
    *("id", "uuid", "project", "comparison", "rater", "answer", "order_shown"),
    *("seconds", "origin", "weight", "late", "amends", "source"),
)
HEX = 48  # characters of a hash in a source key: 192 bits


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a line. An `error` keeps the row out; a `warning` does not."""

    line: int
    reason: str
    level: str

    def as_json(self) -> dict[str, Any]:
        """The entry of an import's report."""
        return {"line": self.line, "reason": self.reason[:500], "level": self.level}


@dataclass(slots=True)
class Stored:
    """What became of some rows."""

    added: int = 0
    known: int = 0
    problems: list[Problem] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)  # of what was added: prompt, or a row's kind


@dataclass(slots=True)
class _Item:
    """A row on its way in."""

    line: int
    parsed: Parsed
    key: str = ""
    prompt: int = 0
    comparison: int = 0

    @property
    def alone(self) -> bool:
        """Whether it is a prompt by itself."""
        return not self.parsed.row.responses


class RowStore:
    """Stores the rows of one file inside the caller's transaction. Memory does not grow with the file: what was seen
    before lies in a temporary table that ends with the transaction."""

    def __init__(self, project: Project, *, origin: str, sample: bool) -> None:
        self.project = project
        self.origin = origin
        self.sample = sample
        self.roots = Roots(project)
        self.roots.place([])  # from here on nobody else adds roots or prompts, until this transaction ends
        with connection.cursor() as cursor:
            cursor.execute(sql.BEGIN)

    def put(self, rows: Iterable[tuple[int, Parsed]]) -> Stored:
        """Store the new ones among some rows of the file, in its order."""
        stored = Stored()
        items = self._identify([_Item(line, parsed) for line, parsed in rows], stored)
        items = self._new_ones(items, stored)
        if items:
            self._put_prompts(items, stored)
            answered = [item for item in items if not item.alone]
            self._put_comparisons(answered)
            stored.added += len(answered)
            stored.kinds.update(item.parsed.row.kind for item in answered)
        return stored

    def _identify(self, items: list[_Item], stored: Stored) -> list[_Item]:
        """Give each row its identity: origin and own id, else its hash; equal rows of a file are counted."""
        for item in items:
            parsed = item.parsed
            if parsed.own_id is None:
                item.key = "row:" + parsed.content[:HEX]
            else:
                item.key = "id:" + hashlib.sha256(f"{self.origin}\0{parsed.own_id}".encode()).hexdigest()[:HEX]
        counts = Counter(item.key for item in items)
        contents = {item.key: item.parsed.content for item in reversed(items)}
        with connection.cursor() as cursor:
            cursor.execute(sql.SEE, [list(counts), [contents[key] for key in counts], list(counts.values())])
            seen = {key: (content, number) for key, content, number in cursor.fetchall()}
        kept, ordinals = [], {key: number - counts[key] for key, (_, number) in seen.items()}
        for item in items:
            if item.parsed.content != seen[item.key][0]:
                stored.problems.append(Problem(item.line, _same_id(item.parsed.own_id), "error"))
                continue
            ordinals[item.key] += 1
            item.key = f"{item.key}:{ordinals[item.key]}"
            kept.append(item)
        return kept

    def _new_ones(self, items: list[_Item], stored: Stored) -> list[_Item]:
        """Leave out what an earlier import brought; say so where that had other content under the same id."""
        with connection.cursor() as cursor:
            keys = [item.key for item in items]
            cursor.execute(sql.KNOWN, {"project": self.project.pk, "keys": keys})
            known = dict(cursor.fetchall())
        for item in items:
            if item.key in known and known[item.key] not in (None, item.parsed.content[:HEX]):
                stored.problems.append(Problem(item.line, _changed(item.parsed.own_id), "warning"))
        stored.known += sum(1 for item in items if item.key in known)
        return [item for item in items if item.key not in known]

    def _put_prompts(self, items: list[_Item], stored: Stored) -> None:
        """Make the prompts that are not here yet, and give every item its prompt's id."""
        digests = [hashlib.sha256(canonical(item.parsed.row.prompt)).hexdigest() for item in items]
        first: dict[str, _Item] = {}
        for item, digest in zip(items, digests, strict=True):
            if digest not in first or (item.alone and not first[digest].alone):
                first[digest] = item
        with connection.cursor() as cursor:
            cursor.execute(sql.PROMPTS, [self.project.pk, list(first)])
            here: dict[str, int] = dict(cursor.fetchall())
            old = {digest: item for digest, item in first.items() if digest in here}
            self._adopt_prompts(cursor, old)
        new = {digest: item for digest, item in first.items() if digest not in here}
        ids = here | self._make_prompts(new)
        for item, digest in zip(items, digests, strict=True):
            item.prompt = ids[digest]
        added = sum(item.alone for item in new.values())
        stored.added += added
        stored.kinds["prompt"] += added
        stored.known += sum(1 for item in items if item.alone) - added

    def _make_prompts(self, new: dict[str, _Item]) -> dict[str, int]:
        """Store new prompts with their roots' splits; nobody else adds any meanwhile, because roots are locked."""
        roots = self.roots.place([root_text(item.parsed.row.prompt) for item in new.values()])
        ids = dict(zip(new, reserve_ids(Prompt, len(new)), strict=True))
        rows = (
            (ids[digest], self.project.pk, root.id, root.split.value, *self._prompt(digest, item).values())
            for (digest, item), root in zip(new.items(), roots, strict=True)
        )
        copy_rows(Prompt, PROMPT, rows)
        return ids

    def _adopt_prompts(self, cursor: Any, here: dict[str, _Item]) -> None:
        rows = [self._prompt(digest, item) for digest, item in here.items() if item.alone or self.sample]
        if rows:
            cursor.execute(sql.ADOPT_PROMPTS, [json.dumps(rows, ensure_ascii=False), self.project.pk])

    def _prompt(self, digest: str, item: _Item) -> dict[str, Any]:
        """The columns of a prompt that the row decides, in the order of PROMPT."""
        row = item.parsed.row
        return {
            "digest": digest,
            "messages": json.dumps(row.prompt, ensure_ascii=False),
            "tags": row.tags,
            "difficulty": row.difficulty,
            "origin": self.origin,
            "source_key": item.key if item.alone else None,
            "extra": json.dumps(self._extra(item.parsed), ensure_ascii=False) if item.alone else "{}",
            "active": item.alone or self.sample,
        }

    def _extra(self, parsed: Parsed) -> dict[str, Any]:
        return parsed.extra if parsed.own_id is None else {**parsed.extra, "content": parsed.content[:HEX]}

    def _put_comparisons(self, items: list[_Item]) -> None:
        if not items:
            return
        responses, entries = _plan_responses(items)
        copy_rows(Response, RESPONSE, responses)
        for item, comparison in zip(items, reserve_ids(Comparison, len(items)), strict=True):
            item.comparison = comparison
        copy_rows(Comparison, COMPARISON, (self._comparison(item) for item in items))
        places = (
            (item.comparison, response, position)
            for item, responses_of_it in zip(items, entries, strict=True)
            for position, response in enumerate(responses_of_it)
        )
        copy_rows(ComparisonResponse, ("comparison", "response", "position"), places)
        self._put_judgments(items)

    def _comparison(self, item: _Item) -> Sequence[Any]:
        row = item.parsed.row
        people = sum(1 for judgment in row.judgments if judgment.amends is None)
        extra = json.dumps(self._extra(item.parsed), ensure_ascii=False)
        details = json.dumps(row.details, ensure_ascii=False) if row.details else "{}"
        return (
            *(item.comparison, self.project.pk, item.prompt, max(people, 1), people, item.key, self.origin, extra),
            *(row.kind, row.criterion, details),
            *IMPORTED,
        )

    def _put_judgments(self, items: list[_Item]) -> None:
        ids = reserve_ids(Judgment, sum(len(item.parsed.row.judgments) for item in items))
        rows: list[Sequence[Any]] = []
        reasons: list[Sequence[Any]] = []
        for item in items:
            first = len(rows)
            for judgment in item.parsed.row.judgments:
                number = ids[len(rows)]
                amends = None if judgment.amends is None else ids[first + judgment.amends]
                rows.append(
                    (
                        number,
                        uuid.uuid4(),
                        self.project.pk,
                        item.comparison,
                        judgment.rater,
                        judgment.answer,
                        list(judgment.order_shown),
                        judgment.seconds,
                        judgment.origin or self.origin,
                        judgment.weight,
                        judgment.late,
                        amends,
                        Source.IMPORT.value,
                    )
                )
                if judgment.reason:
                    reasons.append((number, judgment.reason))
        copy_rows(Judgment, JUDGMENT, rows)
        if reasons:
            copy_rows(JudgmentReason, ("judgment", "text"), reasons)


def _plan_responses(items: list[_Item]) -> tuple[list[Sequence[Any]], list[list[int]]]:
    """Rows for new responses, and the ids of each comparison's. A response that several comparisons of the chunk
    share is one row, so that whatever is computed for a response is computed once."""
    ids = iter(reserve_ids(Response, sum(len(item.parsed.row.responses) for item in items)))
    known: dict[tuple[int, str, str], int] = {}
    rows: list[Sequence[Any]] = []
    entries: list[list[int]] = []
    for item in items:
        places: list[int] = []
        for response in item.parsed.row.responses:
            text = json.dumps(response.messages, ensure_ascii=False)
            key = (item.prompt, text, response.origin)
            sampled = response.token_ids is not None or response.sampler is not None
            place = None if sampled else known.get(key)
            if place is None or place in places:
                place = next(ids)
                rows.append(_response_row(place, item.prompt, text, response))
                if not sampled:
                    known.setdefault(key, place)
            places.append(place)
        entries.append(places)
    return rows, entries


def _response_row(place: int, prompt: int, text: str, response: ReadResponse) -> Sequence[Any]:
    sampler = None if response.sampler is None else json.dumps(response.sampler, ensure_ascii=False)
    return (
        place,
        prompt,
        text,
        sampler,
        response.seed,
        response.token_ids,
        response.token_logprobs,
        response.stopped,
        response.origin,
    )


def _same_id(own_id: str | None) -> str:
    name, value = json.loads(own_id or "[null, null]")
    return (
        f"its {name} {value!r} stands on an earlier row of this file that says something else: "
        f"if {name} is not the row's own id, import without its ids (--ignore-ids)"
    )


def _changed(own_id: str | None) -> str:
    name, value = json.loads(own_id or "[null, null]")
    return f"a row with the {name} {value!r} from this origin is here already and says something else; that one stays"
