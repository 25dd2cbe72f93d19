"""Training by writing code: rounds of reward functions, chosen by the verdicts that people gave."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...job import write_json
from ...judges import NoUsableAnswer
from ...models import Policy
from ...recipes import SamplerSettings
from ...rows import Message, PreferenceRow
from ...sampling import sample
from ..fast.posterior import FastPosterior
from ..lesson import Lesson
from .asking import writer
from .choosing import agreement, by_judgments
from .code import CodeReward, Program, texts
from .declared import measured
from .hearing import Hearing
from .rounds import Pool, Rounds, Write

POOLS = 16  # prompts whose responses are picked from
RESPONSES = 6  # fresh samples of the policy for each, beside the two that were judged
SAMPLER = SamplerSettings(max_new_tokens=96)
MOST = 0.5  # of the candidates that may be missing: one is a choice less and not a row, and the best stands anyway
EXAMPLES = 4  # verdicts shown to the writer


def train_reward_code(lesson: Lesson) -> CodeReward:
    """One member: rounds as in ``rounds``, best and worst named by ``choosing.by_judgments``; then its units are
    fitted to the verdicts. What was chosen in each round goes into the findings.

    Killed, it goes on after the last round. Raises ValueError where the writer gives no usable code, JudgeTrouble
    where it cannot be asked or too many of its answers cannot be used.
    """
    recipe, file = lesson.recipe, lesson.place / "rounds.json"
    rounds = _begun(lesson, file)
    hearing = Hearing(lesson.asked(), recipe.code_rounds * recipe.candidates, lesson.should_stop, MOST)
    hearing.unusable = sum(one.unusable for one in rounds.done)
    task = _task(recipe.wanted, lesson.train)
    write = _counted(writer(hearing.client, task, lesson.settings.seed, hearing.look_up), hearing)
    choose, told = by_judgments(lesson.train), lesson.progress.of(recipe.code_rounds)
    while len(rounds.done) < recipe.code_rounds:
        before = hearing.unusable
        shown = rounds.propose(write, recipe.candidates)
        rounds = rounds.take(shown, *choose(rounds, shown), hearing.unusable - before)
        write_json(file, rounds.to_json())
        best = rounds.best or shown[0].program
        told(len(rounds.done), recipe.code_rounds, {"rewards/agreement": agreement(best, lesson.train)})
    lesson.progress.taken += recipe.code_rounds
    hearing.tell(lesson)
    lesson.findings["rounds"] = [
        {"best": one.sources[one.best], "worst": one.sources[one.worst], "candidates": len(one.sources)}
        for one in rounds.done
    ]
    return fitted(rounds.best or shown[0].program, lesson.train)


def _counted(write: Write, hearing: Hearing) -> Write:
    """The same, which counts the candidates that could not be written."""

    def written(rounds: Rounds, number: int) -> Program:
        try:
            return write(rounds, number)
        except NoUsableAnswer as why:
            hearing.lost(why)
            raise

    return written


def fitted(program: Program, rows: Sequence[PreferenceRow]) -> CodeReward:
    """The program in logits of preference, by logistic regression of the verdicts on its differences."""
    rewards = program.rewards(
        measured([texts(row.prompt, side) for row in rows for side in row.responses]), otherwise=float("nan")
    )
    middle = float(np.nanmedian(rewards)) if np.isfinite(rewards).any() else 0.0
    known = np.where(np.isfinite(rewards), rewards, middle)
    difference = (known[0::2] - known[1::2])[:, None]
    typical = float(np.sqrt((difference**2).mean())) or 1.0
    labels, weights = [row.p for row in rows], [row.weight for row in rows]
    found = FastPosterior.fit(difference / typical, labels, weights, dimension=1)
    return CodeReward(program, float(found.mean[0]) / typical, middle)


def _begun(lesson: Lesson, file: Path) -> Rounds:
    if file.is_file():
        return Rounds.from_json(json.loads(file.read_text(encoding="utf-8")))
    lesson.place.mkdir(parents=True, exist_ok=True)
    rounds = Rounds(tuple(_pools(lesson.policy, lesson.train, lesson.settings.seed)))
    write_json(file, rounds.to_json())
    return rounds


def _pools(policy: Policy, rows: Sequence[PreferenceRow], seed: int) -> list[Pool]:
    """Judged responses and fresh ones of the policy, for the first prompts of the rows."""
    first: dict[str, PreferenceRow] = {}
    for row in rows:
        first.setdefault(json.dumps(row.prompt), row)
    chosen = list(first.values())[:POOLS]
    prompts: list[list[Message]] = [row.prompt for row in chosen for _ in range(RESPONSES)]
    drawn = [one.text for one in sample(policy, prompts, SAMPLER, [seed * 1009 + k for k in range(len(prompts))])]
    pools = []
    for number, row in enumerate(chosen):
        fresh = drawn[number * RESPONSES : (number + 1) * RESPONSES]
        both = [texts(row.prompt, response)[1] for response in row.responses]
        different = tuple(dict.fromkeys([*both, *fresh]))
        if len(different) > 1:
            pools.append(Pool(texts(row.prompt, row.responses[0])[0], different))
    if not pools:
        raise ValueError("no prompt has two different responses that reward code could pick from")
    return pools


def _task(wanted: str, rows: Sequence[PreferenceRow]) -> str:
    """What people want, as the project says it and as some verdicts show it. People's own words are sent to nobody."""
    sure = [row for row in rows if row.p in (0.0, 1.0)][:EXAMPLES]
    told = [wanted or "It is not written down; some verdicts show it."]
    for row in sure:
        better, worse = (texts(row.prompt, row.responses[k])[1] for k in ((0, 1) if row.p == 1.0 else (1, 0)))
        told.append(f"better: {better[:600]}\nworse: {worse[:600]}")
    return "\n\n".join(told)
