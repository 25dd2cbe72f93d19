"""What both sides train: a small Llama with its tokenizer, and pairs of texts of stated lengths in tokens."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification, PreTrainedTokenizerFast

from training.learning.starter.corpus import write_examples

VOCABULARY = 4096
PAD, END = "<pad>", "<eos>"
PROMPT = (40, 120)  # tokens, evenly spread
RESPONSE = (30, 75, 200)  # tokens: least, median and most of a log-normal spread
EXAMPLES = 4000  # of the starter's generator: enough text for 2,000 pairs
# Plain text: what a conversation's messages say, one after the other, and an end token after an answer.
TEMPLATE = "{% for m in messages %}{{ m['content'] }}{% if m['role'] == 'assistant' %}<eos>{% endif %}{% endfor %}"


@dataclass(frozen=True)
class Material:
    """Where everything lies: ``policy`` and ``classifier`` share a backbone; ``pairs`` has a pair a line."""

    directory: Path

    @property
    def policy(self) -> Path:
        """A causal language model."""
        return self.directory / "policy"

    @property
    def classifier(self) -> Path:
        """The same backbone with a scalar head."""
        return self.directory / "classifier"

    @property
    def pairs(self) -> Path:
        """{prompt, chosen, rejected} as text, a line each."""
        return self.directory / "pairs.jsonl"


def make_material(directory: Path, *, pairs: int, seed: int = 0) -> Material:
    """Write model, tokenizer and ``pairs`` pairs; the same for the same arguments."""
    made = Material(directory)
    directory.mkdir(parents=True, exist_ok=True)
    texts = [f"{one.prompt}\n{one.answer}" for one in islice(write_examples(f"race {seed}"), EXAMPLES)]
    tokenizer = _tokenizer(texts)
    with made.pairs.open("w", encoding="utf-8") as out:
        for row in islice(_pairs(tokenizer, texts, seed), pairs):
            out.write(json.dumps(row) + "\n")
    _save_models(made, tokenizer, seed)
    return made


def _tokenizer(texts: list[str]) -> PreTrainedTokenizerFast:
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bpe.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=VOCABULARY, special_tokens=[PAD, END], initial_alphabet=alphabet, show_progress=False
        ),
    )
    made: PreTrainedTokenizerFast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=bpe, pad_token=PAD, eos_token=END
    )
    return made


def _pairs(tokenizer: PreTrainedTokenizerFast, texts: list[str], seed: int) -> Iterator[dict[str, str]]:
    """Endless pairs of windows of the text. Half of the rejected ones have their words shuffled: a cue to learn."""
    ids = tokenizer("\n\n".join(texts), add_special_tokens=False)["input_ids"]
    chance = np.random.default_rng(seed)

    def window(length: int) -> str:
        start = int(chance.integers(0, len(ids) - length))
        return str(tokenizer.decode(ids[start : start + length]))

    def response() -> str:
        least, median, most = RESPONSE
        return window(int(np.clip(chance.lognormal(np.log(median), 0.5), least, most)))

    while True:
        prompt, chosen, rejected = window(int(chance.integers(PROMPT[0], PROMPT[1] + 1))), response(), response()
        if chance.random() < 0.5:
            words = rejected.split(" ")
            chance.shuffle(words)
            rejected = " ".join(words)
        yield {"prompt": f"{prompt}\n", "chosen": f" {chosen}", "rejected": f" {rejected}"}


def _save_models(made: Material, tokenizer: PreTrainedTokenizerFast, seed: int) -> None:
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=256,
        intermediate_size=1024,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=1024,
        tie_word_embeddings=False,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
    )
    torch.manual_seed(seed)
    policy = LlamaForCausalLM(config)
    config.num_labels = 1
    classifier: Any = LlamaForSequenceClassification(config)  # type: ignore[no-untyped-call]
    classifier.model.load_state_dict(policy.model.state_dict())
    policy.save_pretrained(made.policy)
    classifier.save_pretrained(made.classifier)
    tokenizer.save_pretrained(made.classifier)
    tokenizer.save_pretrained(made.policy)
