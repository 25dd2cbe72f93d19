"""The reward methods by name: what each learns from, which dials it reads, how it is trained and read back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Literal

from ..recipes import RewardDials, RewardRecipe
from ..rows import PreferenceRow
from .heads import attributes, contexts, rankings
from .heads.discriminator import DEMONSTRATION, train_discriminator
from .heads.general_preference import GeneralPreference, train_general_preference
from .heads.goals import GoalReward, train_goals
from .heads.headed import HeadedReward
from .heads.hybrid import train_hybrid
from .heads.implicit import ImplicitReward, train_implicit
from .heads.stepwise import StepReward, train_stepwise
from .interface import RewardModel
from .lesson import Lesson
from .pairwise import PairwiseReward
from .pairwise_lesson import train_pairwise
from .robust import features_lesson, robust_lesson
from .warm_start import train_warm
from .written.code import CodeReward
from .written.code_lesson import train_reward_code
from .written.critiques import load_critic, train_critic
from .written.traces import load_tool_user, train_tool_user

Need = Literal["pairs", "ratings", "steps", "criteria", "demonstrations", "critiques"]

# What a row must carry, and what that is in words.
NEEDS: dict[Need, tuple[Callable[[PreferenceRow], bool], str]] = {
    "pairs": (lambda row: True, "judgments of pairs"),
    "ratings": (lambda row: row.ratings is not None, "ratings: numbers by attribute for single responses"),
    "steps": (lambda row: row.steps is not None, "steps: a mark for each line of a response"),
    "critiques": (
        lambda row: bool(row.critiques and any(text.strip() for text in row.critiques)),
        "critiques: what people said of each response",
    ),
    "criteria": (
        lambda row: bool(row.criterion) and row.p != 0.5,
        "criteria: judgments that say by which standard they were given, under at least two standards",
    ),
    "demonstrations": (
        lambda row: row.criterion == DEMONSTRATION and row.p in (0.0, 1.0),
        "demonstrations: responses that somebody wrote, each beside a sample of the policy",
    ),
}
SET_JUDGE = "give HEED_JUDGE_URL and HEED_JUDGE_MODEL, then try `manage.py judges check`"
FROM_PROJECTS: tuple[Need, ...] = ("pairs",)  # what people in a project are asked for today


@dataclass(frozen=True)
class RewardMethod:
    """A reward method. ``train`` makes one member; ``load`` reads back what that member saved.

    ``dials`` are those of ``RewardDials`` that it reads. ``fit_words`` refuses rows that carry what it needs and still
    do not suffice: it returns the reason, or nothing. ``judge``: a language model behind
    an address is needed, or gives what rows do not carry. ``backbone``: does it train one, which lora could adapt.
    """

    key: str
    needs: Need
    train: Callable[[Lesson], RewardModel]
    load: Callable[[Path, str], RewardModel]
    dials: tuple[str, ...] = ()
    fit_words: Callable[[RewardRecipe, Sequence[PreferenceRow]], str] = lambda recipe, rows: ""
    judge: Literal["", "needed", "instead"] = ""
    backbone: bool = True

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
        carries, words = NEEDS[self.needs]
        instead = self.judge == "instead"
        if not any(carries(row) for row in rows) and not (instead and judge):
            raise ValueError(
                f"{self.key} learns from {words}; none of these {len(rows)} judgments has that"
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
        RewardMethod("davidson", "pairs", train_pairwise, PairwiseReward.load, PAIR_DIALS),
        RewardMethod("rao_kupper", "pairs", train_pairwise, PairwiseReward.load, PAIR_DIALS),
        RewardMethod("bradley_terry", "pairs", train_pairwise, PairwiseReward.load, PAIR_DIALS),
        RewardMethod(
            "helpsteer2",
            "ratings",
            attributes.train_helpsteer2,
            attributes.load_helpsteer2,
            ("form", "attribute", "extrapolation", "ridge"),
            attributes.unfit,
        ),
        RewardMethod(
            "general_preference",
            "pairs",
            train_general_preference,
            GeneralPreference.load,
            ("embedding_size", "tau", "prompt_gates"),
        ),
        RewardMethod("hybrid_haf", "pairs", train_hybrid, HeadedReward.load, (*SCALAR_DIALS, "policy_weight", "beta")),
        RewardMethod(
            "goal_conditioned", "pairs", train_goals, GoalReward.load, (*SCALAR_DIALS, "goal_weight", "goal_positions")
        ),
        RewardMethod(
            "context_aware",
            "criteria",
            contexts.train_contexts,
            contexts.ContextReward.load,
            SCALAR_DIALS,
            contexts.unfit,
        ),
        RewardMethod(
            "adversarial_feedback", "demonstrations", train_discriminator, HeadedReward.load, ("label_smoothing",)
        ),
        RewardMethod("stepwise", "steps", train_stepwise, StepReward.load, ("solution", "outcome_weight")),
        RewardMethod(
            "plackett_luce_pessimism",
            "pairs",
            rankings.train_rankings,
            HeadedReward.load,
            ("kwise", "center_rewards_coefficient", "pessimism", "bound_ridge"),
            rankings.unfit,
        ),
        RewardMethod("implicit", "pairs", train_implicit, ImplicitReward.load, ("beta",)),
        RewardMethod("warm_start", "pairs", train_warm, PairwiseReward.load, WARM_DIALS),
        RewardMethod("critique_based", "critiques", train_critic, load_critic, WRITING_DIALS, judge="instead"),
        RewardMethod("tool_augmented", "pairs", train_tool_user, load_tool_user, TOOL_DIALS, judge="needed"),
        RewardMethod(
            "in_context_reward_code",
            "pairs",
            train_reward_code,
            CodeReward.load,
            CODE_DIALS,
            judge="needed",
            backbone=False,
        ),
        *(
            RewardMethod(
                key,
                "pairs",
                robust_lesson.train_robust,
                PairwiseReward.load,
                (*PAIR_DIALS, *robust_lesson.DIALS),
                partial(robust_lesson.unfit, key),
            )
            for key in robust_lesson.KEYS
        ),
        RewardMethod(
            "domain_features",
            "pairs",
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
