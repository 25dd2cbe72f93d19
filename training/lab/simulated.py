"""A policy's own answers, and simulated people's judgments of them, as rows of a training set: no web, no database."""

from collections.abc import Sequence
from itertools import combinations

from training.lab.annotators import Annotator
from training.lab.measuring import asked
from training.learning.lists import RankedList
from training.learning.models import Policy
from training.learning.online.rollouts import seed_of
from training.learning.recipes import SamplerSettings
from training.learning.rows import Message, PreferenceRow
from training.learning.sampling import Sample, sample


def answers(
    policy: Policy, prompts: Sequence[str], settings: SamplerSettings, *, each: int, seed: int
) -> list[list[Sample]]:
    """``each`` samples to each prompt, prompt by prompt."""
    repeated = [asked(prompt) for prompt in prompts for _ in range(each)]
    seeds = [seed_of(seed, place, number) for place in range(len(prompts)) for number in range(each)]
    drawn = sample(policy, repeated, settings, seeds)
    return [drawn[place * each : (place + 1) * each] for place in range(len(prompts))]


def said(text: str) -> list[Message]:
    """A text as a response."""
    return [Message(role="assistant", content=text)]


def judged(annotator: Annotator, prompt: str, first: str, second: str, number: int) -> PreferenceRow:
    """One judgment as a row; its source says that it was simulated."""
    key = annotator.verdict(prompt, first, second)
    strength = 4 - key
    return PreferenceRow(
        comparison_id=number,
        prompt=asked(prompt),
        responses=(said(first), said(second)),
        response_ids=(None, None),
        p=0.5 if strength == 0 else float(strength > 0),
        strength=strength,
        weight=1.0,
        source="simulation",
        judgment_ids=(number,),
        rationale=annotator.reason(key),
    )


def ranked_lists(annotator: Annotator, prompts: Sequence[str], drawn: Sequence[Sequence[Sample]]) -> list[RankedList]:
    """Each prompt's answers in order: all pairs of them are judged, and an answer is ranked and scored by its wins."""
    lists = []
    for prompt, mine in zip(prompts, drawn, strict=True):
        wins = [0.0] * len(mine)
        for (i, first), (j, second) in combinations(enumerate(mine), 2):
            label = judged(annotator, prompt, first.text, second.text, 0).p
            wins[i], wins[j] = wins[i] + label, wins[j] + 1.0 - label
        ranks = tuple(1 + sum(other > own for other in wins) for own in wins)
        scores = tuple(own / (len(mine) - 1) for own in wins)
        answered = tuple(said(one.text) for one in mine)
        lists.append(RankedList(asked(prompt), answered, ranks, scores, source="simulation"))
    return lists


def judged_pairs(
    annotator: Annotator, prompts: Sequence[str], drawn: Sequence[Sequence[Sample]], labels: int
) -> list[PreferenceRow]:
    """The first ``labels`` judgments of all pairs of each prompt's answers, prompt by prompt."""
    rows: list[PreferenceRow] = []
    for prompt, mine in zip(prompts, drawn, strict=True):
        for first, second in combinations(mine, 2):
            if len(rows) < labels:
                rows.append(judged(annotator, prompt, first.text, second.text, len(rows)))
    return rows
