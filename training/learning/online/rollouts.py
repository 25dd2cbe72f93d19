"""Fresh responses of a policy to training prompts, kept in a file so that a resumed run does not sample again."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ..job import write_text
from ..models import Policy
from ..recipes import SamplerSettings
from ..rows import Message
from ..sampling import sample
from ..sampling.uniforms import leaf_seeds


@dataclass(frozen=True)
class Rollout:
    """One sampled response: which prompt it answers, its tokens and their log-probabilities summed (nats)."""

    prompt: int
    text: str
    token_ids: tuple[int, ...]
    logprob: float
    stopped: bool


def seed_of(*what: object) -> int:
    """A 63-bit seed that depends on everything it is given, the same on every machine."""
    return int.from_bytes(hashlib.sha256(json.dumps(what).encode()).digest()[:8], "big") >> 1


def rollouts(
    policy: Policy,
    prompts: Sequence[Sequence[Message]],
    settings: SamplerSettings,
    *,
    each: int,
    seed: int,
    path: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Rollout]:
    """``each`` responses per prompt, prompt by prompt; read from ``path`` where an earlier attempt wrote them.

    Where the sampler grows trees, a prompt's responses are leaves of one tree.
    """
    if path.is_file():
        return _read(path)
    asked = [index for index in range(len(prompts)) for _ in range(each)]
    seeds = [one for index in range(len(prompts)) for one in _seeds(settings, seed, index, each)]
    drawn = sample(policy, [prompts[index] for index in asked], settings, seeds, progress=progress)
    found = [
        Rollout(index, one.text, tuple(one.token_ids), float(sum(one.token_logprobs)), one.stopped)
        for index, one in zip(asked, drawn, strict=True)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, "".join(json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in found))
    return found


def _seeds(settings: SamplerSettings, seed: int, index: int, each: int) -> list[int]:
    """Of the responses to one prompt."""
    if settings.branching == 0:
        return [seed_of(seed, index, number) for number in range(each)]
    return leaf_seeds(settings, seed_of(seed, index) // settings.branching**settings.depth, each)


def _read(path: Path) -> list[Rollout]:
    with path.open(encoding="utf-8") as lines:
        data = [json.loads(line) for line in lines]
    return [Rollout(**{**one, "token_ids": tuple(one["token_ids"])}) for one in data]
