"""Reward code written by a language model: read, run without Python, chosen by rounds, saved and read again."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.training.judges.chat_server import Served, chat_server, in_turn
from tests.training.learning.tiny import answer, user
from training.learning.judges import ChatClient
from training.learning.models import NoModel
from training.learning.rewards.written.asking import writer
from training.learning.rewards.written.choosing import by_judgments
from training.learning.rewards.written.code import CodeReward, Program
from training.learning.rewards.written.declared import FEATURES, declaration, measured
from training.learning.rewards.written.expressions import NoValue
from training.learning.rewards.written.rounds import Pool, Round, Rounds, Shown, feedback
from training.learning.rows import PreferenceRow

SHORT, LONG, ASKS = "Yes.", "Yes, " + "it is so and " * 9 + "that is all.", "Shall we?"
POOLS = tuple(Pool(f"Tell me about sea {n}.", (LONG, ASKS, SHORT)) for n in range(3))
BRIEF = "reward = -words"
WORDY = "reward = words"
ASKING = "brief = max(0, 1 - words / 50)\nreward = 2 * ends_asking + brief"


def code(source: str) -> Served:
    return Served(f"Here it is:\n```python\n{source}\n```")


def row(first: str, second: str, p: float) -> PreferenceRow:
    sides = (answer(first), answer(second))
    return PreferenceRow(1, user("Tell me."), sides, (None, None), p, None, 1.0, "person", (1,))


def test_every_feature_is_a_finite_number_of_any_text_and_is_declared_in_words() -> None:
    rows = measured([("", ""), ("Why the sea?", ASKS), ("x", "1. a\n- b\n\n€ thanks, perhaps 3"), ("?", "?" * 10**5)])
    assert all(np.isfinite(list(found.values())).all() for found in rows)
    assert rows[1]["ends_asking"] == 1 and rows[1]["echo"] == 0 and rows[2]["bullets"] == 2
    assert rows[2]["warm_words"] == 1 and rows[2]["hedges"] == 1 and rows[2]["numbers"] == 2
    assert [line.split(":")[0] for line in declaration().splitlines()] == [*FEATURES]


def test_code_scores_as_its_lines_say_and_the_same_after_it_was_saved(tmp_path: Path) -> None:
    member = CodeReward(Program.read(ASKING), scale=0.5, otherwise=-1.0)
    pairs = [(user("Tell me."), answer(text)) for text in (SHORT, LONG, ASKS)]
    scores = member.score(pairs)
    assert scores.shape == (3,)
    words = [len(LONG.replace(",", "").split()), 2]
    assert np.allclose(scores, [0.5 * 0.98, 0.5 * (1 - words[0] / 50), 0.5 * (2 + 0.96)])
    member.save(tmp_path / "model", "card")
    assert np.array_equal(CodeReward.load(tmp_path / "model").score(pairs), scores)
    assert json.loads((tmp_path / "model" / "reward.json").read_text())["source"] == ASKING


def test_a_saved_file_with_other_code_is_refused_and_nothing_of_it_runs(tmp_path: Path) -> None:
    CodeReward(Program.read(BRIEF)).save(tmp_path / "model", "card")
    file = tmp_path / "model" / "reward.json"
    fine = file.read_text()
    file.write_text(fine.replace("-words", "words"))
    with pytest.raises(NoModel, match="not the one that was saved"):
        CodeReward.load(tmp_path / "model")
    file.write_text(fine.replace("-words", "__import__('os').getpid()"))
    with pytest.raises(NoModel, match="no reward code that can be used"):
        CodeReward.load(tmp_path / "model")
    with pytest.raises(NoModel):
        CodeReward.load(tmp_path / "nowhere")


def test_where_code_has_no_value_the_reward_is_the_middle_one_it_was_given() -> None:
    program = Program.read("reward = 1 / questions")
    rows = measured([("", SHORT), ("", ASKS)])
    assert program.rewards(rows, otherwise=0.25).tolist() == [0.25, 1.0]
    with pytest.raises(NoValue):
        program.rewards(rows)


def test_rounds_keep_the_best_and_tell_the_writer_what_differed() -> None:
    with chat_server(in_turn(code(WORDY), code(BRIEF), code(ASKING))) as server:
        write = writer(ChatClient(server.endpoint()), "Ask the reader something back.")
        choose = by_judgments([row(ASKS, SHORT, 1.0), row(SHORT, LONG, 1.0)])
        rounds = Rounds(POOLS)
        for _ in range(2):
            shown = rounds.propose(write, 2)
            rounds = rounds.take(shown, *choose(rounds, shown))
    assert rounds.best is not None and rounds.best.source == ASKING
    assert [one.sources for one in rounds.done] == [(WORDY, BRIEF), (WORDY, ASKING)]
    told = server.requests[2]["messages"][1]["content"]
    assert "After round 1" in told and WORDY in told and BRIEF in told and "mean of reward:" in told
    assert "Ask the reader something back." not in server.requests[0]["messages"][0]["content"]  # data, not rules
    assert {one["seed"] for one in server.requests} == {0, 1, 100, 101}
    again = Rounds.from_json(json.loads(json.dumps(rounds.to_json())))
    assert again == rounds and feedback(again) == feedback(rounds)


def test_the_traces_and_differences_are_those_of_the_picks() -> None:
    rounds = Rounds(POOLS)
    shown = [rounds.show(Program.read(source)) for source in (ASKING, WORDY)]
    assert [one.picks for one in shown] == [(1, 1, 1), (0, 0, 0)]
    told = feedback(rounds.take(shown, 0, 1))
    assert "mean of reward: 2.96 on best's picks, 0.2 on worst's picks, 1.38 on all responses" in told
    assert "mean of brief: 0.96 on best's picks" in told and "words: 2 against 40" in told
    assert feedback(rounds) == ""


def test_code_outside_the_language_is_sent_back_once_with_the_reason_and_then_left_out() -> None:
    served = [code("import os\nreward = 1"), code(BRIEF), code("reward = open('x')"), code("reward = x"), code(WORDY)]
    with chat_server(in_turn(*served)) as server:
        shown = Rounds(POOLS).propose(writer(ChatClient(server.endpoint()), "anything"), 3)
    assert [one.program.source for one in shown] == [BRIEF, WORDY]
    assert "every line is `name = expression`" in server.requests[1]["messages"][-1]["content"]


def test_a_round_without_two_functions_that_differ_is_refused_in_words() -> None:
    with chat_server(in_turn(code(BRIEF))) as server, pytest.raises(ValueError, match="no two usable reward functions"):
        Rounds(POOLS).propose(writer(ChatClient(server.endpoint()), "anything"), 3)
    with pytest.raises(ValueError, match="at least two responses"):
        Pool("x", ("one",))
    with pytest.raises(ValueError, match="two of the 2 candidates"):
        Round((BRIEF, WORDY), 0, 2)
    with pytest.raises(ValueError, match="two different candidates"):
        Round((BRIEF, WORDY), 1, 1)


def test_verdicts_that_people_gave_choose_as_people_would() -> None:
    rows = [row(SHORT, LONG, 1.0), row(LONG, ASKS, 0.0), row(SHORT, SHORT, 0.5)]
    rounds = Rounds(POOLS)
    shown = [Shown(Program.read(source), (0, 0, 0)) for source in (WORDY, "reward = 1 / bullets", BRIEF)]
    assert by_judgments(rows)(rounds, shown) == (2, 0)
