"""Answers to tryouts: of the first policy, of the current one, and steered: best of 8 by the posterior.

Best of n: Stiennon et al., "Learning to summarize from human feedback" (2020), with the fast posterior as the judge.
"""

from dataclasses import dataclass

import numpy as np

from labeling.models import Project
from training.answering import SEEDS, Shelf, storable
from training.dials import sampler
from training.learning.rewards.fast.features import FeatureModel
from training.learning.rewards.fast.posterior import FastPosterior
from training.learning.rows import Message
from training.learning.sampling import sample
from training.models import PolicyVersion, Posterior, TryOut
from training.posterior.features import feature_folder, feature_policy
from training.tryouts import WAITING, enter, give_up

BEST_OF = 8


@dataclass
class Steerer:
    """What answering needs, kept between tryouts: the feature model, and the policies on the shelf."""

    shelf: Shelf
    model: FeatureModel | None = None

    def answer_waiting(self, project: Project) -> int:
        """Answer the project's waiting tryouts. Returns how many."""
        waiting = list(project.tryouts.filter(state=WAITING).order_by("pk"))
        for tryout in waiting:
            try:
                enter(tryout=tryout, answers=self._answers(project, tryout))
            except (ValueError, RuntimeError) as error:
                give_up(tryout=tryout, error=str(error))
        return len(waiting)

    def _answers(self, project: Project, tryout: TryOut) -> dict[str, object]:
        first = project.policies.order_by("number").first()
        current = project.policies.filter(current=True).first()
        if first is None or current is None:
            raise ValueError("The project has no policy yet.")
        prompt = [Message(role="user", content=tryout.text)]
        drawn = self._samples(project, current, prompt, tryout.seed, BEST_OF)
        answers: dict[str, object] = {
            "first": _told(first, self._samples(project, first, prompt, tryout.seed, 1)[0]),
            "current": _told(current, drawn[0]),
        }
        best = self._best(project, prompt, drawn)
        if best is not None:
            answers["steered"] = {**_told(current, drawn[best]), "best_of": BEST_OF}
        return answers

    def _samples(
        self, project: Project, version: PolicyVersion, prompt: list[Message], seed: int, count: int
    ) -> list[str]:
        """`count` answers; the first has the seed that was asked for, whatever the count."""
        policy = self.shelf.policy(version)
        seeds = [(seed + number) % SEEDS for number in range(count)]
        with self.shelf.turn:
            return [storable(made.text) for made in sample(policy, [prompt] * count, sampler(project), seeds)]

    def _best(self, project: Project, prompt: list[Message], texts: list[str]) -> int | None:
        """Which answer the posterior likes best; None while it has learned nothing."""
        row = Posterior.objects.filter(project=project).first()
        if row is None or not row.judgments:
            return None
        if self.model is None or self.model.digest != row.model_digest:
            policy = self.shelf.policy(feature_policy(project))
            self.model = FeatureModel.load(feature_folder(project, row.model_digest), policy)
        sides = [(prompt, [Message(role="assistant", content=text)]) for text in texts]
        utilities = FastPosterior.from_bytes(bytes(row.state)).utilities(self.model.features(sides))
        return int(np.argmax(utilities))


def _told(version: PolicyVersion, text: str) -> dict[str, object]:
    return {"text": text, "policy": version.number}
