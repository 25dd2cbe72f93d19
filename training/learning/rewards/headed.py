"""A backbone with a linear head of k outputs: the part that all trained reward models of this room share.

Saved, it is a directory that ``AutoModelForSequenceClassification`` loads and that gives the same k logits there;
``reward.json`` holds the method and its dials, ``extra.safetensors`` what a plain classifier cannot hold.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from ..models import NoModel, Policy, silence_dropout
from ..text import Text
from .interface import Scored
from .pairwise import TOKEN_BUDGET, by_length
from .posterior import FastPosterior
from .sheets import Conversation, Sheet, conversation, sheet
from .states import Pair

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
        return made

    @property
    def head(self) -> torch.nn.Linear:
        """The linear layer that reads the last state. Raises NoModel where the architecture has none of that name."""
        found = getattr(self.classifier, "score", None) or getattr(self.classifier, "classifier", None)
        if not isinstance(found, torch.nn.Linear):
            raise NoModel(f"{type(self.classifier).__name__} has no linear head that reads the last token's state")
        return found

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        return self.head.weight.device

    def conversation(self, pair: Pair) -> Conversation:
        """The rendered pair, cut to ``max_length``."""
        return conversation(self.text, *pair, min(int(self.about["max_length"]), self.text.context))

    def sheet(self, conversations: Sequence[Conversation]) -> Sheet:
        """Conversations as one batch on the model's device."""
        return sheet(conversations, int(self.classifier.config.pad_token_id), self.device)

    def hidden(self, read: Sheet) -> torch.Tensor:
        """The backbone's last states: [n, L, hidden]."""
        backbone = getattr(self.classifier, self.classifier.base_model_prefix)
        told = backbone(input_ids=read.input_ids, attention_mask=read.attention_mask)
        return torch.as_tensor(told.last_hidden_state)

    def forward(self, read: Sheet) -> torch.Tensor:
        """Logits [n, k] at each conversation's last token."""
        return torch.as_tensor(self.head(read.at(self.hidden(read), read.last)).float())

    @torch.no_grad()
    def over(self, pairs: Sequence[Pair], read: Callable[[Sheet], torch.Tensor]) -> Array:
        """``read`` ([n, …] of a sheet) over any number of pairs, in batches of like length."""
        rows = [self.conversation(pair) for pair in pairs]
        found: list[NDArray[Any]] = []
        order: list[int] = []
        for chosen in by_length([row.tokens for row in rows], TOKEN_BUDGET):
            found.append(read(self.sheet([rows[index] for index in chosen])).double().cpu().numpy())
            order += chosen
        return np.asarray(np.concatenate(found)[np.argsort(order)])

    def score(self, pairs: Sequence[Pair]) -> Array:
        """Rewards [n]: the first output."""
        return np.asarray(self.over(pairs, self)[:, 0])

    def last_states(self, pairs: Sequence[Pair]) -> Array:
        """The states [n, hidden] that the head reads."""
        return self.over(pairs, lambda read: read.at(self.hidden(read), read.last))

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
