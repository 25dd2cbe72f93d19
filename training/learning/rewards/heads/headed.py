"""A backbone with a linear head of k outputs: the part that all trained reward models of this room share.

Saved, it is a directory that ``AutoModelForSequenceClassification`` loads and that gives the same k logits there;
``reward.json`` holds the method and its dials, ``extra.safetensors`` what a plain classifier cannot hold.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from ...batches import Batch
from ...models import NoModel, Policy, silence_dropout
from ...rows import Message
from ...text import Group, Text
from ..fast.posterior import FastPosterior
from ..fast.states import Pair
from ..interface import Scored
from ..reading import conversation, head, last_states, over_pairs, states

Array = NDArray[np.float64]
ANOTHER = "holds no reward model that Heed saved: train it again"


class HeadedReward(torch.nn.Module, Scored):
    """One member. ``about`` is plain JSON and goes to ``reward.json``; ``extra`` are tensors outside the classifier.

    Of several outputs the first is the reward, unless a method says otherwise.
    """

    def __init__(
        self, classifier: Any, tokenizer: Any, text: Text, about: dict[str, Any], extra: dict[str, torch.Tensor]
    ) -> None:
        super().__init__()
        self.classifier = classifier
        self.tokenizer = tokenizer
        self.text = text
        self.about = about
        self.extra = torch.nn.ParameterDict(
            {name: torch.nn.Parameter(value, requires_grad=False) for name, value in extra.items()}
        )

    @classmethod
    def from_policy(cls, policy: Policy, outputs: int, about: dict[str, Any], **extra: torch.Tensor) -> Self:
        """A fresh model on a copy of the policy's backbone, its head zero. ``about`` names method and max_length."""
        classifier: Any = AutoModelForSequenceClassification.from_pretrained(
            policy.directory,
            num_labels=outputs,
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
        )
        if classifier.config.pad_token_id is None:
            pad = policy.tokenizer.pad_token_id
            classifier.config.pad_token_id = policy.text.end_ids[0] if pad is None else pad
        silence_dropout(classifier)
        told = {**about, "end_ids": list(policy.text.end_ids)}
        made = cls(classifier.eval(), policy.tokenizer, policy.text, told, extra)
        torch.nn.init.zeros_(made.head.weight)
        return made.to(policy.device)

    @property
    def head(self) -> torch.nn.Linear:
        """The linear layer that reads the last state. Raises NoModel where the architecture has none."""
        return head(self.classifier)

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        return self.head.weight.device

    def group(self, prompt: Sequence[Message], responses: Sequence[Sequence[Message]]) -> Group:
        """A prompt with its responses, each conversation cut to ``max_length`` from the prompt's start."""
        pad, longest = int(self.classifier.config.pad_token_id), int(self.about["max_length"])
        return conversation(self.text, pad, min(longest, self.text.context), prompt, responses)

    def states(self, batch: Batch) -> torch.Tensor:
        """The backbone's last states, flat as a batch's places are: [R·L, hidden]."""
        return states(self.classifier, batch).flatten(0, 1)

    def forward(self, batch: Batch) -> torch.Tensor:
        """Logits [S, k] at each sequence's last token."""
        return torch.as_tensor(self.head(last_states(self.classifier, batch)).float())

    @torch.no_grad()
    def over(self, pairs: Sequence[Pair], read: Callable[[Batch], torch.Tensor]) -> Array:
        """What ``read`` says of a batch's sequences ([S, …]), of any number of pairs: [n, …]."""
        return over_pairs(pairs, self.group, self.classifier, read)

    def score(self, pairs: Sequence[Pair]) -> Array:
        """Rewards [n]: the first output."""
        return np.asarray(self.over(pairs, self)[:, 0])

    def last_states(self, pairs: Sequence[Pair]) -> Array:
        """The states [n, hidden] that the head reads."""
        return self.over(pairs, partial(last_states, self.classifier))

    def save(self, directory: Path, card: str) -> None:
        """Write a plain classifier directory with tokenizer, card, ``reward.json``, whole or not at all."""
        part = directory.with_name(directory.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        self.classifier.save_pretrained(part)
        self.tokenizer.save_pretrained(part)
        (part / "reward.json").write_text(json.dumps(self.about), encoding="utf-8")
        if len(self.extra):
            save_file(
                {name: value.detach().cpu().contiguous() for name, value in self.extra.items()},
                part / "extra.safetensors",
            )
        (part / "README.md").write_text(card, encoding="utf-8")
        shutil.rmtree(directory, ignore_errors=True)
        part.rename(directory)

    @classmethod
    def load(cls, directory: Path, device: str = "cpu") -> Self:
        """Read what ``save`` wrote. Raises NoModel in words."""
        try:
            about = json.loads((directory / "reward.json").read_text(encoding="utf-8"))
            tokenizer = AutoTokenizer.from_pretrained(directory, trust_remote_code=False, local_files_only=True)
            classifier: Any = AutoModelForSequenceClassification.from_pretrained(
                directory, use_safetensors=True, trust_remote_code=False, local_files_only=True
            )
            extra = directory / "extra.safetensors"
            tensors = load_file(extra) if extra.is_file() else {}
            ends = tuple(int(token) for token in about["end_ids"])
        except (OSError, ValueError, KeyError) as error:
            raise NoModel(f"{directory.name} {ANOTHER} ({error})") from error
        silence_dropout(classifier)
        text = Text(tokenizer, ends, int(getattr(classifier.config, "max_position_embeddings", 2048)))
        return cls(classifier.eval(), tokenizer, text, about, tensors).to(device)


def logistic_weights(difference: Array, p: Sequence[float], weight: Sequence[float]) -> Array:
    """The Bayesian logistic solution [D] on differences of frozen states [n, D], where fine-tuning begins."""
    typical = float(np.sqrt((difference**2).sum(1).mean())) or 1.0
    fitted = FastPosterior.fit(difference / typical, p, weight, dimension=difference.shape[1])
    return np.asarray(fitted.mean / typical)


def ridge_weights(states: Array, targets: Array, penalty: float) -> Array:
    """[k, D] minimising Σ‖W s - y‖² + penalty·‖W‖²: states [n, D], targets [n, k].

    Solved where it is smaller, over features or over rows (the two forms are equal by the push-through identity).
    """
    n, width = states.shape
    if n < width:
        dual = np.linalg.solve(states @ states.T + penalty * np.eye(n), targets)
        return np.asarray((states.T @ dual).T)
    return np.asarray(np.linalg.solve(states.T @ states + penalty * np.eye(width), states.T @ targets).T)
