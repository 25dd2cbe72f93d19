"""Policies: load by directory or hub name, adapt with LoRA, save as a plain ``save_pretrained`` directory."""

import shutil
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from torch import nn
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.pytorch_utils import Conv1D
from transformers.utils.logging import disable_progress_bar

from .digests import weights_digest
from .recipes import LoraSettings
from .text import Text, end_ids

STARTER = Path(__file__).parent / "starter" / "model"
WANTED = ["*.json", "*.safetensors", "*.txt", "*.jinja", "*.model"]  # of a hub repository: no pickle, no code


class NoModel(ValueError):
    """There is no usable model behind a reference; the message says what to do."""


@dataclass(frozen=True)
class Policy:
    """A language model with what belongs to it. ``directory`` is where its weights were read from."""

    model: Any  # a transformers causal language model, or peft's wrapper around one
    tokenizer: Any
    text: Text
    ref: str
    directory: Path

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        return torch.device(self.model.device)

    @property
    def parameters(self) -> int:
        """How many parameters the model has."""
        return sum(parameter.numel() for parameter in self.model.parameters())


def find_model(ref: str) -> Path:
    """The directory behind a reference: ``starter``, a directory or a hub name (downloaded when reachable).

    Raises NoModel that says what to do.
    """
    place = STARTER if ref == "starter" else Path(ref).expanduser()
    if place.is_dir():
        return _checked(ref, place)
    if ref == "starter":
        raise NoModel("the starter policy is not built: run `manage.py train starter`")
    if place.is_absolute() or ref.startswith((".", "~")) or ref.count("/") > 1 or not ref.strip():
        raise NoModel(f"no model there: {ref!r} is not a directory; give a save_pretrained directory or a hub name")
    try:
        return _checked(ref, Path(snapshot_download(ref, allow_patterns=WANTED)))
    except NoModel:
        raise
    except Exception as error:  # the hub client raises many kinds, from a bad name to a dead network
        raise NoModel(
            f"no model there: {ref!r} is no directory here and the hub gave none ({type(error).__name__}); "
            "check the name and the connection, or give a directory made with save_pretrained"
        ) from error


def _checked(ref: str, place: Path) -> Path:
    if not (place / "config.json").is_file():
        raise NoModel(f"no model there: {ref!r} has no config.json; give a directory made with save_pretrained")
    if not any(place.glob("*.safetensors")):
        raise NoModel(
            f"{ref!r} holds no safetensors weights, and pickled weights are never loaded: "
            "load it where you trust it and save it with save_pretrained"
        )
    return place


def load_policy(
    ref: str, *, dtype: torch.dtype = torch.float32, device: str = "cpu", lora: LoraSettings | None = None
) -> Policy:
    """Load a policy for sampling or training, dropout off, with fresh LoRA adapters when asked.

    Raises NoModel in words when there is none, or when it is no causal language model.
    """
    place = find_model(ref)
    disable_progress_bar()  # type: ignore[no-untyped-call]  # a run's log is no terminal
    try:
        tokenizer = AutoTokenizer.from_pretrained(place, trust_remote_code=False, local_files_only=True)
        model: Any = AutoModelForCausalLM.from_pretrained(
            place, dtype=dtype, use_safetensors=True, trust_remote_code=False, local_files_only=True
        )
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        raise NoModel(f"{ref!r} does not load as a causal language model: {error}") from error
    silence_dropout(model)
    model.to(torch.device(device)).eval()
    policy = Policy(model, tokenizer, _text(model, tokenizer), ref, place)
    return with_lora(policy, lora) if lora else policy


def _text(model: Any, tokenizer: Any) -> Text:
    generation = getattr(model, "generation_config", None)
    context = getattr(model.config, "max_position_embeddings", None) or getattr(model.config, "n_positions", None)
    return Text(tokenizer, end_ids(tokenizer, getattr(generation, "eos_token_id", None)), int(context or 2048))


def silence_dropout(model: nn.Module) -> None:
    """Set every dropout to zero: reference and policy are one function (TRL's ``disable_dropout``)."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        for name in ("dropout", "attention_dropout"):
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, 0.0)


def with_lora(policy: Policy, settings: LoraSettings) -> Policy:
    """The policy with fresh low-rank adapters (arXiv:2106.09685) as its only trainable parameters.

    Raises ValueError when ``target_modules`` names no layer of the model.
    """
    from peft import LoraConfig, TaskType, get_peft_model  # costs a second; only LoRA runs pay it

    targets = settings.target_modules
    config = LoraConfig(
        r=settings.r,
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        target_modules=targets if targets == "all-linear" else [name.strip() for name in targets.split(",")],
        task_type=TaskType.CAUSAL_LM,
        fan_in_fan_out=any(isinstance(module, Conv1D) for module in policy.model.modules()),  # GPT-2's layers
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers by a name that it is renaming
        return replace(policy, model=get_peft_model(policy.model, config).eval())


def base_model(model: Any) -> Any:
    """The transformers model itself, without peft's wrapper."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def merged_state(model: Any) -> dict[str, torch.Tensor]:
    """The weights as a plain model has them: LoRA's deltas added in, the model itself left alone."""
    base = base_model(model)
    state = {name: tensor.detach() for name, tensor in base.state_dict().items()}
    if base is model:
        return state
    plain = {name.replace(".base_layer.", "."): tensor for name, tensor in state.items() if ".lora_" not in name}
    for name, module in base.named_modules():
        if hasattr(module, "get_delta_weight") and hasattr(module, "active_adapters"):
            for adapter in module.active_adapters:
                delta = module.get_delta_weight(adapter)
                plain[f"{name}.weight"] = plain[f"{name}.weight"] + delta.to(plain[f"{name}.weight"].dtype)
    return plain


def save_policy(policy: Policy, directory: Path, card: str, *, dtype: torch.dtype = torch.float32) -> str:
    """Write a ``save_pretrained`` directory (safetensors, tokenizer, README.md), whole or not at all.

    LoRA adapters are merged. Returns ``model_digest`` of what was written.
    """
    part = directory.with_name(directory.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    base = base_model(policy.model)
    state: dict[str, torch.Tensor] = {}
    converted: dict[tuple[int, torch.Size], torch.Tensor] = {}  # tied weights stay one tensor, and are stored once
    for name, tensor in merged_state(policy.model).items():
        key = (tensor.data_ptr(), tensor.shape)
        if key not in converted:
            converted[key] = tensor.to("cpu", dtype) if tensor.is_floating_point() else tensor.cpu()
        state[name] = converted[key]
    before, base.config.dtype = base.config.dtype, dtype
    try:
        base.save_pretrained(part, state_dict=state)
    finally:
        base.config.dtype = before
    policy.tokenizer.save_pretrained(part)
    (part / "README.md").write_text(card, encoding="utf-8")
    shutil.rmtree(directory, ignore_errors=True)
    part.rename(directory)
    return model_digest(directory)


def model_digest(directory: Path) -> str:
    """The sha256 (hex) over a directory's weight files, by name and content. Raises NoModel without any."""
    try:
        return weights_digest(directory)
    except FileNotFoundError as error:
        raise NoModel(str(error)) from error
