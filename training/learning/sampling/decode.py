"""Batched decoding with cached keys and values; every sample is drawn with its own seed.

The same prompt, seed and settings give the same sample whatever else is in the batch, up to floating point:
another batch shape changes logits in the last bits, and a token changes only where its uniform number lies that
close to a boundary between two tokens (about once in a million tokens in fp32).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from ..logprobs import wiring
from ..models import Policy, base_model
from ..recipes import SamplerSettings
from ..rows import Message
from ..text import Tokens
from .choose import choose
from .memory import memory
from .uniforms import noise

PREFILL_TOKENS = 16_384  # padded prompt tokens per forward pass


@dataclass(frozen=True)
class Sample:
    """One response. ``token_ids`` ends with the end token when ``stopped``, else the length limit cut it.

    ``token_logprobs`` are the model's own log-probabilities, in nats, at temperature 1 and without top-k or
    top-p, one per token. ``prompt_cut`` counts prompt tokens that did not fit the model's context.
    """

    text: str
    token_ids: Tokens
    token_logprobs: tuple[float, ...]
    stopped: bool
    prompt_cut: int = 0


def sample(
    policy: Policy,
    prompts: Sequence[Sequence[Message]],
    settings: SamplerSettings,
    seeds: Sequence[int],
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Sample]:
    """One response per prompt and seed, in their order. A prompt given several times is read once per batch.

    ``progress(done, total)`` is called after every batch and may raise to stop. Raises ValueError when prompts
    and seeds differ in number or the settings leave no room for a prompt in the model's context.
    """
    if len(prompts) != len(seeds):
        raise ValueError(f"there are {len(prompts)} prompts and {len(seeds)} seeds: give one seed per prompt")
    room = policy.text.context - settings.max_new_tokens
    if room < 1:
        raise ValueError(
            f"max_new_tokens {settings.max_new_tokens} leaves no room for a prompt in a context of "
            f"{policy.text.context} tokens: lower it"
        )
    rendered = _render(policy, prompts)
    cut = [tokens[-room:] for tokens in rendered]
    return [
        Sample(
            policy.text.decode(one.token_ids[:-1] if one.stopped else one.token_ids),
            one.token_ids,
            one.token_logprobs,
            one.stopped,
            len(whole) - len(kept),
        )
        for one, whole, kept in zip(draw(policy, cut, settings, seeds, progress=progress), rendered, cut, strict=True)
    ]


@dataclass(frozen=True)
class Drawn:
    """Tokens drawn after others, as in ``Sample``."""

    token_ids: Tokens
    token_logprobs: tuple[float, ...]
    stopped: bool


def draw(
    policy: Policy,
    begun: Sequence[Tokens],
    settings: SamplerSettings,
    seeds: Sequence[int],
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Drawn]:
    """What follows each sequence of tokens that is already there, which must leave room in the model's context."""
    found: dict[int, Drawn] = {}
    for chosen in _batches(begun, settings.batch_size, mixed=wiring(policy.model).tree):
        numbers = noise(settings, [seeds[index] for index in chosen])
        drawn = _Drawing(policy, [begun[index] for index in chosen], settings, numbers).run()
        for index, (tokens, logprobs) in zip(chosen, drawn, strict=True):
            found[index] = Drawn(tokens, logprobs, tokens[-1] in policy.text.end_ids)
        progress(len(found), len(begun))
    return [found[index] for index in range(len(begun))]


def _render(policy: Policy, prompts: Sequence[Sequence[Message]]) -> list[Tokens]:
    known: dict[tuple[tuple[str, str], ...], Tokens] = {}
    rendered = []
    for prompt in prompts:
        key = tuple((message["role"], message["content"]) for message in prompt)
        if key not in known:
            known[key] = policy.text.prompt_tokens(prompt)
        rendered.append(known[key])
    return rendered


def _batches(prompts: Sequence[Tokens], most: int, *, mixed: bool) -> Iterator[list[int]]:
    """Samples with like prompts together; ``mixed`` allows unlike lengths (padded on the left) in one batch."""
    batch: list[int] = []
    unique: set[Tokens] = set()
    for index in sorted(range(len(prompts)), key=lambda i: (len(prompts[i]), prompts[i])):
        prompt = prompts[index]
        reads = len(unique | {prompt}) * len(prompt)
        other = batch and not mixed and len(prompts[batch[0]]) != len(prompt)
        if batch and (len(batch) == most or reads > PREFILL_TOKENS or other):
            yield batch
            batch, unique = [], set()
        batch.append(index)
        unique.add(prompt)
    if batch:
        yield batch


class _Drawing:
    """One batch on its way: N rows still open of the M samples that were begun."""

    def __init__(
        self, policy: Policy, prompts: list[Tokens], settings: SamplerSettings, uniform_MT: torch.Tensor
    ) -> None:
        self.model = base_model(policy.model)
        self.device = policy.device
        self.prompts = prompts
        self.settings = settings
        self.uniform_MT = uniform_MT.to(self.device)
        self.ends = torch.tensor(policy.text.end_ids, device=self.device)
        self.wiring = wiring(policy.model)
        self.memory = memory(self.model, takes_mask=self.wiring.tree)

    @torch.inference_mode()
    def run(self) -> list[tuple[Tokens, tuple[float, ...]]]:
        """Tokens and log-probabilities of every sample, in order."""
        steps = self.settings.max_new_tokens
        token_MT = torch.zeros(len(self.prompts), steps, dtype=torch.long, device=self.device)
        logprob_MT = torch.zeros(len(self.prompts), steps, device=self.device)
        length_M = torch.full((len(self.prompts),), steps, device=self.device)
        open_N = torch.arange(len(self.prompts), device=self.device)
        logits_NV = self._read()
        for step in range(steps):
            token_N, logprob_N = choose(logits_NV, self.uniform_MT[open_N, step], self.settings)
            token_MT[open_N, step], logprob_MT[open_N, step] = token_N, logprob_N
            going_N = ~torch.isin(token_N, self.ends)
            if not bool(going_N.all()):
                length_M[open_N[~going_N]] = step + 1
                rows = self._keep(going_N.nonzero()[:, 0])
                open_N, token_N = open_N[rows], token_N[rows]
            if step + 1 == steps or not len(open_N):
                break
            logits_NV = self._next(token_N, step)
        lengths = length_M.tolist()
        tokens, logprobs = token_MT.tolist(), logprob_MT.tolist()
        return [
            (tuple(ids[:length]), tuple(values[:length]))
            for ids, values, length in zip(tokens, logprobs, lengths, strict=True)
        ]

    def _read(self) -> torch.Tensor:
        """Read every different prompt once, then give each sample its row. Returns logits [M, V]."""
        unique = list(dict.fromkeys(self.prompts))
        place = {prompt: row for row, prompt in enumerate(unique)}
        owner_M = torch.tensor([place[prompt] for prompt in self.prompts], device=self.device)
        self.longest = max(map(len, unique))
        pad_U = torch.tensor([self.longest - len(prompt) for prompt in unique])
        ids_UP = torch.tensor([(0,) * (self.longest - len(prompt)) + prompt for prompt in unique])
        position_UP = (torch.arange(self.longest) - pad_U[:, None]).clamp_min(0)
        logits_UV = self._forward(ids_UP.to(self.device), position_UP.to(self.device), self._prompt_mask(pad_U))
        self.memory.take(owner_M)
        self.pad_N = pad_U.to(self.device)[owner_M]
        self.padded = bool(pad_U.any())
        return logits_UV[owner_M]

    def _prompt_mask(self, pad_U: torch.Tensor) -> torch.Tensor | None:
        """[U, 1, P, P], added to scores; padding looks at itself, so that no softmax is empty."""
        if not bool(pad_U.any()):
            return None
        place = torch.arange(self.longest)
        causal = place[:, None] >= place
        seen = causal & (place >= pad_U[:, None, None]) | torch.eye(self.longest, dtype=torch.bool)
        return self._additive(seen[:, None].to(self.device))

    def _next(self, token_N: torch.Tensor, step: int) -> torch.Tensor:
        """Logits [N, V] after one more token per open row."""
        column = self.longest + step
        position_N1 = (column - self.pad_N)[:, None]
        mask = None
        if self.padded:
            seen_NC = torch.arange(column + 1, device=self.device) >= self.pad_N[:, None]
            mask = self._additive(seen_NC[:, None, None])
        return self._forward(token_N[:, None], position_N1, mask)

    def _forward(self, ids: torch.Tensor, positions: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """Logits at the last column, fp32; the head runs on nothing else."""
        inputs = self.memory.inputs(ids)
        if self.wiring.tree:
            inputs |= {"attention_mask": mask, "position_ids": positions}
        if not self.wiring.head:
            return torch.as_tensor(self.model(**inputs).logits[:, -1].float())
        states_NTD = getattr(self.model, self.model.base_model_prefix)(**inputs).last_hidden_state
        return torch.as_tensor(self.model.get_output_embeddings()(states_NTD[:, -1]).float())

    def _additive(self, seen: torch.Tensor) -> torch.Tensor:
        return torch.zeros(seen.shape, dtype=self.model.dtype, device=self.device).masked_fill_(~seen, float("-inf"))

    def _keep(self, kept: torch.Tensor) -> torch.Tensor:
        """Drop the finished rows; returns which old row each open row is."""
        rows = self.memory.keep(kept)
        self.pad_N = self.pad_N[rows]
        return rows
