"""Fresh responses of the policy that a reward model starts from, for methods that learn without labels."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from ...online.rollouts import rollouts, seed_of
from ...recipes import SamplerSettings
from ...rows import Message, PreferenceRow
from ..fast.states import Pair
from ..lesson import Lesson


@dataclass(frozen=True)
class Fresh:
    """One training prompt and its sampled responses, each of one message."""

    prompt: list[Message]
    responses: list[list[Message]]

    @property
    def pairs(self) -> list[Pair]:
        """Each response with its prompt."""
        return [(self.prompt, response) for response in self.responses]


def fresh_samples(lesson: Lesson) -> list[Fresh]:
    """``samples_each`` responses to each of ``sample_prompts`` training prompts, drawn once and kept in the work
    folder.

    They come from the backbone's own policy: the incumbent, which is what people see and the policy is trained from.
    """
    recipe = lesson.recipe
    prompts = prompts_of(lesson.train, recipe.sample_prompts, lesson.settings.seed)
    drawn = rollouts(
        lesson.policy,
        prompts,
        SamplerSettings(max_new_tokens=recipe.sample_tokens),
        each=recipe.samples_each,
        seed=seed_of(lesson.settings.seed, "fresh"),
        path=lesson.place / "fresh.jsonl",
    )
    found = [Fresh(prompt, []) for prompt in prompts]
    for one in drawn:
        found[one.prompt].responses.append([Message(role="assistant", content=one.text)])
    return found


def prompts_of(rows: Sequence[PreferenceRow], count: int, seed: int) -> list[list[Message]]:
    """At most ``count`` different prompts of some rows, always the same ones for the same seed."""
    known = {json.dumps(row.prompt, sort_keys=True): row.prompt for row in rows}
    order = sorted(known, key=lambda named: seed_of(seed, "prompt", named))
    return [known[named] for named in order[:count]]
