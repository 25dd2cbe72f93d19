"""Recipes: all dials of a run in one frozen dataclass, stored with it, and functions that name good ones."""

from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any, Self, get_origin, get_type_hints

from .rewards.aggregate import check_rule
from .robust_dials import EnsembleDials, RobustDials
from .written_dials import WrittenDials


class Dials:
    """JSON for a frozen dataclass of dials; unknown keys and wrong types are refused in words."""

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)  # type: ignore[call-overload, no-any-return]

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Read ``to_json`` back; absent keys take their defaults. Raises ValueError in words."""
        return cls(**_values(cls, data))


def _values(cls: type[Any], data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise ValueError(f"{cls.__name__} is read from a JSON object, not from {type(data).__name__}")
    types = get_type_hints(cls)
    known = [dial.name for dial in fields(cls)]
    if unknown := sorted(set(data) - set(known)):
        raise ValueError(f"{cls.__name__} has no {', '.join(unknown)}; it has {', '.join(known)}")
    return {name: _value(f"{cls.__name__}.{name}", types[name], value) for name, value in data.items()}


def _value(where: str, kind: Any, value: Any) -> Any:
    allowed: tuple[type, ...] = getattr(kind, "__args__", (kind,))  # a union names its members
    for member in allowed:
        if is_dataclass(member) and isinstance(value, dict):
            return member(**_values(member, value))
    if get_origin(kind) is dict:
        if isinstance(value, dict):
            return dict(value)
        raise ValueError(f"{where} is a JSON object, not {value!r}")
    if get_origin(kind) is list:
        if isinstance(value, list):
            return list(value)
        raise ValueError(f"{where} is a JSON array, not {value!r}")
    if float in allowed and type(value) is int:
        return float(value)
    if type(value) not in allowed:
        names = " or ".join(member.__name__.replace("NoneType", "null") for member in allowed)
        raise ValueError(f"{where} is {names}, not {value!r}")
    return value


def _require(condition: bool, sentence: str) -> None:
    if not condition:
        raise ValueError(sentence)


MOST_LEAVES = 4096  # of one tree


@dataclass(frozen=True)
class SamplerSettings(Dials):
    """How responses are drawn. ``top_k`` 0 and ``top_p`` 1 are off; ``temperature`` 0 is greedy.

    ``branching`` of 2 or more draws responses as leaves of trees (``sampling.uniforms``), so that those to one prompt
    begin alike: every ``segment_tokens`` tokens, ``depth`` times over, a beginning goes on in ``branching`` ways.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    max_new_tokens: int = 160
    batch_size: int = 256
    branching: int = 0
    depth: int = 2
    segment_tokens: int = 12

    def __post_init__(self) -> None:
        """Refuse settings that name no distribution."""
        _require(self.temperature >= 0.0, f"temperature is at least 0, not {self.temperature}")
        _require(0.0 < self.top_p <= 1.0, f"top_p is above 0 and at most 1, not {self.top_p}")
        _require(self.top_k >= 0, f"top_k is at least 0 (0 is off), not {self.top_k}")
        _require(self.max_new_tokens >= 1, f"max_new_tokens is at least 1, not {self.max_new_tokens}")
        _require(self.batch_size >= 1, f"batch_size is at least 1, not {self.batch_size}")
        _require(
            self.branching == 0 or self.branching >= 2, f"branching is 0 (off) or 2 and more, not {self.branching}"
        )
        for name in ("depth", "segment_tokens"):
            _require(getattr(self, name) >= 1, f"{name} is at least 1, not {getattr(self, name)}")
        _require(self.branching**self.depth <= MOST_LEAVES, f"a tree has at most {MOST_LEAVES} leaves")
        begun = (self.depth - 1) * self.segment_tokens
        room = self.branching == 0 or begun < self.max_new_tokens
        _require(
            room, f"{begun} tokens of segments leave none of max_new_tokens {self.max_new_tokens} for the last one"
        )


@dataclass(frozen=True)
class LoraSettings(Dials):
    """Low-rank adapters (Hu et al. 2021, arXiv:2106.09685); ``target_modules``: names, or "all-linear"."""

    r: int = 16
    lora_alpha: int = 32
    lora_dropout: float = 0.0
    target_modules: str = "all-linear"


@dataclass(frozen=True)
class OptimSettings(Dials):
    """The training loop's dials, named as in TRL.

    ``warmup_ratio`` is a share of all steps. ``max_grad_norm`` 0 does not clip. ``save_steps`` and
    ``save_seconds`` say how often a checkpoint is written (0: never by that measure).
    ``batch_size`` counts groups per optimiser step; ``token_budget`` padded tokens per forward pass.
    """

    learning_rate: float = 1e-4
    lr_scheduler_type: str = "linear"
    warmup_ratio: float = 0.1
    weight_decay: float = 0.0
    adam_beta1: float = 0.9
    adam_beta2: float = 0.99
    adam_epsilon: float = 1e-8
    max_grad_norm: float = 1.0
    batch_size: int = 32
    num_train_epochs: float = 1.0
    token_budget: int = 4096
    save_steps: int = 0
    save_seconds: float = 30.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse a plan that cannot run."""
        schedules = ("constant", "linear", "cosine")
        _require(
            self.lr_scheduler_type in schedules,
            f"lr_scheduler_type is one of {', '.join(schedules)}, not {self.lr_scheduler_type!r}",
        )
        _require(self.learning_rate > 0.0, f"learning_rate is above 0, not {self.learning_rate}")
        _require(0.0 <= self.warmup_ratio <= 1.0, f"warmup_ratio is between 0 and 1, not {self.warmup_ratio}")
        _require(self.batch_size >= 1, f"batch_size is at least 1, not {self.batch_size}")
        _require(self.num_train_epochs > 0.0, f"num_train_epochs is above 0, not {self.num_train_epochs}")
        _require(self.token_budget >= 1, f"token_budget is at least 1, not {self.token_budget}")


HELPSTEER_FORMS = ("regression", "scaled", "regression_then_scaled")


@dataclass(frozen=True)
class RewardDials(WrittenDials, RobustDials, Dials):
    """The dials of the reward methods. Which method reads which is said by the method (``rewards.methods``); each
    one's meaning stands beside its formula.

    ``strength_margin`` scales how much more a strong verdict counts; ``center_rewards_coefficient`` keeps rewards near
    zero (as in TRL). ``train`` "head" fits the head alone, on states of the frozen backbone that are computed once per
    response; "all" fine-tunes everything. A warm start takes ``warm_share`` of a cold refit's steps, ``replay`` of its
    judgments are old ones, and its weights are shrunk to ``shrink`` of what was learned and perturbed by ``perturb``.
    """

    strength_margin: float = 0.5
    center_rewards_coefficient: float = 0.01
    train: str = "all"
    replay: float = 0.5
    warm_share: float = 0.15
    shrink: float = 1.0
    perturb: float = 0.0
    form: str = "regression_then_scaled"
    attribute: str = "helpfulness"
    extrapolation: float = 1.0
    ridge: float = 1.0
    embedding_size: int = 8
    tau: float = 0.1
    prompt_gates: bool = True
    policy_weight: float = 0.1
    beta: float = 0.1
    goal_weight: float = 0.5
    goal_positions: int = 16
    label_smoothing: float = 0.0
    solution: str = "product"
    outcome_weight: float = 0.0
    kwise: bool = True

    def __post_init__(self) -> None:
        """Refuse dials without a meaning."""
        _require(self.form in HELPSTEER_FORMS, f"form is one of {', '.join(HELPSTEER_FORMS)}, not {self.form!r}")
        _require(self.extrapolation >= 1.0, f"extrapolation is at least 1 (1 is none), not {self.extrapolation}")
        _require(self.ridge > 0.0, f"ridge is above 0, not {self.ridge}")
        _require(self.train in ("all", "head"), f"train is all or head, not {self.train!r}")
        for name in ("replay", "shrink"):
            _require(0.0 <= getattr(self, name) <= 1.0, f"{name} is in [0, 1], not {getattr(self, name)}")
        _require(0.0 < self.warm_share <= 1.0, f"warm_share is above 0 and at most 1, not {self.warm_share}")
        _require(self.perturb >= 0.0, f"perturb is at least 0, not {self.perturb}")
        even = self.embedding_size >= 2 and self.embedding_size % 2 == 0
        _require(even, f"embedding_size is an even number of at least 2, not {self.embedding_size}")
        _require(self.tau > 0.0, f"tau is above 0, not {self.tau}")
        _require(self.beta > 0.0, f"beta is above 0, not {self.beta}")
        for name in ("policy_weight", "goal_weight"):
            _require(getattr(self, name) >= 0.0, f"{name} is at least 0, not {getattr(self, name)}")
        _require(self.goal_positions >= 1, f"goal_positions is at least 1, not {self.goal_positions}")
        _require(0.0 <= self.label_smoothing < 0.5, f"label_smoothing is in [0, 0.5), not {self.label_smoothing}")
        _require(self.solution in ("product", "min"), f"solution is product or min, not {self.solution!r}")
        _require(0.0 <= self.outcome_weight <= 1.0, f"outcome_weight is in [0, 1], not {self.outcome_weight}")
        self.check_robust()
        self.check_written()


@dataclass(frozen=True)
class RewardRecipe(EnsembleDials, RewardDials):
    """A refit of the reward model. ``method`` is a key of ``rewards.methods``; without one it is a pairwise model with
    ties, strength, soft labels and weights. ``members`` is the size of the ensemble. ``sampler`` says how a method that
    learns from the policy's own samples draws them.
    """

    method: str = "davidson"
    max_length: int = 512
    lora: LoraSettings | None = None
    optim: OptimSettings = field(default_factory=OptimSettings)
    sampler: SamplerSettings = field(default_factory=SamplerSettings)

    def __post_init__(self) -> None:
        """Refuse dials without a meaning."""
        super().__post_init__()
        self.check_ensemble()
        _require(
            self.lora is None or self.train == "all",
            "lora adapts a backbone, and train head leaves it as it is: take lora out, or set train to all",
        )


F_DIVERGENCES = ("reverse_kl", "forward_kl", "js_divergence", "alpha_divergence")
TPO_LOSSES = ("sigmoid", "hinge", "ipo", "tpo-l")
OFFLINE_MODES = ("filtered", "weighted", "decision_transformer")


@dataclass(frozen=True)
class ObjectiveDials(Dials):
    """The dials of the preference objectives, named as in TRL where it has them. Which objective reads which is
    said by the objective (``terms.PairObjective.dials``); each one's meaning stands beside its formula.

    Every pair objective reads ``beta``, ``label_smoothing``, ``ld_alpha`` (1 counts the whole response),
    ``use_weighting`` and ``strength_weight`` (how much more each step of a stated strength counts). Those with a margin
    read ``strength_offset`` (the reward that strength asks for), links that know ties ``tie_probability``. Those on
    lists read ``strength_weight`` and what stands beside their formulas.
    """

    beta: float = 0.1
    label_smoothing: float = 0.0
    f_divergence_type: str = "reverse_kl"
    f_alpha_divergence_coef: float = 0.5
    ld_alpha: float = 1.0
    use_weighting: bool = False
    discopop_tau: float = 0.05
    simpo_gamma: float = 1.0
    alpha: float = 0.25
    entropy_alpha: float = 0.9
    nll_weight: float = 1.0
    contrastive_bias: float = 0.5
    odds_or_ratio: str = "odds"
    pairwise: bool = True
    desirable_weight: float = 1.0
    undesirable_weight: float = 1.0
    strength_offset: float = 0.0
    strength_weight: float = 0.0
    tie_probability: float = 0.5
    base_loss_type: str = "sigmoid"
    t_reg_alpha: float = 0.25
    srpo_alpha: float = 0.5
    rationale_gamma: float = 0.1
    rationale_form: str = "likelihood"
    ipl_gamma: float = 1.0
    ipl_lambda: float = 0.01
    ift_lambda: float = 0.2
    ift_gamma: float = 0.95
    dynamic_beta: float = 0.0
    dynamic_beta_rate: float = 0.5
    sync_ref_model: bool = False
    ref_model_mixup_alpha: float = 0.6
    ref_model_sync_steps: int = 512
    length_penalty: float = 1.0
    rrhf_weight: float = 1.0
    tpo_loss_type: str = "sigmoid"
    tpo_l_gamma: float = 0.5
    offline_mode: str = "filtered"
    score_threshold: float = 0.5

    def __post_init__(self) -> None:
        """Refuse dials without a meaning."""
        _require(self.beta > 0.0, f"beta is above 0, not {self.beta}")
        _require(0.0 <= self.label_smoothing < 0.5, f"label_smoothing is in [0, 0.5), not {self.label_smoothing}")
        _require(
            self.f_divergence_type in F_DIVERGENCES,
            f"f_divergence_type is one of {', '.join(F_DIVERGENCES)}, not {self.f_divergence_type!r}",
        )
        _require(0.0 <= self.ld_alpha <= 1.0, f"ld_alpha is in [0, 1] (1 is the whole response), not {self.ld_alpha}")
        _require(self.discopop_tau > 0.0, f"discopop_tau is above 0, not {self.discopop_tau}")
        _require(self.alpha >= 0.0, f"alpha is at least 0 (0 is SimPO), not {self.alpha}")
        _require(self.entropy_alpha > 0.0, f"entropy_alpha is above 0 (1 is DPO), not {self.entropy_alpha}")
        _require(self.nll_weight >= 0.0, f"nll_weight is at least 0, not {self.nll_weight}")
        _require(0.0 < self.contrastive_bias <= 1.0, f"contrastive_bias is in (0, 1], not {self.contrastive_bias}")
        self._refuse_of_lists()
        _require(0.0 < self.tie_probability < 1.0, f"tie_probability is in (0, 1), not {self.tie_probability}")
        for name in ("desirable_weight", "undesirable_weight", "strength_offset", "strength_weight"):
            _require(getattr(self, name) >= 0.0, f"{name} is at least 0, not {getattr(self, name)}")
        for name in ("t_reg_alpha", "rationale_gamma", "ipl_lambda", "dynamic_beta", "dynamic_beta_rate"):
            _require(getattr(self, name) >= 0.0, f"{name} is at least 0, not {getattr(self, name)}")
        for name in ("srpo_alpha", "ipl_gamma", "ift_lambda", "ift_gamma", "ref_model_mixup_alpha"):
            _require(0.0 <= getattr(self, name) <= 1.0, f"{name} is in [0, 1], not {getattr(self, name)}")
        _require(
            self.rationale_form in ("likelihood", "logistic"),
            f"rationale_form is likelihood or logistic, not {self.rationale_form!r}",
        )
        _require(self.ref_model_sync_steps >= 1, f"ref_model_sync_steps is at least 1, not {self.ref_model_sync_steps}")
        _require(self.odds_or_ratio in ("odds", "ratio"), f"odds_or_ratio is odds or ratio, not {self.odds_or_ratio!r}")

    def _refuse_of_lists(self) -> None:
        for name, known in (("tpo_loss_type", TPO_LOSSES), ("offline_mode", OFFLINE_MODES)):
            chosen = getattr(self, name)
            _require(chosen in known, f"{name} is one of {', '.join(known)}, not {chosen!r}")
        for name in ("length_penalty", "rrhf_weight"):
            _require(getattr(self, name) >= 0.0, f"{name} is at least 0, not {getattr(self, name)}")
        _require(0.0 <= self.score_threshold <= 1.0, f"score_threshold is in [0, 1], not {self.score_threshold}")


@dataclass(frozen=True)
class PolicyRecipe(ObjectiveDials):
    """A retraining of the policy by a pair objective on people's pairs and the reward model's.

    ``loss_type`` names the objective; ``loss_weights`` adds others with their weights ({"sft": 0.2}), or, where it
    names ``loss_type`` too, weighs that (TRL's mixtures).
    People's pairs: all of them in every round, or ``n_people`` drawn anew for each, in turn.
    The reward model's pairs: ``n_prompts`` training prompts, ``best_of`` fresh samples each, best against
    worst, kept where the posterior is at least ``sure``; they make up ``model_pairs_share`` of the weight of all
    pairs. That is done ``rounds`` times in a run, each time with samples of the policy as it then is and the
    incumbent as reference; the best round by ``n_validation`` prompts kept out of it is the result.
    A round beyond ``max_kl`` nats from the anchor (0: no limit) is never the result.
    ``reward_aggregate`` says how the members of a deep reward model are asked together (``rewards.aggregate``; "": as
    the model's own recipe says), with ``reward_uncertainty_weight``; the posterior has no members and reads neither.
    """

    loss_type: str = "sigmoid"
    loss_weights: dict[str, float] = field(default_factory=dict)
    model_pairs_share: float = 0.5
    sure: float = 0.75
    best_of: int = 8
    reward_aggregate: str = ""
    reward_uncertainty_weight: float = 0.5
    n_prompts: int = 256
    n_people: int = 0
    rounds: int = 1
    n_validation: int = 64
    max_kl: float = 0.0
    kl_samples: int = 256
    max_length: int = 512
    seed: int = 0
    sampler: SamplerSettings = field(default_factory=SamplerSettings)
    lora: LoraSettings | None = None
    optim: OptimSettings = field(default_factory=OptimSettings)

    def __post_init__(self) -> None:
        """Refuse dials without a meaning."""
        super().__post_init__()
        for name, weight in self.loss_weights.items():
            _require(
                type(weight) in (int, float) and weight >= 0.0,
                f"loss_weights.{name} is a number of at least 0, not {weight!r}",
            )
        _require(
            0.0 <= self.model_pairs_share <= 1.0,
            f"model_pairs_share is in [0, 1], not {self.model_pairs_share}",
        )
        check_rule(self.reward_aggregate or "mean", self.reward_uncertainty_weight)
        _require(0.5 <= self.sure <= 1.0, f"sure is a probability of at least 0.5, not {self.sure}")
        _require(self.best_of >= 2, f"best_of is at least 2, not {self.best_of}")
        _require(self.n_prompts >= 0, f"n_prompts is at least 0, not {self.n_prompts}")
        _require(self.n_people >= 0, f"n_people is at least 0 (0 is all), not {self.n_people}")
        _require(self.rounds >= 1, f"rounds is at least 1, not {self.rounds}")
        _require(self.n_validation >= 8, f"n_validation is at least 8, not {self.n_validation}")
        _require(self.max_kl >= 0.0, f"max_kl is at least 0 (0 is no limit), not {self.max_kl}")
        _require(self.kl_samples >= 256, f"kl_samples is at least 256, not {self.kl_samples}")


def starter_dpo() -> PolicyRecipe:
    """DPO for the starter policy: full fine-tuning in fp32, a minute or so on two cores (EXPERIMENTS.md)."""
    return PolicyRecipe(
        beta=0.1,
        rounds=6,
        n_prompts=64,
        n_people=192,
        sampler=SamplerSettings(temperature=1.0, max_new_tokens=96),
        optim=OptimSettings(learning_rate=6e-4, batch_size=16, num_train_epochs=1.0, token_budget=2048),
    )


def starter_reward() -> RewardRecipe:
    """The starter project's reward refit."""
    return RewardRecipe(optim=OptimSettings(learning_rate=3e-4, batch_size=32, num_train_epochs=3.0))
