"""Each reward that a language model writes, on the starter policy, through a real server, against a known taste.

The server is a test server: where a method needs well-formed text it writes by a rule what a capable model would, and
the reward model has to learn to write that itself.
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.judges.chat_server import Served, chat_server, in_turn, spoken_by
from training.learning.devices import resolve
from training.learning.job import Job
from training.learning.judges import ChatClient
from training.learning.models import Policy, find_model, load_policy
from training.learning.recipes import OptimSettings, RewardRecipe
from training.learning.reward_job import train_reward
from training.learning.rewards.ensemble import RewardEnsemble
from training.learning.rewards.written.hearing import Hearing
from training.learning.rewards.written.traces import asked_traces
from training.learning.rewards.written.writing import WritingReward
from training.learning.rows import Message, PreferenceRow
from training.learning.starter.corpus import Example, write_examples

pytestmark = [pytest.mark.slow, pytest.mark.computes]
ASKS, ASKS_NOT = "It asks something back.", "It asks nothing back."
SETTINGS = OptimSettings(learning_rate=1e-3, batch_size=16, num_train_epochs=3.0, token_budget=4096)


def said(text: str) -> list[Message]:
    return [{"role": "assistant", "content": text}]


@pytest.fixture(scope="module")
def starter() -> Policy:
    return load_policy(find_model("starter"))


def judged(count: int, *, critiques: bool = False) -> list[PreferenceRow]:
    """Short answers as the starter writes them, one of each pair asking something back, which is preferred."""
    found: dict[bool, list[Example]] = {True: [], False: []}
    for example in write_examples(7):
        asks = "?" in example.answer
        if len(example.answer.split()) <= 20 and len(found[asks]) < count:
            found[asks].append(example)
        if min(map(len, found.values())) == count:
            break
    rows = []
    for number, (asking, other) in enumerate(zip(found[True], found[False], strict=True)):
        first = bool(number % 2)
        both = (asking, other) if first else (other, asking)
        told = (ASKS, ASKS_NOT) if first else (ASKS_NOT, ASKS)
        prompt: list[Message] = [{"role": "user", "content": both[0].prompt}]
        sides = (said(both[0].answer), said(both[1].answer))
        row = PreferenceRow(number, prompt, sides, (None, None), float(first), None, 1.0, "simulation", (number,))
        rows.append(replace(row, critiques=told) if critiques else row)
    return rows


def trained(directory: Path, rows: list[PreferenceRow], client: ChatClient | None, **recipe: Any) -> dict[str, Any]:
    asked = RewardRecipe(optim=SETTINGS, **recipe)
    compute = resolve(background=True).to_json()
    Job("reward", str(find_model("starter")), asked.to_json(), compute=compute).write(directory, rows)
    return train_reward(directory, lambda *told: None, lambda: False, client=client)


def right(directory: Path, rows: list[PreferenceRow]) -> float:
    found = RewardEnsemble.load(directory / "model").judged(rows)
    return float(np.mean([(p > 0.5) == (row.p > 0.5) for p, row in zip(found, rows, strict=True)]))


def test_a_critic_writes_what_people_would_and_scores_by_it(starter: Policy, tmp_path: Path) -> None:
    rows = judged(380, critiques=True)
    result = trained(tmp_path, rows[:-40], None, method="critique_based", longest_writing=12)
    assert right(tmp_path, rows[-40:]) > 0.8 and result["accuracy"] > 0.7
    (member,) = RewardEnsemble.load(tmp_path / "model").members
    assert isinstance(member, WritingReward)
    pairs = [(row.prompt, side) for row in rows[-40:] for side in row.responses]
    own = [text[0]["content"] if text else "" for text in member.write(pairs)]
    meant = [ASKS if "?" in side[0]["content"] else ASKS_NOT for _, side in pairs]
    assert np.mean([a == b for a, b in zip(own, meant, strict=True)]) > 0.6


def test_a_critic_learns_from_a_judge_s_free_words_too(starter: Policy, tmp_path: Path) -> None:
    rows = judged(20)
    with chat_server(spoken_by(starter, most_tokens=16)) as server:
        result = trained(tmp_path, rows, ChatClient(server.endpoint()), method="critique_based", longest_writing=16)
    assert len(server.requests) == 2 * len(rows) and result["writings"]
    assert np.isfinite(RewardEnsemble.load(tmp_path / "model").judged(rows[:4])).all()


def examining(asked: dict[str, Any]) -> Served:
    """Counts the answer's form with a tool, then says what the tool said of questions."""
    if len(asked["messages"]) == 2:
        return Served("Thought: does it ask?\nAction: form\nInput:")
    (questions,) = re.findall(r"(\d+) questions", asked["messages"][-1]["content"])
    return Served(f"Rationale: {ASKS if int(questions) else ASKS_NOT}")


def test_a_tool_user_learns_to_use_the_tool_and_scores_by_traces(starter: Policy, tmp_path: Path) -> None:
    rows = judged(220)
    pairs = [(row.prompt, side) for row in rows[-40:] for side in row.responses]
    with chat_server(examining) as server:
        client = ChatClient(server.endpoint())
        trained(tmp_path, rows[:-40], client, method="tool_augmented", longest_writing=24, tool_steps=1)
        given = asked_traces(Hearing(client, len(pairs), lambda: False), pairs, tool_steps=1)
    (member,) = RewardEnsemble.load(tmp_path / "model").members
    assert isinstance(member, WritingReward)
    own = member.write(pairs)
    assert np.mean([len(trace) == 3 and "questions" in trace[1]["content"] for trace in own]) > 0.9
    scores = member.read([member.group(pair, trace) for pair, trace in zip(pairs, given, strict=True)])
    found = scores[0::2] > scores[1::2]
    assert np.mean(found == np.array([row.p > 0.5 for row in rows[-40:]])) > 0.9


def test_code_comes_nearer_to_what_people_prefer_by_rounds(starter: Policy, tmp_path: Path) -> None:
    rows = judged(150)
    codes = ["reward = -words", "reward = warm_words", "reward = questions - words / 40", "reward = 3 * ends_asking"]
    codes += ["asks = min(questions, 1)\nreward = asks + 0.6 * ends_asking", "reward = min(questions, 3)"]
    with chat_server(in_turn(*(Served(f"```\n{code}\n```") for code in codes))) as server:
        client = ChatClient(server.endpoint())
        recipe = {"method": "in_context_reward_code", "code_rounds": 3, "candidates": 2}
        result = trained(tmp_path, rows[:-40], client, **recipe)
    assert result["rounds"][0]["best"] in codes[:2] and "questions" in result["rounds"][-1]["best"]
    assert right(tmp_path, rows[-40:]) > 0.95
