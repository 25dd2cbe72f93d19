"""A project's held-out votes in rows as PPE has them, for `--format ppe` here and for others' evaluators."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from labeling.models import Project, Prompt, Response
from training.snapshot import reported_verdicts, rows_of

WINNERS = {1.0: "model_a", 0.5: "tie", 0.0: "model_b"}


def held_out_votes(project: Project) -> Iterator[dict[str, Any]]:
    """One row a judgment that says anything: prompt, response_a, response_b, winner, model_a, model_b, domain, arm."""
    told = reported_verdicts(project)
    verdicts = [one for one in told.verdicts if one.prompt in told.held_out and one.p is not None]
    wanted = {response for verdict in verdicts for response in verdict.responses}
    writers = {
        pk: f"version {number}" if number is not None else origin or "unknown"
        for pk, number, origin in Response.objects.filter(pk__in=wanted).values_list(
            "pk", "policy_version__number", "origin"
        )
    }
    tags = dict(Prompt.objects.filter(pk__in={one.prompt for one in verdicts}).values_list("pk", "tags"))
    for verdict, row in zip(verdicts, rows_of(verdicts), strict=True):
        yield {
            "prompt": row.prompt,
            "response_a": row.responses[0],
            "response_b": row.responses[1],
            "winner": WINNERS[row.p],
            "model_a": writers[verdict.responses[0]],
            "model_b": writers[verdict.responses[1]],
            "domain": str((tags.get(verdict.prompt) or ["all"])[0]),
            "arm": verdict.arm,
            "source": verdict.source,
        }


def write_votes(path: Path, project: Project) -> int:
    """Write them as JSONL, whole or not at all, and return how many there are."""
    part = path.with_name(path.name + ".part")
    rows = list(held_out_votes(project))
    part.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    part.replace(path)
    return len(rows)
