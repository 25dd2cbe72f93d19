"""The states that a reward head reads, of a backbone that is not trained: computed once per response, for all runs."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import transformers
from numpy.typing import NDArray

from ..cache import ResponseCache, Tally, text_key, tokens_key
from ..devices import Compute
from ..models import Policy, model_digest
from ..rows import Message, PreferenceRow
from ..shards import Origin
from ..steady import machine, steady_states
from ..text import RENDERING, Tokens
from .fast.states import Pair

Array = NDArray[np.float64]
Render = Callable[[Sequence[Message], Sequence[Message]], Tokens]  # of a prompt and a response: one conversation


@dataclass(frozen=True)
class FrozenStates:
    """The last layer's state at the last token of a conversation, under a policy as it was loaded."""

    policy: Policy
    cache: ResponseCache
    renderings: ResponseCache  # the tokens of conversations: rendering costs more than a head's fit

    def read(self, pairs: Sequence[Pair], render: Render) -> Array:
        """The states [n, hidden] of (prompt, response) pairs, each rendered by itself. Only new ones are computed."""
        rows = self._rendered(pairs, render)

        @torch.no_grad()
        def compute(wanted: Sequence[int]) -> list[torch.Tensor]:
            found = steady_states(self.policy, [rows[place] for place in wanted])
            last = {place: states[-1].float().cpu() for place, states in found}
            return [last[place] for place in range(len(wanted))]

        values = self.cache.complete([tokens_key(row) for row in rows], compute)
        return torch.stack(values).double().numpy() if values else np.zeros((0, 0))

    def _rendered(self, pairs: Sequence[Pair], render: Render) -> list[Tokens]:
        def compute(wanted: Sequence[int]) -> list[torch.Tensor]:
            return [torch.tensor(render(*pairs[place])) for place in wanted]

        values = self.renderings.complete([text_key(*pair) for pair in pairs], compute)
        return [tuple(value.tolist()) for value in values]


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

    def states_of(self, policy: Policy, max_length: int) -> FrozenStates:
        """The frozen states of a policy's backbone; members on one backbone share one cache."""
        model = model_digest(policy.directory)
        states = Origin("states", model, str(policy.model.dtype).removeprefix("torch."), machine(policy.device.type))
        tokens = Origin("tokens", model, "int64", rendering(policy, max_length))
        return FrozenStates(policy, self._open(states, self.tally), self._open(tokens, Tally()))

    def _open(self, origin: Origin, tally: Tally) -> ResponseCache:
        if origin.folder not in self._caches:
            self._caches[origin.folder] = ResponseCache(self.directory, origin, tally)
        return self._caches[origin.folder]


def rendering(policy: Policy, max_length: int) -> str:
    """A digest of what decides a conversation's tokens: our code, tokenizer, template, end tokens, length, library."""
    digest = hashlib.sha256(f"{RENDERING} {max_length} {policy.text.end_ids} {transformers.__version__}".encode())
    for path in sorted(policy.directory.iterdir()):
        if path.suffix != ".safetensors" and path.is_file():
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
