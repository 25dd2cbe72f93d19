"""A reward model's report on a file, by the file's format."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.evaluating.files import Item, UnreadableFile, read_items
from training.learning.evaluation.contrast import Contrast, asked_of, build_contrasts, consistency
from training.learning.evaluation.judgments import Judgments, character_count, prompt_key, word_count
from training.learning.evaluation.one_to_many import one_to_many
from training.learning.evaluation.ppe import Votes, preference
from training.learning.evaluation.report import report_on
from training.learning.evaluation.rewardbench import rewardbench
from training.learning.evaluation.verifiable import Sampled, correctness
from training.learning.plain import jsonable
from training.learning.rewards.ensemble import RewardEnsemble
from training.learning.rewards.fast.states import Pair
from training.learning.rows import PreferenceRow

Array = NDArray[np.float64]


def report_on_file(model: RewardEnsemble, path: Path, kind: str) -> dict[str, Any]:
    """Read a file and report on it, JSON-ready. Raises UnreadableFile in words."""
    items = read_items(path, kind)
    makers = {"trl": _pairs, "rewardbench": _trios, "ppe": _ppe, "one_to_many": _many}
    return {"file": path.name, "format": kind, "items": len(items), **makers[kind](model, items)}


def _pairs(model: RewardEnsemble, items: Sequence[Item]) -> dict[str, Any]:
    told: dict[str, Any] = report_on(_judgments(items), {"reward model": _probability(model, items)})
    return {**told, "contrast_instructions": contrasts_of(model, [_row(item) for item in items])}


def _trios(model: RewardEnsemble, items: Sequence[Item]) -> dict[str, Any]:
    """By probabilities, so that a model without scalar rewards is asked the same question."""
    odds = _log_odds(_probability(model, items))
    trios = _judgments(items, subset=[item.group for item in items])
    told: dict[str, Any] = jsonable(rewardbench(odds, np.zeros(len(odds)), trios))
    return told


def _many(model: RewardEnsemble, items: Sequence[Item]) -> dict[str, Any]:
    rewards = _rewards(model, items)
    prompts = [prompt_key(item.prompt) for item in items]
    domains = sorted({item.group for item in items})

    def of(places: Sequence[int]) -> Any:
        chosen = [rewards[place] for place in places]
        right = np.array([one[0] for one in chosen])
        return one_to_many(right, [one[1:] for one in chosen], [prompts[place] for place in places])

    by = {name: of([place for place, item in enumerate(items) if item.group == name]) for name in domains}
    told: dict[str, Any] = jsonable({"all": of(range(len(items))), "by_domain": by})
    return told


def _ppe(model: RewardEnsemble, items: Sequence[Item]) -> dict[str, Any]:
    votes = [item for item in items if not item.verified]
    verified = [item for item in items if item.verified]
    told: dict[str, Any] = {}
    if votes:
        told["preference"] = jsonable(preference(_votes(model, votes)))
    if verified:
        rewards = _rewards(model, verified)
        samples = [Sampled(one, np.array(item.good), item.group) for one, item in zip(rewards, verified, strict=True)]
        told["correctness"] = jsonable(correctness(samples))
    return told


def _votes(model: RewardEnsemble, items: Sequence[Item]) -> Votes:
    if not all(len(item.writers) == 2 and all(item.writers) for item in items):
        raise UnreadableFile("PPE's votes name the models that answered: model_a and model_b in every row")
    names = sorted({name for item in items for name in item.writers})
    place = {name: number for number, name in enumerate(names)}
    return Votes(
        p=np.array([item.good[0] for item in items]),
        probability=_probability(model, items),
        pairs=np.array([[place[name] for name in item.writers] for item in items], dtype=np.int64),
        models=names,
        prompts=[prompt_key(item.prompt) for item in items],
        domains=[item.group for item in items],
    )


def contrasts_of(model: RewardEnsemble, rows: Sequence[PreferenceRow]) -> Any:
    """The contrast-instructions test built from some judgments, JSON-ready; None where no two prompts are alike."""
    contrasts: list[Contrast] = build_contrasts(rows)
    if not contrasts:
        return None
    asked = asked_of(contrasts)
    owner = np.repeat(np.arange(2 * len(contrasts)), 2)
    return jsonable(consistency(model.standing(model.summarise(asked), owner)))


def _probability(model: RewardEnsemble, items: Sequence[Item]) -> Array:
    first: list[Pair] = [(item.prompt, item.responses[0]) for item in items]
    second: list[Pair] = [(item.prompt, item.responses[1]) for item in items]
    return model.probability(first, second)


def _rewards(model: RewardEnsemble, items: Sequence[Item]) -> list[Array]:
    """Each item's rewards [k]: members made one by the ensemble's own rule."""
    asked: list[Pair] = [(item.prompt, response) for item in items for response in item.responses]
    sizes = [len(item.responses) for item in items]
    told = model.standing(model.summarise(asked), np.repeat(np.arange(len(items)), sizes))
    return np.split(told, np.cumsum(sizes)[:-1])


def _log_odds(probability: Array) -> Array:
    sure = np.clip(probability, 1e-12, 1.0 - 1e-12)
    return np.asarray(np.log(sure) - np.log1p(-sure))


def _judgments(items: Sequence[Item], **groups: Sequence[str]) -> Judgments:
    return Judgments(
        p=np.array([item.good[0] for item in items]),
        prompts=[prompt_key(item.prompt) for item in items],
        words=np.array([[word_count(side) for side in item.responses[:2]] for item in items], dtype=np.float64),
        characters=np.array(
            [[character_count(side) for side in item.responses[:2]] for item in items], dtype=np.float64
        ),
        groups=groups,
        strength=np.full(len(items), np.nan),
    )


def _row(item: Item) -> PreferenceRow:
    return PreferenceRow(
        comparison_id=None,
        prompt=item.prompt,
        responses=(item.responses[0], item.responses[1]),
        response_ids=(None, None),
        p=item.good[0],
        strength=None,
        weight=1.0,
        source="import",
        judgment_ids=(),
    )
