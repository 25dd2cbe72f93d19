"""The reward that a DPO-trained policy is: β·log π(y|x)/π_ref(y|x).

Rafailov et al., "Direct Preference Optimization: Your Language Model is Secretly a Reward Model" (2023,
arXiv:2305.18290).
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...logprobs import LogprobCache, response_logprobs
from ...models import NoModel, Policy, load_policy, model_digest, save_policy
from ...objectives.training import Material, preference_training
from ...recipes import PolicyRecipe
from ..fast.states import Pair
from ..interface import Scored
from ..lesson import Lesson

Array = NDArray[np.float64]


class ImplicitReward(Scored):
    """A policy and its reference. Saved, the directory is the policy, and ``reference`` within it the other one."""

    def __init__(self, policy: Policy, reference: Policy, beta: float, max_length: int) -> None:
        self.policy = policy
        self.reference = reference
        self.beta = beta
        self.max_length = max_length

    def score(self, pairs: Sequence[Pair]) -> Array:
        """β·(log π - log π_ref), [n]; what depends on the prompt alone cancels in differences (equation 5)."""
        return self.beta * (self._logprobs(self.policy, pairs) - self._logprobs(self.reference, pairs))

    def _logprobs(self, policy: Policy, pairs: Sequence[Pair]) -> Array:
        groups = [policy.text.group(prompt, [response], max_length=self.max_length) for prompt, response in pairs]
        return np.array([float(values[0].double().sum()) for values in response_logprobs(policy, groups)])

    def save(self, directory: Path, card: str) -> None:
        """Write both policies, whole or not at all."""
        part = directory.with_name(directory.name + ".whole")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        save_policy(self.policy, part / "policy", card)
        save_policy(self.reference, part / "policy" / "reference", "# The reference of the reward model above it\n")
        about = {"method": "implicit", "beta": self.beta, "max_length": self.max_length}
        (part / "policy" / "reward.json").write_text(json.dumps(about), encoding="utf-8")
        shutil.rmtree(directory, ignore_errors=True)
        (part / "policy").rename(directory)
        part.rmdir()

    @classmethod
    def load(cls, directory: Path, device: str = "cpu") -> "ImplicitReward":
        """Read what ``save`` wrote. Raises NoModel in words."""
        try:
            about = json.loads((directory / "reward.json").read_text(encoding="utf-8"))
            beta, max_length = float(about["beta"]), int(about["max_length"])
        except (OSError, ValueError, KeyError) as error:
            raise NoModel(
                f"{directory.name} holds no reward model that Heed saved: train it again ({error})"
            ) from error
        policy, reference = (load_policy(str(place), device=device) for place in (directory, directory / "reference"))
        return cls(policy, reference, beta, max_length)


def train_implicit(lesson: Lesson) -> ImplicitReward:
    """One member: DPO on the judgments, from the base policy and against it, both read in the run's own precision."""
    recipe, policy = lesson.recipe, lesson.policy
    reference = load_policy(policy.ref, device=str(policy.device))
    compute = lesson.compute
    dtype = compute.dtype if compute else "float32"
    model = ImplicitReward(policy, reference, recipe.beta, recipe.max_length)
    given = Material(
        policy=policy,
        rows=lesson.train,
        recipe=PolicyRecipe(beta=recipe.beta, max_length=recipe.max_length, optim=lesson.settings),
        settings=lesson.settings,
        reference=reference,
        cache=LogprobCache(
            lesson.place / "reference", model_digest(reference.directory), dtype=dtype, device=policy.device.type
        ),
        compute=compute,
    )
    training = preference_training(given)
    lesson.fit(policy.model, training.steps, training.loss, lesson.judging(model))
    return model
