"""Prompts, responses and comparisons into the queue, their order in it, and out of it unjudged.

Every writer of comparisons comes through here: people's pages, imports and the trainer. Re-ordering and withdrawing
are written in `ordering.py`.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction

from labeling.actions.bulk import copy_rows, reserve_ids
from labeling.actions.errors import Refusal
from labeling.actions.ordering import (
    SCORED_ARMS,
    Retired,
    mark_superseded,
    reorder_queue,
    withdraw_comparisons,
)
from labeling.actions.splitting import Roots
from labeling.actions.telling import tell_project
from labeling.formats.parsing import canonical
from labeling.measures.splits import root_text
from labeling.models import (
    Arm,
    Comparison,
    ComparisonResponse,
    Person,
    Project,
    ProjectChange,
    Prompt,
    Response,
    Split,
    State,
)

Messages = Sequence[Mapping[str, str]]

__all__ = [
    "NewComparison",
    "NewResponse",
    "PlacedPrompt",
    "Retired",
    "add_comparison",
    "add_comparisons",
    "add_prompt",
    "add_prompts",
    "add_response",
    "add_responses",
    "canonical_json",
    "mark_superseded",
    "reorder_queue",
    "set_prompt_active",
    "withdraw_comparisons",
]


@dataclass(frozen=True)
class PlacedPrompt:
    """A prompt's row: its side of the held-out line, and whether it is new."""

    id: int
    split: Split
    new: bool


@dataclass(frozen=True)
class NewResponse:
    """A response to add. One of a policy version knows everything about how it was sampled."""

    prompt_id: int
    messages: Messages
    policy_version_id: int | None = None
    sampler: Mapping[str, Any] | None = None
    seed: int | None = None
    token_ids: Sequence[int] | None = None
    token_logprobs: Sequence[float] | None = None
    stopped: bool | None = None
    origin: str = ""


@dataclass(frozen=True)
class NewComparison:
    """A comparison to add: a prompt, k ≥ 2 responses in stored order, its arm and why it was chosen."""

    prompt_id: int
    response_ids: Sequence[int]
    arm: Arm
    method: str = ""
    score: float | None = None
    rank: int | None = None
    model_version: str = ""
    needs: int | None = None  # None: the project's overlap
    kind: str = "pair"
    repeats_id: int | None = None
    origin: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


def canonical_json(messages: Messages) -> str:
    """The one way in which messages are written. Raises Refusal for what cannot be stored or learned from."""
    for turn in messages:
        if set(turn) != {"role", "content"} or not all(isinstance(value, str) for value in turn.values()):
            raise Refusal('A message has exactly the keys "role" and "content", and both are texts.')
        if any("\0" in value for value in turn.values()):
            raise Refusal("A message contains the character NUL, which the database cannot store.")
    try:
        return canonical([dict(turn) for turn in messages]).decode()
    except UnicodeEncodeError:
        raise Refusal("A message contains half of a surrogate pair, which is no text.") from None


def _stored_json(value: Mapping[str, Any] | None) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)


def add_prompt(*, project: Project, messages: Messages, tags: Sequence[str] = (), origin: str = "") -> Prompt:
    """Add one prompt, or find the one that says the same."""
    placed = add_prompts(project=project, conversations=[messages], tags=tags, origin=origin)
    return Prompt.objects.get(pk=placed[0].id)


@transaction.atomic
def add_prompts(
    *,
    project: Project,
    conversations: Sequence[Messages],
    tags: Sequence[str] = (),
    origin: str = "",
    roots: Roots | None = None,
) -> list[PlacedPrompt]:
    """Add prompts with their roots and splits; one whose messages are known already is found, not added.

    `roots` spares one who adds many parts in one transaction reading the known roots for each of them.
    """
    if not all(conversations):
        raise Refusal("A prompt needs at least one message.")
    by_digest: dict[str, tuple[str, Messages]] = {}
    digests = []
    for messages in conversations:
        written = canonical_json(messages)
        digests.append(hashlib.sha256(written.encode()).hexdigest())
        by_digest.setdefault(digests[-1], (written, messages))
    placed = _known_prompts(project, list(by_digest))
    fresh = [digest for digest in by_digest if digest not in placed]
    owners = (roots or Roots(project)).place([root_text(by_digest[digest][1]) for digest in fresh])
    ids = reserve_ids(Prompt, len(fresh))
    copy_rows(
        Prompt,
        ("id", "project", "root", "messages", "digest", "tags", "split", "origin", "active"),
        (
            (pk, project.pk, root.id, by_digest[digest][0], digest, list(tags), root.split.value, origin, True)
            for pk, digest, root in zip(ids, fresh, owners, strict=True)
        ),
    )
    placed |= {
        digest: PlacedPrompt(pk, root.split, new=True) for pk, digest, root in zip(ids, fresh, owners, strict=True)
    }
    if fresh:
        tell_project(project.pk)
    return [placed[digest] for digest in digests]


def _known_prompts(project: Project, digests: list[str]) -> dict[str, PlacedPrompt]:
    rows = Prompt.objects.filter(project=project, digest__in=digests).values_list("digest", "id", "split")
    return {digest: PlacedPrompt(pk, Split(split), new=False) for digest, pk, split in rows}


@transaction.atomic
def set_prompt_active(*, prompt: Prompt, active: bool, by: Person) -> None:
    """Let the loop sample responses to a prompt, or not. What was judged stays."""
    if Prompt.objects.filter(pk=prompt.pk).exclude(active=active).update(active=active):
        ProjectChange.objects.create(
            project_id=prompt.project_id, field=f"prompt:{prompt.pk}", old=not active, new=active, by=by
        )
        tell_project(prompt.project_id)


def add_response(*, response: NewResponse) -> Response:
    """Add one response."""
    return Response.objects.get(pk=add_responses(responses=[response])[0])


@transaction.atomic
def add_responses(*, responses: Sequence[NewResponse]) -> list[int]:
    """Add responses. Returns their ids, in order."""
    ids = reserve_ids(Response, len(responses))
    fields = ("id", "prompt", "messages", "policy_version", "sampler", "seed", "token_ids", "token_logprobs")
    copy_rows(
        Response,
        (*fields, "stopped", "origin"),
        (
            (
                *(pk, new.prompt_id, canonical_json(new.messages), new.policy_version_id),
                *(_stored_json(new.sampler), new.seed, _list(new.token_ids), _list(new.token_logprobs)),
                *(new.stopped, new.origin),
            )
            for pk, new in zip(ids, responses, strict=True)
        ),
    )
    return ids


def _list(values: Sequence[Any] | None) -> list[Any] | None:
    return None if values is None else list(values)


def add_comparison(
    *,
    project: Project,
    prompt: Prompt,
    responses: Sequence[Response],
    arm: Arm,
    method: str = "",
    score: float | None = None,
    rank: int | None = None,
    model_version: str = "",
    needs: int | None = None,
) -> Comparison:
    """Add one comparison of responses to a prompt, in stored order."""
    new = NewComparison(
        prompt_id=prompt.pk,
        response_ids=[response.pk for response in responses],
        arm=arm,
        method=method,
        score=score,
        rank=rank,
        model_version=model_version,
        needs=needs,
    )
    return Comparison.objects.get(pk=add_comparisons(project=project, comparisons=[new])[0])


@transaction.atomic
def add_comparisons(*, project: Project, comparisons: Sequence[NewComparison]) -> list[int]:
    """Add comparisons. Returns their ids, in order.

    Raises Refusal where one has fewer than two responses, the same twice or one of another prompt, or where an
    arm that is served in creation order carries a score.
    """
    for new in comparisons:
        _check(new)
    _check_prompts(project, comparisons)
    ids = reserve_ids(Comparison, len(comparisons))
    fields = ("id", "project", "prompt", "kind", "arm", "repeats", "method", "score", "rank", "model_version")
    copy_rows(
        Comparison,
        (*fields, "needs", "taken", "held", "state", "withdrawn_reason", "origin", "extra"),
        (
            (
                *(pk, project.pk, new.prompt_id, new.kind, new.arm.value, new.repeats_id, new.method),
                *(new.score, new.rank, new.model_version, new.needs or project.overlap, 0, 0),
                *(State.OPEN.value, "", new.origin, _stored_json(new.extra)),
            )
            for pk, new in zip(ids, comparisons, strict=True)
        ),
    )
    copy_rows(
        ComparisonResponse,
        ("comparison", "response", "position"),
        (
            (pk, response_id, position)
            for pk, new in zip(ids, comparisons, strict=True)
            for position, response_id in enumerate(new.response_ids)
        ),
    )
    if comparisons:
        tell_project(project.pk)
    return ids


def _check(new: NewComparison) -> None:
    if len(new.response_ids) < 2 or len(set(new.response_ids)) != len(new.response_ids):
        raise Refusal("A comparison has at least two responses, and none of them twice.")
    if new.score is not None and new.arm not in SCORED_ARMS:
        raise Refusal(f"A {new.arm} comparison is served in creation order and carries no score.")
    if (new.arm == Arm.REPEAT) != (new.repeats_id is not None):
        raise Refusal("A repeat, and nothing else, names the comparison that it repeats.")


STRANGERS = """
SELECT asked.response FROM unnest(%s::bigint[], %s::bigint[]) AS asked(prompt, response)
LEFT JOIN labeling_prompt p ON p.id = asked.prompt AND p.project_id = %s
LEFT JOIN labeling_response r ON r.id = asked.response AND r.prompt_id = p.id
WHERE r.id IS NULL LIMIT 1
"""


def _check_prompts(project: Project, comparisons: Sequence[NewComparison]) -> None:
    prompts = [new.prompt_id for new in comparisons for _ in new.response_ids]
    responses = [response_id for new in comparisons for response_id in new.response_ids]
    with connection.cursor() as cursor:
        cursor.execute(STRANGERS, [prompts, responses, project.pk])
        stranger = cursor.fetchone()
    if stranger is not None:
        raise Refusal(f"Response {stranger[0]} does not answer that prompt, or the prompt is another project's.")
