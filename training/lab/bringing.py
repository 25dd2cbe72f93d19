"""What simulated people tell of a lab project's answers beside their verdicts: written to a file, and imported from it.

The origin of the labels says that they are simulated.
"""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from labeling.actions.importing import plan_import, run_import
from labeling.models import Person, Project
from training.lab.reward_data import EACH, MAKERS, Answered, People
from training.lab.simulated import answers
from training.lab.tastes import TASTES, Taste
from training.learning.models import Policy
from training.learning.recipes import SamplerSettings
from training.learning.rewards.needs import Need
from training.learning.rows import PreferenceRow
from training.snapshot import training_prompts

ORIGIN = "model:simulation"
ANSWERS = {0.5: 0, 1.0: 1, 0.0: 2}  # as rows with annotators say which response is better


def answered_by(
    policy: Policy, *, project: Project, settings: SamplerSettings, prompts: int, seed: int
) -> list[Answered]:
    """The policy's answers to as many of the project's training prompts."""
    asked = [str(one.messages[-1]["content"]) for one in training_prompts(project).order_by("pk")[:prompts]]
    drawn = answers(policy, asked, settings, each=EACH, seed=seed)
    return [Answered(prompt, tuple(one.text for one in mine)) for prompt, mine in zip(asked, drawn, strict=True)]


def bring(
    *, project: Project, by: Person, answered: Sequence[Answered], people: People, need: Need, labels: int
) -> int:
    """Import ``labels`` simulated labels of one kind about some answers; returns how many rows came in."""
    rows = [line(row, f"{need}-{number}") for number, row in enumerate(MAKERS[need](people, answered, labels))]
    with TemporaryDirectory(prefix="heed-brought-") as place:
        path = Path(place) / f"{need}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return run_import(job=plan_import(project=project, by=by, path=path, name=path.name, origin=ORIGIN)).added


def people_of(taste: Taste, noise: float, seed: int) -> People:
    """Who labels by a taste; a second criterion is another built-in one."""
    other = next(name for name, known in TASTES.items() if known is not taste)
    name = next((name for name, known in TASTES.items() if known is taste), "the taste")
    chance = random.Random(f"brought {seed}")  # noqa: S311 - reproducible, not secret
    return People(taste, TASTES[other], (name, other), noise, chance)


def line(row: PreferenceRow, own_id: str) -> dict[str, Any]:
    """A row as a line of a file that anybody could import."""
    prompt, first, second = (_said(messages) for messages in (row.prompt, *row.responses))
    if row.kind == "demonstration":
        return {"id": own_id, "prompt": prompt, "completion": first}
    beside = {"criterion": row.criterion, "ratings": row.ratings, "steps": row.steps}
    return {
        "id": own_id,
        "instruction": prompt,
        "response1": first,
        "response2": second,
        "annotator1": ANSWERS[row.p],
        **{name: told for name, told in beside.items() if told},
    }


def _said(messages: Sequence[Any]) -> str:
    return str(messages[-1]["content"])
