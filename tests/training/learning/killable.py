"""A training that a test runs in a child process and kills: `python -m tests.training.learning.killable DIR`."""

import sys
import time
from pathlib import Path

import torch
from safetensors.torch import save_file

from training.learning.optimise import Part, optimise
from training.learning.recipes import OptimSettings

STEPS = 40
SETTINGS = OptimSettings(learning_rate=1e-2, lr_scheduler_type="cosine", save_steps=3, save_seconds=0.0, seed=5)


def network() -> torch.nn.Module:
    """A small network with dropout, so that the random state matters."""
    torch.manual_seed(0)
    layers = [torch.nn.Linear(6, 32), torch.nn.Tanh(), torch.nn.Dropout(0.3), torch.nn.Linear(32, 1)]
    return torch.nn.Sequential(*layers)


def batches() -> list[list[torch.Tensor]]:
    """Two micro-batches of unlike size per step."""
    noise = torch.Generator().manual_seed(1)
    return [[torch.randn(n, 6, generator=noise) for n in (5, 9)] for _ in range(STEPS)]


def squared_error(model: torch.nn.Module, inputs: torch.Tensor) -> Part:
    """The sum over a micro-batch."""
    error = (model(inputs)[:, 0] - inputs.sum(1)).pow(2)
    return Part(error.sum(), len(inputs), {"absolute": float(error.detach().sqrt().sum())})


def main(directory: Path, pause: float) -> None:
    """Train, telling each step in a file, and save the weights."""
    torch.set_num_threads(1)
    model = network()
    steps = directory / "steps"

    def report(step: int, total: int, metrics: dict[str, float]) -> None:
        with steps.open("a") as out:
            out.write(f"{step}\n")
        time.sleep(pause)

    optimise(model, batches(), squared_error, SETTINGS, directory=directory, report=report)
    save_file(model.state_dict(), directory / "weights.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
