"""Low-rank adapters for the time of a training: what is saved afterwards is a plain model, the adapters added in."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from ..recipes import LoraSettings

HEADS = ("score", "classifier")  # what transformers calls the layer that reads the states of a classifier


@contextmanager
def adapted(module: torch.nn.Module, settings: LoraSettings | None, seed: int) -> Iterator[None]:
    """Inside the block the backbones in ``module`` learn through adapters alone (Hu et al. 2021, arXiv:2106.09685),
    beside their heads and whatever else the module holds; afterwards they are plain again, with what was learned.

    Without settings, nothing changes. The adapters begin as nothing, and the same for the same seed. Raises ValueError
    when ``target_modules`` names no layer.
    """
    if settings is None:
        yield
        return
    asked = {parameter: parameter.requires_grad for parameter in module.parameters()}
    torch.manual_seed(seed)
    backbones = list(_outermost(module))
    for backbone in backbones:
        _inject(backbone, settings)
    try:
        yield
    finally:
        for backbone in backbones:
            _fold(backbone)
        for parameter, trainable in asked.items():
            parameter.requires_grad_(trainable)


def _outermost(module: torch.nn.Module) -> Iterator[PreTrainedModel]:
    """The transformers models in a module that stand in no other one."""
    if isinstance(module, PreTrainedModel):
        yield module
        return
    for child in module.children():
        yield from _outermost(child)


def _inject(model: PreTrainedModel, settings: LoraSettings) -> None:
    from peft import LoraConfig, TaskType, inject_adapter_in_model  # costs a second; only LoRA runs pay it

    heads = [getattr(model, name) for name in HEADS if isinstance(getattr(model, name, None), torch.nn.Linear)]
    targets = settings.target_modules
    config = LoraConfig(
        r=settings.r,
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        target_modules=targets if targets == "all-linear" else [name.strip() for name in targets.split(",")],
        task_type=TaskType.SEQ_CLS if heads else TaskType.CAUSAL_LM,
        fan_in_fan_out=any(isinstance(part, Conv1D) for part in model.modules()),  # GPT-2's layers
    )
    inject_adapter_in_model(config, model)
    for head in heads:
        head.requires_grad_(True)


@torch.no_grad()
def _fold(model: torch.nn.Module) -> None:
    """Add the adapters' deltas in, and put the plain layers back in their places."""
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            layer: Any = child
            if hasattr(layer, "get_delta_weight") and hasattr(layer, "get_base_layer"):
                plain = layer.get_base_layer()
                for adapter in layer.active_adapters:
                    plain.weight += layer.get_delta_weight(adapter).to(plain.weight.dtype)
                setattr(parent, name, plain)
    if hasattr(model, "peft_config"):
        del model.peft_config
