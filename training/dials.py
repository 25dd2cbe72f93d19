"""What a project's runs and samples are made with: its recipe's changes over the recipe of its kind of policy."""

from typing import Any

from labeling.models import PolicySource, Project
from training.learning.recipes import (
    PolicyRecipe,
    RewardRecipe,
    SamplerSettings,
    starter_dpo,
    starter_reward,
)


def policy_recipe(project: Project) -> PolicyRecipe:
    """The policy recipe. Raises ValueError in words where the project's changes do not fit it."""
    return _recipe(project.policy_source, dict(project.recipe or {}))


def changed_recipe(policy_source: str, changes: dict[str, Any]) -> PolicyRecipe:
    """The recipe for a kind of policy, with changes. Raises ValueError in words where they do not fit."""
    from training.learning.objectives import objective_of  # costs seconds; few requests change a recipe

    recipe = _recipe(policy_source, changes)
    objective_of(recipe)
    return recipe


def _recipe(policy_source: str, changes: dict[str, Any]) -> PolicyRecipe:
    named = starter_dpo() if policy_source == PolicySource.STARTER else PolicyRecipe()
    return PolicyRecipe.from_json(_over(named.to_json(), changes))


def reward_recipe(project: Project) -> RewardRecipe:
    """The recipe of a reward refit. Raises ValueError in words where the project's changes do not fit it."""
    return changed_reward_recipe(policy_recipe(project), dict(project.reward_recipe or {}))


def changed_reward_recipe(policy: PolicyRecipe, changes: dict[str, Any]) -> RewardRecipe:
    """The reward recipe, with changes; it learns with LoRA and samples as the policy does. Raises ValueError."""
    from training.learning.rewards.methods import reward_method  # costs seconds; few requests come here

    shared = {"lora": policy.lora.to_json() if policy.lora else None, "sampler": policy.sampler.to_json()}
    named = {**starter_reward().to_json(), **shared}
    recipe = RewardRecipe.from_json(_over(named, changes))
    reward_method(recipe)
    return recipe


def sampler(project: Project) -> SamplerSettings:
    """How responses are drawn that people will see: the same for every policy, so that duels are fair."""
    return policy_recipe(project).sampler


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """`above` laid over `below`, object by object."""
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        merged[key] = _over(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return merged
