"""What a run trains on: one pair objective, or several with weights, and whether it fits a recipe and its data."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields

import torch

from ..recipes import ObjectiveDials, PolicyRecipe
from ..rows import PreferenceRow
from .terms import PairObjective, PairTerms, soft_loss

READ_BY_ALL = ("beta", "label_smoothing", "ld_alpha", "use_weighting", "strength_weight")
READ_WITH_REFERENCE = ("sync_ref_model", "ref_model_mixup_alpha", "ref_model_sync_steps")


@dataclass(frozen=True)
class Mixture:
    """Pair objectives with their weights; the loss is the weighted sum (MPO, Wang et al. 2024, arXiv:2411.10442)."""

    parts: tuple[tuple[PairObjective, float], ...]

    @property
    def reference(self) -> bool:
        """Does any of them compare with a reference?"""
        return any(objective.reference for objective, _ in self.parts)

    @property
    def whole_batch(self) -> bool:
        """Does any of them look at all pairs of a step at once?"""
        return any(objective.whole_batch for objective, _ in self.parts)

    @property
    def guided(self) -> bool:
        """Does any of them want a reward for every token?"""
        return any(objective.guided for objective, _ in self.parts)

    @property
    def read(self) -> set[str]:
        """The dials that at least one of them reads."""
        modifiers = READ_WITH_REFERENCE if self.reference else ()
        return {*READ_BY_ALL, *modifiers, *(name for objective, _ in self.parts for name in objective.dials)}

    def losses(self, terms: PairTerms, dials: ObjectiveDials) -> torch.Tensor:
        """The weighted sum of the objectives' soft losses: [P]."""
        losses_P = torch.zeros_like(terms.weight_P)
        for objective, weight in self.parts:
            losses_P = losses_P + weight * soft_loss(objective, terms, dials)
        return losses_P

    def refuse_unfit(self, rows: Sequence[PreferenceRow]) -> None:
        """Raise ValueError in words when these rows cannot be learned from so."""
        soft = sum(row.p not in (0.0, 1.0) for row in rows)
        uneven = sum(row.weight != 1.0 for row in rows)
        if self.whole_batch and (soft or uneven):
            raise ValueError(
                f"{self._sorting} compares all pairs of a step at once, so it takes certain labels of weight 1; of "
                f"{len(rows)} pairs {soft} are ties or split votes and {uneven} have another weight. Choose another "
                "loss_type."
            )

    @property
    def _sorting(self) -> str:
        return next(objective.key for objective, _ in self.parts if objective.whole_batch)


def refuse_unread(recipe: PolicyRecipe, read: Collection[str]) -> None:
    """Raise ValueError when a dial was changed that nobody reads."""
    plain = ObjectiveDials()
    for dial in fields(ObjectiveDials):
        if dial.name not in read and getattr(recipe, dial.name) != getattr(plain, dial.name):
            raise ValueError(
                f"{dial.name} has no meaning for {recipe.loss_type}, which reads {', '.join(sorted(read))}: take it "
                "out of the recipe, or choose another loss_type"
            )


def weighed(loss_type: str, loss_weights: Mapping[str, float]) -> dict[str, float]:
    """Every objective of a recipe with its weight; ``loss_type`` weighs 1 unless said."""
    return {loss_type: 1.0, **loss_weights}
