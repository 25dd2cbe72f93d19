"""The dials of what keeps a reward model honest; what each one means in full is said where it is read."""

from dataclasses import dataclass, field, fields

from .rewards.aggregate import check_rule

DOUBTFUL = ("keep", "flip", "drop", "soften")
SHARES = ("doubtful_share", "cluster_similarity", "cluster_confidence", "fusion_similarity")


@dataclass(frozen=True)
class EnsembleDials:
    """How members differ, and how their rewards become one. Every reward method reads these.

    Members differ by seed; ``bootstrap`` also draws each one's judgments anew with replacement, and ``bases`` names
    each one's backbone in turn (none: the incumbent's). ``aggregate`` and ``uncertainty_weight`` are those of
    ``rewards.aggregate``. ``evaluation_member`` trains one more that takes no part and only measures.
    """

    members: int = 1
    aggregate: str = "mean"
    uncertainty_weight: float = 0.5
    bootstrap: bool = False
    bases: list[str] = field(default_factory=list)
    evaluation_member: bool = False

    def check_ensemble(self) -> None:
        """Refuse what is no ensemble, in words."""
        check_rule(self.aggregate, self.uncertainty_weight)
        if self.members < 1:
            raise ValueError(f"members is at least 1, not {self.members}")
        if self.members == 1 and self.aggregate != "mean":
            raise ValueError(f"aggregate {self.aggregate} needs members that can disagree: give 2 or more, not 1")
        _check_names("bases", self.bases)
        if len(self.bases) > self.members + self.evaluation_member:
            raise ValueError(
                f"{len(self.bases)} bases and {self.members} members: give at least a member for each base"
            )


@dataclass(frozen=True)
class RobustDials:
    """Read by the pairwise methods of ``rewards.robust_methods``; as they stand, all of them are off.

    Strength: ``strength_models`` (0: off) judge every label; of the least sure ``doubtful_share``, those whose mean is
    below 0 are treated as ``doubtful`` says; ``adaptive_margin`` and ``contrastive_weight`` enter the loss;
    ``meta_step`` is MetaRM's inner ascent. Pessimism: ``pessimism`` is b·√n and ``bound_ridge`` the λ of its metric.
    Blend: ``auxiliary`` names rules to blend in. On-policy: ``bottleneck_epochs`` over them and ``bottleneck_beta``;
    ``synthetic_weight`` with ``cluster_similarity`` and ``cluster_confidence``; ``samples_each`` fresh samples for each
    of ``sample_prompts`` prompts, ``sample_tokens`` long at most. Consistency: ``perturbations`` per response,
    ``fusion_neighbours`` at least ``fusion_similarity`` alike. Features: ``features`` names them, ``feature_units`` is
    the hidden layer's width.
    """

    strength_models: int = 0
    doubtful: str = "keep"
    doubtful_share: float = 0.1
    adaptive_margin: float = 0.0
    contrastive_weight: float = 0.0
    contrastive_temperature: float = 0.1
    meta_step: float = 0.0
    pessimism: float = 0.0
    bound_ridge: float = 0.1
    auxiliary: list[str] = field(default_factory=list)
    bottleneck_epochs: float = 0.0
    bottleneck_beta: float = 0.01
    synthetic_weight: float = 0.0
    cluster_similarity: float = 0.7
    cluster_confidence: float = 0.5
    samples_each: int = 4
    sample_prompts: int = 64
    sample_tokens: int = 96
    perturbations: int = 0
    fusion_neighbours: int = 0
    fusion_similarity: float = 0.9
    features: list[str] = field(default_factory=list)
    feature_units: int = 16

    def check_robust(self) -> None:
        """Refuse dials without a meaning, in words."""
        if self.doubtful not in DOUBTFUL:
            raise ValueError(f"doubtful is one of {', '.join(DOUBTFUL)}, not {self.doubtful!r}")
        for dial in fields(RobustDials):
            value = getattr(self, dial.name)
            if dial.name in SHARES and not 0.0 <= value <= 1.0:
                raise ValueError(f"{dial.name} is between 0 and 1, not {value}")
            if isinstance(value, int | float) and value < 0:
                raise ValueError(f"{dial.name} is at least 0, not {value}")
            if isinstance(value, list):
                _check_names(dial.name, value)
        self._refuse_what_lacks_its_other_half()

    def _refuse_what_lacks_its_other_half(self) -> None:
        if self.strength_models % 2:
            raise ValueError(f"strength_models come in pairs, one for each half of a split: not {self.strength_models}")
        if not self.strength_models and (self.doubtful != "keep" or self.adaptive_margin):
            raise ValueError("doubtful labels and adaptive margins are found by strength_models: set it to 10, say")
        if self.samples_each < 2 or self.sample_prompts < 2:
            raise ValueError(
                "fresh samples are compared with each other: samples_each and sample_prompts are 2 or more"
            )
        if self.contrastive_temperature <= 0.0 or self.bound_ridge <= 0.0:
            raise ValueError("contrastive_temperature and bound_ridge are above 0")

    @property
    def needs_samples(self) -> bool:
        """Whether fresh responses of the incumbent are read."""
        return bool(self.meta_step or self.bottleneck_epochs or self.synthetic_weight)


def _check_names(dial: str, names: list[str]) -> None:
    if not all(isinstance(name, str) and name for name in names):
        raise ValueError(f"{dial} is a list of names, not {names!r}")
