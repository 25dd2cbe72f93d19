"""Fresh responses of a policy version, stored with everything that made them."""

import random
from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

from django.db import transaction

from labeling.actions.queueing import NewResponse, add_responses
from labeling.models import Prompt
from training.folders import located
from training.learning.devices import resolve
from training.learning.models import Policy, load_policy
from training.learning.recipes import SamplerSettings
from training.learning.sampling import Sample, sample
from training.learning.sampling.uniforms import leaf_seeds
from training.models import PolicyVersion

SEEDS = 2**31 - 1
KEEP = 3  # policies in memory: the incumbent, a candidate, the first


class Shelf:
    """The policies this process has loaded, the least recently used put back first. Sampling takes turns."""

    def __init__(self, keep: int = KEEP) -> None:
        self.keep = keep
        self.device = resolve().device
        self.loaded: OrderedDict[str, Policy] = OrderedDict()
        self.turn = Lock()

    def policy(self, version: PolicyVersion) -> Policy:
        """The loaded policy of a version. Raises NoModel in words when its files are gone."""
        with self.turn:
            return self._policy(version)

    def _policy(self, version: PolicyVersion) -> Policy:
        key = f"{version.directory}@{version.digest}"
        if key not in self.loaded:
            while len(self.loaded) >= self.keep:
                self.loaded.popitem(last=False)
            self.loaded[key] = load_policy(located(version.directory), device=self.device)
        self.loaded.move_to_end(key)
        return self.loaded[key]

    def samples(
        self, version: PolicyVersion, prompts: Sequence[Prompt], settings: SamplerSettings, seeds: Sequence[int]
    ) -> list[Sample]:
        """One sample for each prompt and seed, nothing stored."""
        with self.turn:
            return sample(self._policy(version), [list(prompt.messages) for prompt in prompts], settings, list(seeds))


def new_seeds(chance: random.Random, count: int) -> list[int]:
    """Seeds that no two samples share by more than accident."""
    return [chance.randrange(SEEDS) for _ in range(count)]


def kin_seeds(settings: SamplerSettings, chance: random.Random, count: int) -> list[int]:
    """Seeds for several responses to one prompt: of one tree's leaves where the sampler grows trees."""
    if settings.branching == 0:
        return new_seeds(chance, count)
    return leaf_seeds(settings, chance.randrange(SEEDS // settings.branching**settings.depth - count), count)


def storable(text: str) -> str:
    """A sampled text as the database can hold it; its token ids say what was really sampled."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def answer(
    *,
    shelf: Shelf,
    version: PolicyVersion,
    prompts: Sequence[Prompt],
    settings: SamplerSettings,
    seeds: Sequence[int],
) -> list[int]:
    """Sample one response to each prompt and store it. Returns the responses' ids, in order.

    The sampling itself runs outside of any transaction: an open one would hold back every reader's watermark.
    """
    drawn = shelf.samples(version, prompts, settings, seeds)
    with transaction.atomic():
        return add_responses(
            responses=[
                NewResponse(
                    prompt_id=prompt.pk,
                    messages=[{"role": "assistant", "content": storable(made.text)}],
                    policy_version_id=version.pk,
                    sampler=settings.to_json(),
                    seed=seed,
                    token_ids=[int(token) for token in made.token_ids],
                    token_logprobs=[float(logprob) for logprob in made.token_logprobs],
                    stopped=bool(made.stopped),
                )
                for prompt, seed, made in zip(prompts, seeds, drawn, strict=True)
            ]
        )
