"""Revising: the policy reads a draft as its own earlier answer and writes a better one, as often as asked."""

from collections.abc import Sequence

from ..models import Policy
from ..recipes import SamplerSettings
from ..rows import Message
from .decode import Sample, sample

ASK = "Write a better answer."


def revision_prompt(prompt: Sequence[Message], draft: Sequence[Message]) -> list[Message]:
    """The conversation that asks for a revision of a draft: the draft as a turn, then the request as a message."""
    turn = list(draft) or [Message(role="assistant", content="")]
    return [*prompt, *turn, Message(role="user", content=ASK)]


def revise(
    policy: Policy,
    prompts: Sequence[Sequence[Message]],
    drafts: Sequence[str],
    times: int,
    settings: SamplerSettings,
    seeds: Sequence[int],
) -> list[list[Sample]]:
    """For each prompt and draft its ``times`` revisions in turn, each of the one before: y ← π†(·|y, x).

    Choi et al. 2024, "Self-Improving Robust Preference Optimization", arXiv:2406.01660, section 4: a policy trained
    with ``srpo`` improves for about five. ``seeds`` holds one number per prompt; revision n draws with seed + n.
    Raises ValueError when prompts, drafts and seeds differ in number.
    """
    if not len(prompts) == len(drafts) == len(seeds):
        raise ValueError(f"{len(prompts)} prompts, {len(drafts)} drafts and {len(seeds)} seeds: give one of each")
    found: list[list[Sample]] = [[] for _ in prompts]
    now = list(drafts)
    for number in range(times):
        asked = [
            revision_prompt(prompt, [Message(role="assistant", content=draft)])
            for prompt, draft in zip(prompts, now, strict=True)
        ]
        for mine, one in zip(found, sample(policy, asked, settings, [seed + number for seed in seeds]), strict=True):
            mine.append(one)
        now = [mine[-1].text for mine in found]
    return found
