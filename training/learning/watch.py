"""Keep the best checkpoint of a training by a measure of its own, and stop when it no longer gets better."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

Measure = Callable[[float], dict[str, float]]  # of a step; returns at least "quality": more is better


@dataclass
class Watch:
    """Measures a model in training: pass it to ``optimise`` as ``enough`` (every ``every`` steps), or call ``look``.

    The best weights so far and every measurement lie in ``directory``, so a resumed run goes on where it was.
    ``patience`` is how many measurements without a better one are borne.
    """

    model: torch.nn.Module
    measure: Measure
    directory: Path
    every: int = 1
    patience: int = 2
    seen: list[dict[str, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Read what an earlier attempt measured; without any, measure the untrained model as step 0."""
        self.directory.mkdir(parents=True, exist_ok=True)
        if self._record.is_file():
            self.seen = json.loads(self._record.read_text(encoding="utf-8"))
        else:
            self.look(0)

    @property
    def best(self) -> dict[str, float]:
        """The best measurement, the earliest of equals; its ``step`` is 0 for the untrained model."""
        return self._best_of(self.seen)

    @staticmethod
    def _best_of(seen: list[dict[str, float]]) -> dict[str, float]:
        return max(seen, key=lambda told: (told["quality"], -told["step"]))

    def __call__(self, step: int, metrics: dict[str, float]) -> bool:
        """Measure when it is time; True when training has gone on long enough. Adds what it saw to ``metrics``."""
        if step % self.every:
            return False
        told = self.look(step)
        metrics |= {f"watch/{name}": value for name, value in told.items() if name != "step"}
        return self.enough(step)

    def enough(self, step: float) -> bool:
        """Whether, by ``step``, as many measurements as ``patience`` bears had passed since the best one: a run that is
        resumed stops where it would have, whatever it measured later.
        """
        seen = [told for told in self.seen if told["step"] <= step]
        best = self._best_of(seen)
        return sum(told["step"] > best["step"] for told in seen) >= self.patience

    def latest(self, step: float) -> dict[str, float]:
        """The last measurement up to ``step``."""
        return max((told for told in self.seen if told["step"] <= step), key=lambda told: told["step"])

    def look(self, step: float) -> dict[str, float]:
        """Measure the model as it is now and keep its weights when they are the best; once per step."""
        known = [told for told in self.seen if told["step"] == step]
        return known[0] if known else self._measured(step)

    def restore(self) -> dict[str, float]:
        """Put the best weights back into the model and return their measurement."""
        weights = load_file(self.directory / "best.safetensors")
        with torch.no_grad():
            for name, parameter in self._trained().items():
                parameter.copy_(weights[name])
        return self.best

    @property
    def _record(self) -> Path:
        return self.directory / "watched.json"

    def _trained(self) -> dict[str, torch.nn.Parameter]:
        return {name: p for name, p in self.model.named_parameters() if p.requires_grad}

    def _measured(self, step: float) -> dict[str, float]:
        told = {**self.measure(step), "step": float(step)}
        if not self.seen or told["quality"] > self.best["quality"]:
            weights = {name: p.detach().cpu().clone().contiguous() for name, p in self._trained().items()}
            part = self.directory / "best.part"
            save_file(weights, part)
            part.replace(self.directory / "best.safetensors")
        self.seen.append(told)
        part = self.directory / "watched.part"
        part.write_text(json.dumps(self.seen), encoding="utf-8")
        part.replace(self._record)
        return told
