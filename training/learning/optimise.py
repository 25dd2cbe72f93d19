"""THE training loop: accumulate, clip, step, report, checkpoint, resume bitwise, stop.

A checkpoint is a directory of safetensors and JSON: the trainable parameters, AdamW's moments, what changes beside
the model, the random state and the position in the plan. The plan itself is a pure function of the recipe, so a run
that is killed goes on from its last checkpoint with the same numbers, bit for bit, on the same machine.
"""

import json
import math
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from safetensors.torch import load_file, save_file

from .recipes import OptimSettings

Micro = TypeVar("Micro")
Report = Callable[[int, int, dict[str, float]], None]


class Diverged(RuntimeError):
    """The loss or its gradient is no longer a number."""


@dataclass(frozen=True)
class Part:
    """What a loss function returns for one micro-batch: sums, so that parts of a step add up exactly.

    ``loss`` is the sum over the micro-batch's items (0-d, with gradient) and ``count`` how many items it sums;
    the step's loss is the sum of losses over the sum of counts. ``metrics`` are sums over items too.
    """

    loss: torch.Tensor
    count: float
    metrics: dict[str, float] = field(default_factory=dict)


class Companion(Protocol):
    """Something beside the model that changes with every step, such as a reference that follows it."""

    def after_step(self, step: int) -> None:
        """Called after each optimiser step, counted from 1, before it is reported or saved."""

    def state(self) -> dict[str, torch.Tensor]:
        """Its tensors, which a checkpoint holds; they are copied into on resumption."""


@dataclass(frozen=True)
class OptimResult:
    """How a training ended. ``finished`` is False when it was stopped; its checkpoint then waits to go on."""

    steps: int
    total: int
    finished: bool
    metrics: dict[str, float]  # of the last step
    seconds: float  # of work, over all resumptions


def learning_rate(settings: OptimSettings, step: int, total: int) -> float:
    """The learning rate of step 0..total-1: a linear warm-up, then constant, linear or cosine to zero."""
    warmup = round(settings.warmup_ratio * total)
    if step < warmup:
        return settings.learning_rate * (step + 1) / (warmup + 1)
    done = (step - warmup) / max(1, total - warmup)
    if settings.lr_scheduler_type == "linear":
        return settings.learning_rate * (1.0 - done)
    if settings.lr_scheduler_type == "cosine":
        return settings.learning_rate * 0.5 * (1.0 + math.cos(math.pi * done))
    return settings.learning_rate


def optimise(
    model: torch.nn.Module,
    batches: Sequence[Sequence[Micro]],
    loss_fn: Callable[[Any, Micro], Part],
    settings: OptimSettings,
    *,
    directory: Path,
    report: Report = lambda step, total, metrics: None,
    should_stop: Callable[[], bool] = lambda: False,
    enough: Callable[[int, dict[str, float]], bool] = lambda step, metrics: False,
    companion: Companion | None = None,
) -> OptimResult:
    """Train ``model`` in place: one optimiser step per element of ``batches``, one backward per micro-batch.

    The gradient of a step is that of (sum of losses / sum of counts) over its micro-batches, so it does not
    depend on how the step was cut. Dropout is whatever mode the model is in (policies are loaded with it off).
    ``report`` gets the step's means and ``learning_rate``, ``grad_norm``; after a crash the steps since the
    last checkpoint are reported again. ``should_stop`` is asked after every step and leaves a checkpoint;
    ``enough`` ends the training early as finished. ``companion`` is told of every step, saved and resumed.
    Raises Diverged when loss or gradient is not finite.
    At the end the optimiser's state is deleted and only the weights stay, until ``forget(directory)``.
    """
    trainable = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if not trainable:
        raise ValueError("the model has no trainable parameter: every one has requires_grad=False")
    optimiser = _adamw(list(trainable.values()), settings)
    torch.manual_seed(settings.seed)
    total = len(batches)
    beside = {f"companion.{name}": tensor for name, tensor in (companion.state() if companion else {}).items()}
    position = _resume(directory, trainable, optimiser, total, beside)
    result = OptimResult(position["step"], total, position["finished"], position["metrics"], position["seconds"])
    began = saved = time.monotonic()
    while not result.finished and result.steps < total:
        step = result.steps
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(settings, step, total)
        metrics = _backward(model, batches[step], loss_fn, list(trainable.values()))
        metrics["grad_norm"] = _clip(list(trainable.values()), settings.max_grad_norm)
        metrics["learning_rate"] = optimiser.param_groups[0]["lr"]
        if not (math.isfinite(metrics["loss"]) and math.isfinite(metrics["grad_norm"])):
            raise Diverged(f"step {step + 1} of {total}: the loss is {metrics['loss']}; lower the learning rate")
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        if companion is not None:
            companion.after_step(step + 1)
        seconds = position["seconds"] + time.monotonic() - began
        result = OptimResult(step + 1, total, enough(step + 1, metrics), metrics, seconds)
        report(step + 1, total, metrics)
        due = settings.save_steps > 0 and (step + 1) % settings.save_steps == 0
        due = due or 0 < settings.save_seconds <= time.monotonic() - saved
        stop = should_stop()
        if (due or stop) and step + 1 < total and not result.finished:
            _save(directory, trainable, optimiser, result, beside)
            saved = time.monotonic()
        if stop and step + 1 < total:
            return result
    if not position["finished"]:
        result = OptimResult(result.steps, total, True, result.metrics, result.seconds)
        _save(directory, trainable, None, result)
    return result


def forget(directory: Path) -> None:
    """Remove what ``optimise`` keeps in a directory, once the model is saved elsewhere."""
    for path in directory.glob("checkpoint-*"):
        shutil.rmtree(path)


def _adamw(parameters: list[torch.nn.Parameter], settings: OptimSettings) -> torch.optim.AdamW:
    """AdamW (arXiv:1711.05101), fused; weight decay on matrices only, as is usual for transformers."""
    groups = [
        {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=settings.learning_rate,
        betas=(settings.adam_beta1, settings.adam_beta2),
        eps=settings.adam_epsilon,
        fused=parameters[0].device.type in ("cpu", "cuda"),
    )


def _backward(
    model: Any, step: Sequence[Micro], loss_fn: Callable[[Any, Micro], Part], parameters: list[torch.nn.Parameter]
) -> dict[str, float]:
    """Accumulate the gradient of the step's mean loss and return the step's means."""
    sums: dict[str, float] = {"loss": 0.0}
    count = 0.0
    for micro in step:
        part = loss_fn(model, micro)
        part.loss.backward()  # type: ignore[no-untyped-call]
        sums["loss"] += float(part.loss.detach())
        count += part.count
        for name, value in part.metrics.items():
            sums[name] = sums.get(name, 0.0) + value
    scale = 1.0 / max(count, 1e-12)
    for parameter in parameters:
        if parameter.grad is not None:
            parameter.grad.mul_(scale)
    return {name: value * scale for name, value in sums.items()}


def _clip(parameters: list[torch.nn.Parameter], most: float) -> float:
    """Clip to the norm ``most`` (0: only measure) and return the norm before."""
    return float(torch.nn.utils.clip_grad_norm_(parameters, most or math.inf))


def _checkpoints(directory: Path) -> list[Path]:
    return sorted(directory.glob("checkpoint-*[0-9]"), key=lambda path: int(path.name.rpartition("-")[2]))


def _save(
    directory: Path,
    trainable: dict[str, torch.nn.Parameter],
    optimiser: torch.optim.Optimizer | None,
    result: OptimResult,
    beside: Mapping[str, torch.Tensor] | None = None,
) -> None:
    """Write a checkpoint whole or not at all, then drop the older ones. Without an optimiser: weights only."""
    tensors = {f"model.{name}": p.detach().cpu().contiguous() for name, p in trainable.items()}
    tensors |= {name: tensor.detach().cpu().contiguous() for name, tensor in (beside or {}).items()}
    if optimiser is not None:
        for name, parameter in trainable.items():
            for key, value in optimiser.state.get(parameter, {}).items():
                tensors[f"optimiser.{key}.{name}"] = value.detach().cpu().contiguous()
        tensors["rng.cpu"] = torch.get_rng_state()
        if torch.cuda.is_available():
            tensors["rng.cuda"] = torch.cuda.get_rng_state()
    position = {
        "step": result.steps,
        "total": result.total,
        "finished": result.finished,
        "metrics": result.metrics,
        "seconds": result.seconds,
    }
    place = directory / f"checkpoint-{result.steps}"
    part = directory / f"{place.name}.part"
    for torn in directory.glob("checkpoint-*.part"):  # of a process killed while it wrote
        shutil.rmtree(torn)
    part.mkdir(parents=True)
    save_file(tensors, part / "state.safetensors")
    (part / "position.json").write_text(json.dumps(position), encoding="utf-8")
    for name in ("state.safetensors", "position.json"):
        _sync(part / name)
    older = _checkpoints(directory)
    shutil.rmtree(place, ignore_errors=True)
    part.rename(place)
    _sync(directory)
    for path in older:
        if path != place:
            shutil.rmtree(path)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _resume(
    directory: Path,
    trainable: dict[str, torch.nn.Parameter],
    optimiser: torch.optim.Optimizer,
    total: int,
    beside: Mapping[str, torch.Tensor],
) -> dict[str, Any]:
    """Load the newest checkpoint into model and optimiser; without one, the position of a fresh start."""
    found = _checkpoints(directory)
    if not found:
        return {"step": 0, "total": total, "finished": False, "metrics": {}, "seconds": 0.0}
    position: dict[str, Any] = json.loads((found[-1] / "position.json").read_text(encoding="utf-8"))
    tensors = load_file(found[-1] / "state.safetensors")
    names = {name.removeprefix("model.") for name in tensors if name.startswith("model.")}
    if position["total"] != total or names != set(trainable):
        raise ValueError(
            f"the checkpoint in {directory.name} belongs to another plan ({position['total']} steps, "
            f"{len(names)} tensors; this is {total} steps, {len(trainable)} tensors): start the run anew"
        )
    with torch.no_grad():
        if not position["finished"]:  # a finished run keeps its weights alone
            for name, tensor in beside.items():
                tensor.copy_(tensors[name])
        for name, parameter in trainable.items():
            parameter.copy_(tensors[f"model.{name}"])
            if not position["finished"]:
                optimiser.state[parameter] = {
                    key: tensors[f"optimiser.{key}.{name}"].to(parameter.device)
                    for key in ("step", "exp_avg", "exp_avg_sq")
                    if f"optimiser.{key}.{name}" in tensors  # a parameter without gradient has no moments
                }
    if "rng.cpu" in tensors:
        torch.set_rng_state(tensors["rng.cpu"])
    if "rng.cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["rng.cuda"])
    return position
