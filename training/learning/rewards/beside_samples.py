"""A sample of the policy beside each demonstration that has none: what the adversarial reward tells it from."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ..models import load_policy
from ..online.rollouts import rollouts, seed_of
from ..recipes import RewardRecipe
from ..rows import Message, PreferenceRow


def beside_samples(
    rows: Sequence[PreferenceRow],
    base: str,
    recipe: RewardRecipe,
    *,
    device: str,
    path: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[PreferenceRow]:
    """Rows in which every demonstration stands beside a sample of ``base``, drawn as ``recipe.sampler`` says.

    The samples are kept in ``path``, so that a resumed run reads the same. A demonstration whose sample met the length
    limit is left out: the cut alone would tell it apart. So would turns: of several it is the last answer that is
    shown, and those before it are asked with. Raises ValueError where no sample ended by itself.
    """
    alone = [place for place, row in enumerate(rows) if row.kind == "demonstration" and not row.responses[1]]
    if not alone:
        return list(rows)
    rows = [at_last_answer(row) if row.kind == "demonstration" else row for row in rows]
    drawn = rollouts(
        load_policy(base, device=device),
        [rows[place].prompt for place in alone],
        recipe.sampler,
        each=1,
        seed=seed_of(recipe.optim.seed, "beside demonstrations"),
        path=path,
        progress=progress,
    )
    sampled = {place: one.text for place, one in zip(alone, drawn, strict=True) if one.stopped}
    if not sampled:
        raise ValueError(
            f"none of {len(alone)} samples beside the demonstrations ended within {recipe.sampler.max_new_tokens} "
            "tokens: let the sampler write longer ones (max_new_tokens)"
        )
    cut = {*alone} - sampled.keys()
    kept = [place for place in range(len(rows)) if place not in cut]
    return [_beside(rows[place], sampled.get(place)) for place in kept]


def at_last_answer(row: PreferenceRow) -> PreferenceRow:
    """A demonstration of several turns as its last answer, to the prompt and the turns before it."""
    shown, sample = row.responses
    answers = [place for place, turn in enumerate(shown) if turn["role"] == "assistant"]
    if sample or len(shown) < 2 or not answers:
        return row
    last = answers[-1]
    return replace(row, prompt=[*row.prompt, *shown[:last]], responses=([shown[last]], []))


def _beside(row: PreferenceRow, text: str | None) -> PreferenceRow:
    if text is None:
        return row
    return replace(row, responses=(row.responses[0], [Message(role="assistant", content=text)]))
