"""What a reward head reads is what transformers' own classifier reads, however the rows are laid out."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, BertConfig, BertForSequenceClassification

from tests.training.learning.tiny import answer, save_tiny, tokenizer, user
from training.learning.batches import Layout, collate
from training.learning.models import NoModel
from training.learning.rewards.reading import Reading, conversation, last_states, layout, over_pairs, reading, states
from training.learning.text import Group, Text

GROUPS = [
    Group((1, 2, 3, 4), ((5, 6, 7), (8, 9))),
    Group((9, 8), ((11,), (12, 13, 14, 15), (), (7,))),
]


def classifier(directory: Path, shape: str) -> Any:
    if shape == "bert":
        torch.manual_seed(0)
        sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
        config = BertConfig(vocab_size=300, max_position_embeddings=256, pad_token_id=0, **sizes)
        config.num_labels = 1
        return BertForSequenceClassification(config).eval()
    found = AutoModelForSequenceClassification.from_pretrained(save_tiny(directory, shape=shape), num_labels=1)
    found.config.pad_token_id = 0
    return found.eval()


def head_of(model: Any) -> torch.nn.Linear:
    return model.classifier if hasattr(model, "classifier") else model.score


FOUND = {
    "llama": Reading(tree=True, causal=True, last=True, narrow=True),
    "qwen2": Reading(tree=True, causal=True, last=True, narrow=True),
    "gpt2": Reading(tree=True, causal=True, last=True, narrow=True),
    "mistral": Reading(tree=False, causal=True, last=True, narrow=True),
    "bert": Reading(tree=False, causal=False, last=False),
}


@pytest.mark.parametrize("shape", sorted(FOUND))
def test_every_layout_gives_the_classifiers_own_logits(shape: str, tmp_path: Path) -> None:
    model = classifier(tmp_path, shape)
    assert reading(model) == FOUND[shape]
    alone = [
        float(model(torch.tensor([[*group.prompt, *response]])).logits[0, 0].detach())
        for group in GROUPS
        for response in group.responses
    ]
    for shared in {False, FOUND[shape].tree}:
        batch = collate(GROUPS, Layout(tree=shared, hidden=10**6, ends=True))
        told = head_of(model)(last_states(model, batch))[:, 0].tolist()
        assert np.allclose(told, alone, atol=1e-4)


def gradients(model: Any, scores_S: torch.Tensor) -> torch.Tensor:
    model.zero_grad()
    scores_S.sin().sum().backward()
    return torch.cat([parameter.grad.flatten() for parameter in model.parameters() if parameter.grad is not None])


@pytest.mark.parametrize("shared", [False, True])
def test_a_layout_gives_the_gradients_of_the_classifiers_own_passes(shared: bool, tmp_path: Path) -> None:
    model = classifier(tmp_path, "llama").double()
    batch = collate(GROUPS, Layout(tree=shared, hidden=10**6, ends=True))
    ours = gradients(model, head_of(model)(last_states(model, batch))[:, 0])
    rows = [torch.tensor([[*group.prompt, *response]]) for group in GROUPS for response in group.responses]
    own = gradients(model, torch.cat([model(row).logits[0] for row in rows]))
    assert (ours - own).norm() <= 1e-6 * own.norm()  # its norms round to fp32


def test_single_tokens_of_a_pooling_backbone_are_refused(tmp_path: Path) -> None:
    model = classifier(tmp_path, "bert")
    with pytest.raises(NoModel, match="need a causal backbone"):
        states(model, collate(GROUPS, layout(model)))


def text_of(context: int = 64) -> Text:
    return Text(tokenizer(), (0,), context)


def test_padding_at_a_responses_end_is_not_read() -> None:
    group = conversation(text_of(), 0, 64, user("Well?"), [answer("The sea."), answer("")])
    assert all(response[-1:] != (0,) for response in group.responses)
    assert conversation(text_of(), 299, 64, user("Well?"), [answer("The sea.")]).responses[0][-1] == 0


def test_scores_do_not_depend_on_who_is_scored_beside(tmp_path: Path) -> None:
    model = classifier(tmp_path, "llama")
    long = answer("The sea is wide and blue, and it is deep. " * 4)
    pairs = [(user("Sea?"), answer("Blue.")), (user("Rivers?"), answer("No.")), (user("Sea?"), long)]

    def score(asked: Any) -> Any:
        return over_pairs(
            asked,
            lambda prompt, responses: conversation(text_of(), 299, 48, prompt, responses),
            model,
            lambda batch: head_of(model)(last_states(model, batch))[:, 0].detach(),
        )

    together = score(pairs)
    assert together.shape == (3,)
    assert np.allclose(together, [score([pair])[0] for pair in pairs], atol=1e-4)
