"""A reward model that writes before it scores: one backbone, a language model's head and a scalar head.

The text (a critique, or a trace of tools used) continues the conversation as the turn that answers a fixed question
about the response; the scalar head reads the state from which that text's end is predicted. What stands in the
response is therefore another's turn, whose control tokens are read as text, and never part of the question.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

from ...batches import Batch, Layout, collate, fill
from ...logprobs import layout, sequence_sums, wiring
from ...models import NoModel, Policy, base_model, load_policy, save_policy
from ...rows import Message
from ...text import Group
from ..bradley_terry import Labels, bradley_terry_loss
from ..fast.states import Pair
from ..interface import Scored

Array = NDArray[np.float64]
Writing = Sequence[Message]  # turns that follow the question about a response; none: nothing was written
TOKEN_BUDGET = 8_192


@dataclass(frozen=True)
class Form:
    """Which text a model writes: the method's key, the question that asks for it, how long it may be (tokens), how
    often a tool may be used in it, and how long the whole may be."""

    method: str
    question: str
    longest: int = 64
    tool_steps: int = 0
    max_length: int = 512


Write = Callable[[Policy, Form, Sequence[Pair]], list[Writing]]


class WritingReward(torch.nn.Module, Scored):
    """One member. ``write`` makes the model's own texts when it scores; in training they are given."""

    def __init__(self, policy: Policy, form: Form, write: Write) -> None:
        super().__init__()
        self.policy, self.form, self._write = policy, form, write
        self.lm = policy.model
        self.head = torch.nn.Linear(int(base_model(policy.model).config.hidden_size), 1, bias=False)
        torch.nn.init.zeros_(self.head.weight)
        self.head.to(policy.device)
        self.examples: list[dict[str, Any]] = []  # texts it learned from, kept beside the model as data

    def group(self, pair: Pair, writing: Writing) -> Group:
        """The conversation, the question and the text as tokens; what is too long loses the conversation's start."""
        return self.policy.text.group(about(pair, self.form.question), [writing], max_length=self.form.max_length)

    def forward(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Rewards [S] of a batch's sequences, and the log-probability of each of their texts' tokens [N]."""
        states_ND, logits_NV = _read(self.lm, batch)
        count_S = torch.bincount(batch.sequence_N, minlength=len(batch.sequences))
        rewards_S = self.head(states_ND[count_S.cumsum(0) - 1].to(self.head.weight.dtype)).squeeze(1).float()
        return rewards_S, -F.cross_entropy(logits_NV.float(), batch.target_N, reduction="none")

    @torch.no_grad()
    def read(self, groups: Sequence[Group]) -> Array:
        """Rewards [n] of groups of one response each."""
        found = np.zeros(len(groups))
        shape = plain(self.policy)
        for chosen in fill(groups, shape, TOKEN_BUDGET):
            rewards, _ = self(collate([groups[index] for index in chosen], shape).to(self.policy.device))
            found[list(chosen)] = rewards.double().cpu().numpy()
        return found

    def write(self, pairs: Sequence[Pair]) -> list[Writing]:
        """What the model itself writes about each response, by its likeliest tokens."""
        return self._write(self.policy, self.form, pairs)

    def score(self, pairs: Sequence[Pair]) -> Array:
        """Rewards [n]: it writes about each response, then reads what it wrote."""
        return self.read([self.group(pair, text) for pair, text in zip(pairs, self.write(pairs), strict=True)])

    def save(self, directory: Path, card: str) -> None:
        """A plain causal language model's directory, with ``reward.json``, the scalar head in ``extra.safetensors``
        and the texts it learned from in ``writings.jsonl``. Whole or not at all."""
        whole = directory.with_name(directory.name + ".whole")
        save_policy(self.policy, whole, card)
        about_it = {name: getattr(self.form, name) for name in self.form.__dataclass_fields__}
        (whole / "reward.json").write_text(json.dumps(about_it, ensure_ascii=False), encoding="utf-8")
        save_file({"head": self.head.weight.detach().cpu().contiguous()}, whole / "extra.safetensors")
        lines = (json.dumps(example, ensure_ascii=False) + "\n" for example in self.examples)
        (whole / "writings.jsonl").write_text("".join(lines), encoding="utf-8")
        shutil.rmtree(directory, ignore_errors=True)
        whole.rename(directory)

    @classmethod
    def load(cls, directory: Path, device: str, write: Write) -> "WritingReward":
        """Read what ``save`` wrote. Raises NoModel in words."""
        try:
            form = Form(**json.loads((directory / "reward.json").read_text(encoding="utf-8")))
            head = load_file(directory / "extra.safetensors")["head"]
            model = cls(load_policy(str(directory), device=device), form, write)
            with torch.no_grad():
                model.head.weight.copy_(head)
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            raise NoModel(
                f"{directory.name} holds no reward model that Heed saved: train it again ({error})"
            ) from error
        return model


def about(pair: Pair, question: str) -> list[Message]:
    """The conversation with the response as its own turn, and the question about it as the next one."""
    prompt, response = pair
    return [*prompt, *response, Message(role="user", content=question)]


def plain(policy: Policy) -> Layout:
    """Rows of one sequence each: what follows one response is never seen by another."""
    return Layout(tree=False, hidden=layout(policy.model).hidden)


def _read(model: Any, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """The last states [N, D] from which the texts' tokens are predicted, and their logits [N, V]."""
    base, wired = base_model(model), wiring(model)
    inputs = {"input_ids": batch.input_ids_RL, "use_cache": False}
    if wired.tree:
        inputs["position_ids"] = batch.position_ids_RL
    if wired.head:
        states_ND = getattr(base, base.base_model_prefix)(**inputs).last_hidden_state.flatten(0, 1)[batch.predictor_N]
        return states_ND, base.get_output_embeddings()(states_ND)
    told = base(**inputs, output_hidden_states=True)  # an architecture that does more to its logits than its head
    return told.hidden_states[-1].flatten(0, 1)[batch.predictor_N], told.logits.flatten(0, 1)[batch.predictor_N]


def writing_loss(
    rewards_P2: torch.Tensor, nll_P2: torch.Tensor, written_P2: torch.Tensor, labels: Labels, weight: float
) -> torch.Tensor:
    """Losses [P] of P pairs, weights multiplied in: Bradley-Terry on the scores, and ``weight`` times the language
    model's loss on the texts: of each the mean per token, [P, 2], averaged over those sides that have one.

    Zhang et al. 2025, MM-RLHF, arXiv:2502.10391: −log π(critique | x, y) − log σ(r_w − r_l); Li et al. 2023, Themis,
    arXiv:2310.01045, has the same with a trace of tools for the critique and weights α for its parts, here one for all
    of it, observations included. Without any text it is Bradley-Terry.
    """
    scored_P = bradley_terry_loss(rewards_P2[:, 0] - rewards_P2[:, 1], labels)
    has_P2 = written_P2.to(nll_P2.dtype)
    written_P = (nll_P2 * has_P2).sum(1) / has_P2.sum(1).clamp(min=1.0)
    return scored_P + weight * labels.weight * written_P


def mean_nll(logprob_N: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Minus the mean log-probability of each sequence's tokens: [S]."""
    count_S = torch.bincount(batch.sequence_N, minlength=len(batch.sequences))
    return -sequence_sums(logprob_N, batch) / count_S
