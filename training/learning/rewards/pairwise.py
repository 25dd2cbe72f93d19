"""The deep reward model: the policy's backbone with a scalar head, as plain transformers classify sequences.

A saved member is a directory that ``AutoModelForSequenceClassification(num_labels=1)`` loads and that scores the
same there: the logit of the rendered conversation, read at its last token.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from ..models import NoModel, Policy, silence_dropout
from ..rows import Message
from ..text import Text
from .interface import Scored
from .posterior import FastPosterior
from .states import Pair

Array = NDArray[np.float64]
TOKEN_BUDGET = 8_192


@dataclass(frozen=True)
class Rendered:
    """Rows of token ids with right padding: [n, longest], and where they are real."""

    input_ids: torch.Tensor
    attention_mask: torch.Tensor


class PairwiseReward(torch.nn.Module, Scored):
    """One member: backbone, scalar head and the log of Davidson's tie parameter (saved beside the weights)."""

    def __init__(
        self, classifier: Any, tokenizer: Any, text: Text, max_length: int = 512, method: str = "davidson"
    ) -> None:
        super().__init__()
        self.method = method
        self.classifier = classifier
        self.log_tie = torch.nn.Parameter(torch.tensor(-1.0))
        self.tokenizer = tokenizer
        self.text = text
        self.max_length = min(max_length, text.context)

    @classmethod
    def from_policy(cls, policy: Policy, *, max_length: int = 512, method: str = "davidson") -> "PairwiseReward":
        """A fresh reward model on a copy of the policy's backbone; its head is zero until ``start_from``."""
        classifier: Any = AutoModelForSequenceClassification.from_pretrained(
            policy.directory,
            num_labels=1,
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
        )
        tokenizer = policy.tokenizer
        if classifier.config.pad_token_id is None:
            pad = tokenizer.pad_token_id
            classifier.config.pad_token_id = policy.text.end_ids[0] if pad is None else pad
        silence_dropout(classifier)
        torch.nn.init.zeros_(head(classifier).weight)
        return cls(classifier.eval(), tokenizer, policy.text, max_length, method)

    def tokens(self, prompt: Sequence[Message], response: Sequence[Message]) -> tuple[int, ...]:
        """The rendered conversation, cut to ``max_length`` from the prompt's start."""
        group = self.text.group(prompt, [response], max_length=self.max_length)
        return (*group.prompt, *group.responses[0])

    def render(self, rows: Sequence[Sequence[int]]) -> Rendered:
        """Pad rows of token ids on the right."""
        longest = max(len(row) for row in rows)
        pad = int(self.classifier.config.pad_token_id)
        ids = torch.full((len(rows), longest), pad, dtype=torch.long)
        mask = torch.zeros((len(rows), longest), dtype=torch.long)
        for place, row in enumerate(rows):
            ids[place, : len(row)] = torch.tensor(row)
            mask[place, : len(row)] = 1
        return Rendered(ids, mask)

    def forward(self, rendered: Rendered) -> torch.Tensor:
        """Rewards [n] of rendered rows."""
        device = self.log_tie.device
        told = self.classifier(
            input_ids=rendered.input_ids.to(device), attention_mask=rendered.attention_mask.to(device)
        )
        return cast(torch.Tensor, told.logits[:, 0].float())

    @torch.no_grad()
    def score(self, pairs: Sequence[Pair]) -> Array:
        """Rewards [n] of (prompt, response) pairs of messages."""
        rows = [self.tokens(prompt, response) for prompt, response in pairs]
        found = np.zeros(len(rows))
        for chosen in by_length(rows, TOKEN_BUDGET):
            found[chosen] = self(self.render([rows[index] for index in chosen])).double().cpu().numpy()
        return found

    @torch.no_grad()
    def last_states(self, rows: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """The states [n, hidden] that the head reads."""
        seen: list[torch.Tensor] = []
        handle = head(self.classifier).register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        found: list[NDArray[np.float32]] = []
        order: list[int] = []
        try:
            for chosen in by_length(rows, TOKEN_BUDGET):
                rendered = self.render([rows[index] for index in chosen])
                self(rendered)
                last = self._read_at(rendered)
                found.append(seen.pop()[torch.arange(len(chosen)), last].float().cpu().numpy())
                order += chosen
        finally:
            handle.remove()
        return np.concatenate(found)[np.argsort(order)]

    def _read_at(self, rendered: Rendered) -> torch.Tensor:
        """The column [n] of each row that transformers reads: the last one that is not the padding token."""
        real = rendered.input_ids != int(self.classifier.config.pad_token_id)
        columns = torch.arange(real.shape[1])
        return torch.where(real, columns, 0).argmax(dim=1)

    def start_from(self, pairs: Sequence[tuple[Pair, Pair]], p: Sequence[float], weight: Sequence[float]) -> None:
        """Set the head to the Bayesian logistic solution on its own states, before any fine-tuning.

        Raises ValueError without pairs. Costs one forward pass over all responses.
        """
        rows = [self.tokens(*side) for pair in pairs for side in pair]
        states = self.last_states(rows).astype(np.float64)
        difference = states[0::2] - states[1::2]
        typical = float(np.sqrt((difference**2).sum(1).mean())) or 1.0
        fitted = FastPosterior.fit(difference / typical, p, weight, dimension=difference.shape[1])
        with torch.no_grad():
            head(self.classifier).weight.copy_(torch.tensor(fitted.mean / typical)[None])

    def save(self, directory: Path, card: str) -> None:
        """Write a plain classifier directory with tokenizer, card and ``reward.json``, whole or not at all."""
        part = directory.with_name(directory.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        self.classifier.save_pretrained(part)
        self.tokenizer.save_pretrained(part)
        about = {
            "method": self.method,
            "log_tie": float(self.log_tie.detach()),
            "max_length": self.max_length,
            "end_ids": list(self.text.end_ids),
        }
        (part / "reward.json").write_text(json.dumps(about), encoding="utf-8")
        (part / "README.md").write_text(card, encoding="utf-8")
        shutil.rmtree(directory, ignore_errors=True)
        part.rename(directory)

    @classmethod
    def load(cls, directory: Path, device: str = "cpu") -> "PairwiseReward":
        """Read what ``save`` wrote. Raises NoModel in words."""
        try:
            about = json.loads((directory / "reward.json").read_text(encoding="utf-8"))
            tokenizer = AutoTokenizer.from_pretrained(directory, trust_remote_code=False, local_files_only=True)
            classifier: Any = AutoModelForSequenceClassification.from_pretrained(
                directory, use_safetensors=True, trust_remote_code=False, local_files_only=True
            )
        except (OSError, ValueError, KeyError) as error:
            raise NoModel(
                f"{directory.name} holds no reward model that Heed saved: train it again ({error})"
            ) from error
        silence_dropout(classifier)
        context = int(getattr(classifier.config, "max_position_embeddings", 2048))
        text = Text(tokenizer, tuple(int(token) for token in about["end_ids"]), context)
        model = cls(classifier.eval(), tokenizer, text, int(about["max_length"]), str(about.get("method", "davidson")))
        model.log_tie.data.fill_(float(about["log_tie"]))
        return model.to(device)


def head(classifier: Any) -> torch.nn.Linear:
    """The scalar head: its only linear layer with one output."""
    found = [m for m in classifier.modules() if isinstance(m, torch.nn.Linear) and m.out_features == 1]
    if len(found) != 1:
        raise NoModel(
            f"{type(classifier).__name__} has {len(found)} layers with one output; a scalar reward head needs one"
        )
    return found[0]


def by_length(rows: Sequence[Sequence[int]], token_budget: int) -> list[list[int]]:
    """Indices of rows of like length, batched within a budget of padded tokens."""
    batches: list[list[int]] = []
    for index in sorted(range(len(rows)), key=lambda place: len(rows[place])):
        if batches and (len(batches[-1]) + 1) * len(rows[index]) <= token_budget:
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches
