"""The deep reward model: the policy's backbone with a scalar head, as plain transformers classify sequences.

A saved member is a directory that ``AutoModelForSequenceClassification(num_labels=1)`` loads and that scores the
same there: the logit of the rendered conversation, read at its last token.
"""

import json
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from ..batches import Batch
from ..models import NoModel, Policy, silence_dropout
from ..rows import Message
from ..text import Group, Text
from .fast.posterior import FastPosterior
from .fast.states import Pair
from .frozen import FrozenStates
from .interface import Scored
from .reading import conversation, head, last_states, over_pairs

Array = NDArray[np.float64]


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
        self.frozen: FrozenStates | None = None  # the backbone's states, while it is what it was loaded as

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
        return cls(classifier.eval(), tokenizer, policy.text, max_length, method).to(policy.device)

    def group(self, prompt: Sequence[Message], responses: Sequence[Sequence[Message]]) -> Group:
        """A prompt with its responses, each conversation cut to ``max_length`` from the prompt's start."""
        pad = int(self.classifier.config.pad_token_id)
        return conversation(self.text, pad, self.max_length, prompt, responses)

    def tokens(self, prompt: Sequence[Message], response: Sequence[Message]) -> tuple[int, ...]:
        """One rendered conversation."""
        group = self.group(prompt, [response])
        return (*group.prompt, *group.responses[0])

    def forward(self, batch: Batch) -> torch.Tensor:
        """Rewards [S] of a batch's sequences."""
        states_SD = last_states(self.classifier, batch)
        return cast(torch.Tensor, head(self.classifier)(states_SD)[:, 0].float())

    @torch.no_grad()
    def score(self, pairs: Sequence[Pair]) -> Array:
        """Rewards [n] of (prompt, response) pairs of messages."""
        if self.frozen is not None:
            weight: Array = head(self.classifier).weight[0].double().cpu().numpy()
            return np.asarray(self.frozen.read(pairs, self.tokens) @ weight)
        return over_pairs(pairs, self.group, self.classifier, self)

    @torch.no_grad()
    def last_states(self, pairs: Sequence[Pair]) -> Array:
        """The states [n, hidden] that the head reads."""
        return over_pairs(pairs, self.group, self.classifier, partial(last_states, self.classifier))

    def start_from(self, pairs: Sequence[tuple[Pair, Pair]], p: Sequence[float], weight: Sequence[float]) -> None:
        """Set the head to the Bayesian logistic solution on its own states, before any fine-tuning.

        Raises ValueError without pairs. Costs one forward pass over all responses.
        """
        self.start_from_states(self.last_states([side for pair in pairs for side in pair]), p, weight)

    def start_from_states(
        self, states: Array, p: Sequence[float], weight: Sequence[float], *, centring: float = 0.0
    ) -> None:
        """The same from the states [2n, hidden] of n pairs, first and second in turn.

        ``centring`` times weight·(r₁ + r₂)² is added to each pair's loss, as in a training of the whole model. For a
        linear head r = θ·s that is quadratic in θ: a Gaussian prior of precision 2·centring·Σ weight·m·mᵀ, m = s₁ + s₂.
        """
        difference = states[0::2] - states[1::2]
        typical = float(np.sqrt((difference**2).sum(1).mean())) or 1.0
        centre = None
        if centring:
            both = (states[0::2] + states[1::2]) / typical
            centre = 2.0 * centring * (both * np.asarray(weight)[:, None]).T @ both
        width = difference.shape[1]
        fitted = FastPosterior.fit(difference / typical, p, weight, dimension=width, prior_precision=centre)
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
