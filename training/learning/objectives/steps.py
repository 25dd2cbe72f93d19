"""A training plan whose batches are laid out only when their step comes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, overload

Micro = TypeVar("Micro")


class LazySteps(Sequence[list[Micro]], Generic[Micro]):
    """Steps of micro-batches: which groups is settled, tensors are made on access (masks grow with length²)."""

    def __init__(self, plan: Sequence[Sequence[tuple[int, ...]]], build: Callable[[tuple[int, ...]], Micro]) -> None:
        """``plan`` as ``training_steps`` returns it; ``build`` makes one micro-batch of its groups."""
        self.plan = plan
        self.build = build

    def __len__(self) -> int:
        """How many optimiser steps."""
        return len(self.plan)

    @overload
    def __getitem__(self, step: int) -> list[Micro]: ...
    @overload
    def __getitem__(self, step: slice) -> "LazySteps[Micro]": ...
    def __getitem__(self, step: int | slice) -> "list[Micro] | LazySteps[Micro]":
        """One step's micro-batches, or a part of the plan."""
        if isinstance(step, slice):
            return LazySteps(self.plan[step], self.build)
        return [self.build(chosen) for chosen in self.plan[step]]


@dataclass(frozen=True)
class PlannedTraining(Generic[Micro]):
    """What a preference training will do, and what ``max_length`` cost it (``text.cuts``)."""

    steps: LazySteps[Micro]
    cut: dict[str, int]
