"""Where and in which precision a run computes: resolved once, stored with the run, honoured or refused."""

import os
import platform
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar

import torch
import transformers

Result = TypeVar("Result")
SMALL = 20_000_000  # parameters; below it autocast's conversions cost more than bf16 multiplications save


class CannotHonour(RuntimeError):
    """This machine cannot run as a stored run was planned; the message says why and what to do."""


@dataclass(frozen=True)
class Compute:
    """How a run computes. Parameters are fp32 in training; ``dtype`` is what the multiplications use.

    A run stores this (``to_json``) and a resumed run calls ``honour`` before its first step.
    """

    device: str  # "cpu" or "cuda"
    dtype: str  # "float32" or "bfloat16"
    threads: int
    deterministic: bool
    capability: str  # what was found: the instruction set of a CPU or the name of a GPU
    torch_version: str
    transformers_version: str

    def autocast(self) -> torch.autocast:
        """The context in which forward passes run: bf16 multiplications over fp32 parameters, or nothing."""
        return torch.autocast(self.device, dtype=torch.bfloat16, enabled=self.dtype == "bfloat16")

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Compute":
        """Read back ``to_json``. Raises ValueError naming unknown or missing keys."""
        known = {field.name for field in fields(cls)}
        if set(data) != known:
            raise ValueError(f"a stored compute plan has the keys {sorted(known)}, not {sorted(data)}")
        return cls(**data)


def cpu_capability() -> str:
    """What this CPU multiplies matrices with: ``amx``, ``avx512_bf16`` or torch's name for it."""
    found: dict[str, Any] = dict(torch.cpu.get_capabilities())
    if found.get("amx_bf16") or found.get("amx_tile"):
        return "amx"
    if found.get("avx512_bf16"):
        return "avx512_bf16"
    return str(torch.backends.cpu.get_cpu_capability())


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def resolve(*, parameters: int = 0, background: bool = False, device: str | None = None) -> Compute:
    """Choose for this machine and a model of ``parameters`` parameters.

    ``background`` leaves one core to the people who judge meanwhile. bf16 is chosen only where it pays:
    a GPU, or a CPU with AMX or AVX512-bf16 and a model that is not small.
    """
    chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
    capability = torch.cuda.get_device_name() if chosen == "cuda" else cpu_capability()
    fast_bf16 = chosen == "cuda" or capability in ("amx", "avx512_bf16")
    return Compute(
        device=chosen,
        dtype="bfloat16" if fast_bf16 and parameters > SMALL else "float32",
        threads=max(1, cores() - 1) if background else cores(),
        deterministic=True,
        capability=capability,
        torch_version=torch.__version__,
        transformers_version=transformers.__version__,
    )


def honour(plan: Compute) -> None:
    """Set this process up as planned. Raises CannotHonour where the machine computes otherwise."""
    if plan.device == "cuda" and not torch.cuda.is_available():
        raise CannotHonour("this run was planned for a GPU and none is visible here: start it anew on this machine")
    here = resolve(device=plan.device)
    for what in ("capability", "torch_version", "transformers_version"):
        if getattr(plan, what) != getattr(here, what):
            raise CannotHonour(
                f"this run was begun with {what.replace('_', ' ')} {getattr(plan, what)!r} and here it is "
                f"{getattr(here, what)!r}: it would not go on with the same numbers; start it anew"
            )
    if plan.threads > cores():
        raise CannotHonour(
            f"this run was planned on {plan.threads} threads and this machine gives {cores()}: start it anew"
        )
    configure(plan)


def configure(plan: Compute) -> None:
    """Threads and deterministic algorithms for this process."""
    torch.set_num_threads(plan.threads)
    if plan.device == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(plan.deterministic, warn_only=True)
    # Filling every new tensor with NaN would find reads of unwritten memory, for 1 to 4 % of a step's time.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def precision(plan: Compute | None) -> AbstractContextManager[object]:
    """The context of forward passes; without a plan, the model's own precision."""
    return nullcontext() if plan is None else plan.autocast()


def precisely(function: Callable[..., Result], plan: Compute | None) -> Callable[..., Result]:
    """The function in the precision of a plan."""

    def planned(*arguments: Any) -> Result:
        with precision(plan):
            return function(*arguments)

    return planned


def describe(plan: Compute) -> str:
    """One sentence for a run's log."""
    return f"{plan.device} ({plan.capability}, {platform.machine()}), {plan.dtype}, {plan.threads} threads"
