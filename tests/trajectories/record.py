"""The losses of every objective over a few steps, on a tiny model in float64.

`python -m tests.trajectories.record` writes them anew: do that only when a change of the numbers is meant, and say in
the commit why.
"""

import json
import tempfile
from pathlib import Path

import torch

from tests.training.learning.tiny import answer, exact, save_tiny, user
from training.learning.catalogue import METHODS
from training.learning.lists import RankedList
from training.learning.models import Policy, load_policy
from training.learning.objectives import Listed, objective_of
from training.learning.objectives.training import Material, preference_stages, preference_training
from training.learning.optimise import optimise
from training.learning.recipes import OptimSettings, PolicyRecipe
from training.learning.rows import PreferenceRow
from training.learning.scored_prompts import asking

STORED = Path(__file__).with_name("losses.json")
SETTINGS = OptimSettings(learning_rate=1e-3, batch_size=4, num_train_epochs=2.0, save_seconds=0.0)
RECIPES = {method.key: dict(method.recipe) for method in METHODS if method.kind == "objective"}
TEXTS = ["It is wide.", "It is deep and blue, and wide.", "Thanks! What about the sea?", "No.", "Blue.", "Deep."]


def rows() -> list[PreferenceRow]:
    """Eight pairs with certain labels; half of them with a reason."""
    return [
        PreferenceRow(
            comparison_id=number,
            prompt=user(f"Tell me about sea {number}."),
            responses=(answer(TEXTS[number % 6]), answer(TEXTS[(number + 1 + number // 3) % 6])),
            response_ids=(None, None),
            p=float(number % 3 != 0),
            strength=(3 - number % 3) * (1 if number % 3 else -1),
            weight=1.0,
            source="simulation",
            judgment_ids=(number,),
            rationale="It says more." if number % 2 else "",
        )
        for number in range(8)
    ]


def lists() -> list[RankedList]:
    """Four lists of four ranked and scored responses."""
    return [
        RankedList(
            user(f"Rivers {number}?"), tuple(map(answer, TEXTS[number % 3 :][:4])), (1, 2, 3, 4), (1.0, 0.7, 0.4, 0.1)
        )
        for number in range(4)
    ]


def losses(key: str, directory: Path) -> list[float]:
    """The loss of every step of a training by that objective, as the catalogue begins it."""
    torch.manual_seed(0)
    place = str(save_tiny(directory / "policy", scale=4.0))
    recipe = PolicyRecipe.from_json({"max_length": 128, **RECIPES[key]})
    given = Material(_loaded(place), rows(), recipe, SETTINGS, _loaded(place), None, None)
    if isinstance(objective_of(recipe), Listed):
        given = Material(given.policy, rows(), recipe, SETTINGS, given.reference, None, None, lists())
    if recipe.loss_type == "offline_rl_alignment" and recipe.offline_mode == "decision_transformer":
        given = Material(asking(given.policy), rows(), recipe, SETTINGS, given.reference, None, None)
    found: list[float] = []
    for number, stage in enumerate(preference_stages(given)):
        training = preference_training(stage)
        optimise(
            given.policy.model,
            training.steps,
            training.loss,
            SETTINGS,
            directory=directory / f"run-{number}",
            report=lambda step, total, metrics: found.append(metrics["loss"]),
        )
    return found


def _loaded(place: str) -> Policy:
    return exact(load_policy(place, dtype=torch.float64))


def main() -> None:
    """Write the losses of all objectives."""
    with tempfile.TemporaryDirectory() as place:
        found = {key: losses(key, Path(place, key)) for key in sorted(RECIPES)}
    STORED.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
