"""Tiny real models and tokenizers that tests make: random weights, a few thousand parameters."""

import atexit
import shutil
import tempfile
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    BloomConfig,
    BloomForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MambaConfig,
    MambaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from training.learning.models import Policy, load_policy
from training.learning.rows import Message

CHAT = (
    "{% for message in messages %}<|{{ message['role'] }}|>\n{{ message['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
SPECIAL = ["<|end|>", "<|user|>", "<|assistant|>", "<|system|>"]
CORPUS = ["Tell me about the sea.", "The sea is wide and blue, and it is deep.", "Thanks! What about rivers?"]


def tokenizer(*, chat: bool = True) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer with 300 tokens."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bpe.train_from_iterator(
        CORPUS * 3,
        trainers.BpeTrainer(vocab_size=300, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False),
    )
    made: PreTrainedTokenizerFast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=bpe, eos_token="<|end|>"
    )
    made.chat_template = CHAT if chat else None
    return made


SHAPES: dict[str, Callable[[], Any]] = {
    "llama": lambda: LlamaForCausalLM(
        LlamaConfig(
            vocab_size=300,
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=256,
            tie_word_embeddings=True,
        )
    ),
    "qwen2": lambda: Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=300,
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=4,
            max_position_embeddings=256,
        )
    ),
    "gpt2": lambda: GPT2LMHeadModel(
        GPT2Config(vocab_size=300, n_embd=32, n_layer=2, n_head=4, n_positions=256, bos_token_id=0, eos_token_id=0)
    ),
    "gemma2": lambda: Gemma2ForCausalLM(  # its logits are capped, every other layer sees a window
        Gemma2Config(
            vocab_size=300,
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=8,
            max_position_embeddings=256,
            sliding_window=8,
        )
    ),
    "bloom": lambda: BloomForCausalLM(  # positions are a bias on attention
        BloomConfig(vocab_size=300, hidden_size=32, n_layer=2, n_head=4)
    ),
    "mamba": lambda: MambaForCausalLM(  # no attention at all
        MambaConfig(vocab_size=300, hidden_size=32, num_hidden_layers=2, state_size=4)
    ),
    "mistral": lambda: MistralForCausalLM(
        MistralConfig(
            vocab_size=300,
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=256,
            sliding_window=8,
        )
    ),
}


def save_tiny(directory: Path, *, shape: str = "llama", chat: bool = True, seed: int = 0, scale: float = 8.0) -> Path:
    """Make a model directory. ``scale`` widens the random weights so that predictions differ."""
    saved, chance = _saved(shape, chat, seed, scale)
    shutil.copytree(saved, directory, dirs_exist_ok=True)
    torch.set_rng_state(chance)
    return directory


def tiny_policy(
    directory: Path,
    *,
    shape: str = "llama",
    chat: bool = True,
    dtype: torch.dtype = torch.float32,
    seed: int = 0,
) -> Policy:
    """A loaded tiny policy, its directory made."""
    save_tiny(directory, shape=shape, chat=chat, seed=seed)
    loaded, chance = _loaded(shape, chat, seed, dtype)
    torch.set_rng_state(chance)
    return replace(deepcopy(loaded), ref=str(directory), directory=directory)


# Made once and then copied, as two hundred tests want one: that takes a sixth of the time. Chance goes on from where
# making it would have left it.


@cache
def _folder() -> Path:
    made = Path(tempfile.mkdtemp(prefix="heed-tiny-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


@cache
def _saved(shape: str, chat: bool, seed: int, scale: float) -> tuple[Path, torch.Tensor]:
    """A model directory to copy, and the state of the random numbers after making it."""
    directory = _folder() / f"{shape}-{chat}-{seed}-{scale}"
    torch.manual_seed(seed)
    model = SHAPES[shape]()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(scale)
    model.generation_config.eos_token_id = 0
    model.generation_config.bos_token_id = model.generation_config.pad_token_id = None
    model.save_pretrained(directory)
    tokenizer(chat=chat).save_pretrained(directory)
    return directory, torch.get_rng_state()


@cache
def _loaded(shape: str, chat: bool, seed: int, dtype: torch.dtype) -> tuple[Policy, torch.Tensor]:
    """A policy to copy, and the state of the random numbers after loading it."""
    directory, chance = _saved(shape, chat, seed, 8.0)
    torch.set_rng_state(chance)
    return load_policy(str(directory), dtype=dtype), torch.get_rng_state()


class ExactNorm(torch.nn.Module):
    """RMS norm in the precision of its input (transformers' own always rounds to fp32)."""

    def __init__(self, norm: Any) -> None:
        super().__init__()
        self.weight, self.epsilon = norm.weight, norm.variance_epsilon

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        scale = torch.rsqrt(states.pow(2).mean(-1, keepdim=True) + self.epsilon)
        return torch.as_tensor(self.weight * states * scale)


def exact(policy: Policy) -> Policy:
    """The policy with its norms in full precision, for proofs in float64."""
    for module in list(policy.model.modules()):
        for name, child in list(module.named_children()):
            if type(child).__name__.endswith("RMSNorm"):
                setattr(module, name, ExactNorm(child))
    return policy


def user(text: str) -> list[Message]:
    """A conversation of one question."""
    return [Message(role="user", content=text)]


def answer(text: str) -> list[Message]:
    """A response of one message."""
    return [Message(role="assistant", content=text)]
