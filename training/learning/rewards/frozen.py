"""The states that a reward head reads, of a backbone that is not trained: computed once per response, for all runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ..cache import ResponseCache, Tally, tokens_key
from ..devices import Compute
from ..models import Policy, model_digest
from ..rows import Message, PreferenceRow
from ..shards import Origin
from ..steady import machine, steady_states
from ..text import Tokens
from .states import Pair

Array = NDArray[np.float64]
Render = Callable[[Sequence[Message], Sequence[Message]], Tokens]  # of a prompt and a response: one conversation


@dataclass(frozen=True)
class FrozenStates:
    """The last layer's state at the last token of a conversation, under a policy as it was loaded."""

    policy: Policy
    cache: ResponseCache

    def read(self, pairs: Sequence[Pair], render: Render) -> Array:
        """The states [n, hidden] of (prompt, response) pairs, each rendered by itself. Only new ones are computed."""
        rows = [render(prompt, response) for prompt, response in pairs]

        @torch.no_grad()
        def compute(wanted: Sequence[int]) -> list[torch.Tensor]:
            found = steady_states(self.policy, [rows[place] for place in wanted])
            last = {place: states[-1].float().cpu() for place, states in found}
            return [last[place] for place in range(len(wanted))]

        values = self.cache.complete([tokens_key(row) for row in rows], compute)
        return torch.stack(values).double().numpy() if values else np.zeros((0, 0))


@dataclass(frozen=True)
class Warm:
    """The reward model that a refit goes on from, and the rows that it has learned from."""

    directory: Path
    learned: Sequence[PreferenceRow]


@dataclass
class Shared:
    """What the members of a reward job share. ``directory`` holds the cache, ``compute`` is how the run computes."""

    directory: Path
    tally: Tally = field(default_factory=Tally)
    warm: Warm | None = None
    compute: Compute | None = None

    @property
    def device(self) -> str:
        """Where the members are trained."""
        return self.compute.device if self.compute else "cpu"

    def __post_init__(self) -> None:
        """No cache is open yet."""
        self._caches: dict[str, ResponseCache] = {}

    def states_of(self, policy: Policy) -> FrozenStates:
        """The frozen states of a policy's backbone; members on one backbone share one cache."""
        digest = model_digest(policy.directory)
        if digest not in self._caches:
            dtype = str(policy.model.dtype).removeprefix("torch.")
            origin = Origin("states", digest, dtype, machine(policy.device.type))
            self._caches[digest] = ResponseCache(self.directory, origin, self.tally)
        return FrozenStates(policy, self._caches[digest])
