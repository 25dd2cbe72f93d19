"""The reward methods by name: what each learns from, which dials it reads, how it is trained and read back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path

from ..recipes import RewardDials, RewardRecipe
from ..rows import PreferenceRow
from .heads import attributes, contexts, rankings
from .heads.discriminator import train_discriminator
from .heads.general_preference import GeneralPreference, train_general_preference
from .heads.goals import GoalReward, train_goals
from .heads.headed import HeadedReward
from .heads.hybrid import train_hybrid
from .heads.implicit import ImplicitReward, train_implicit
from .heads.stepwise import StepReward, train_stepwise
from .interface import RewardModel
from .lesson import Lesson
from .needs import NEEDS, SET_JUDGE, Judge, Need, judge_of, need_of
from .pairwise import PairwiseReward
from .pairwise_lesson import train_pairwise
from .robust import features_lesson, robust_lesson
from .warm_start import train_warm
from .written.code import CodeReward
from .written.code_lesson import train_reward_code
from .written.critiques import load_critic, train_critic
from .written.traces import load_tool_user, train_tool_user


@dataclass(frozen=True)
class RewardMethod:
    """A reward method. ``train`` makes one member; ``load`` reads back what that member saved.

    ``dials`` are those of ``RewardDials`` that it reads. ``fit_words`` refuses rows that carry what it needs and still
    do not suffice: it returns the reason, or nothing. ``backbone``: does it train one, which lora could adapt.
    """

    key: str
    train: Callable[[Lesson], RewardModel]
    load: Callable[[Path, str], RewardModel]
    dials: tuple[str, ...] = ()
    fit_words: Callable[[RewardRecipe, Sequence[PreferenceRow]], str] = lambda recipe, rows: ""
    backbone: bool = True

    @property
    def needs(self) -> Need:
        """What its rows must carry."""
        return need_of(self.key)

    @property
    def judge(self) -> Judge:
        """Whether a language model is needed, or gives what rows do not carry."""
        return judge_of(self.key)

    def refuse_unread(self, recipe: RewardRecipe) -> None:
        """Raise ValueError when a dial was changed that this method does not read."""
        if recipe.lora and not self.backbone:
            raise ValueError(f"lora adapts a backbone, and {self.key} trains none: take lora out of the recipe")
        plain = RewardDials()
        for dial in fields(RewardDials):
            if dial.name not in self.dials and getattr(recipe, dial.name) != getattr(plain, dial.name):
                reads = ", ".join(sorted(self.dials)) or "none of them"
                raise ValueError(
                    f"{dial.name} has no meaning for {self.key}, which reads {reads}: take it out of the recipe, or "
                    "choose another method"
                )

    def refuse_unfit(self, recipe: RewardRecipe, rows: Sequence[PreferenceRow], *, judge: bool = True) -> None:
        """Raise ValueError in words when these rows do not carry what the method learns from, or where it needs a
        judge and there is none."""
        if self.judge == "needed" and not judge:
            raise ValueError(f"{self.key} asks a language model, and none is set: {SET_JUDGE}")
        need, instead = NEEDS[self.needs], self.judge == "instead"
        if not any(need.carries(row) for row in rows) and not (instead and judge):
            raise ValueError(
                f"{self.key} learns from {need.words}; none of these {len(rows)} rows has that"
                + (f". A judge can write them: {SET_JUDGE}" if instead else "")
            )
        if reason := self.fit_words(recipe, rows):
            raise ValueError(f"{self.key}: {reason}")


SCALAR_DIALS = ("strength_margin", "center_rewards_coefficient")
PAIR_DIALS = (*SCALAR_DIALS, "train")
WARM_DIALS = ("strength_margin", "center_rewards_coefficient", "replay", "warm_share", "shrink", "perturb")
WRITING_DIALS = ("writing_weight", "longest_writing")
TOOL_DIALS = (*WRITING_DIALS, "tool_steps")
CODE_DIALS = ("code_rounds", "candidates", "wanted")
REWARD_METHODS: dict[str, RewardMethod] = {
    method.key: method
    for method in (
        RewardMethod("davidson", train_pairwise, PairwiseReward.load, PAIR_DIALS),
        RewardMethod("rao_kupper", train_pairwise, PairwiseReward.load, PAIR_DIALS),
        RewardMethod("bradley_terry", train_pairwise, PairwiseReward.load, PAIR_DIALS),
        RewardMethod(
            "helpsteer2",
            attributes.train_helpsteer2,
            attributes.load_helpsteer2,
            ("form", "attribute", "extrapolation", "ridge"),
            attributes.unfit,
        ),
        RewardMethod(
            "general_preference",
            train_general_preference,
            GeneralPreference.load,
            ("embedding_size", "tau", "prompt_gates"),
        ),
        RewardMethod("hybrid_haf", train_hybrid, HeadedReward.load, (*SCALAR_DIALS, "policy_weight", "beta")),
        RewardMethod(
            "goal_conditioned", train_goals, GoalReward.load, (*SCALAR_DIALS, "goal_weight", "goal_positions")
        ),
        RewardMethod(
            "context_aware",
            contexts.train_contexts,
            contexts.ContextReward.load,
            SCALAR_DIALS,
            contexts.unfit,
        ),
        RewardMethod("adversarial_feedback", train_discriminator, HeadedReward.load, ("label_smoothing",)),
        RewardMethod("stepwise", train_stepwise, StepReward.load, ("solution", "outcome_weight")),
        RewardMethod(
            "plackett_luce_pessimism",
            rankings.train_rankings,
            HeadedReward.load,
            ("kwise", "center_rewards_coefficient", "pessimism", "bound_ridge"),
            rankings.unfit,
        ),
        RewardMethod("implicit", train_implicit, ImplicitReward.load, ("beta",)),
        RewardMethod("warm_start", train_warm, PairwiseReward.load, WARM_DIALS),
        RewardMethod("critique_based", train_critic, load_critic, WRITING_DIALS),
        RewardMethod("tool_augmented", train_tool_user, load_tool_user, TOOL_DIALS),
        RewardMethod(
            "in_context_reward_code",
            train_reward_code,
            CodeReward.load,
            CODE_DIALS,
            backbone=False,
        ),
        *(
            RewardMethod(
                key,
                robust_lesson.train_robust,
                PairwiseReward.load,
                (*PAIR_DIALS, *robust_lesson.DIALS),
                partial(robust_lesson.unfit, key),
            )
            for key in robust_lesson.KEYS
        ),
        RewardMethod(
            "domain_features",
            features_lesson.train_features,
            features_lesson.FeatureReward.load,
            ("features", "feature_units", "center_rewards_coefficient"),
            features_lesson.unfit,
            backbone=False,
        ),
    )
}


def reward_method(recipe: RewardRecipe) -> RewardMethod:
    """The method that a recipe names. Raises ValueError in words for one that there is not, or a dial it ignores."""
    if recipe.method not in REWARD_METHODS:
        raise ValueError(f"there is no reward method {recipe.method!r}; there are {', '.join(sorted(REWARD_METHODS))}")
    found = REWARD_METHODS[recipe.method]
    found.refuse_unread(recipe)
    return found
