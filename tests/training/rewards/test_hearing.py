"""Answers of a judge that cannot be used: left out, counted and told; too many end the run, and so does a stop."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.training.judges.chat_server import ChatServer, Script, Served, chat_server, in_turn
from tests.training.learning.tiny import answer, tiny_policy, user
from training.learning.devices import resolve
from training.learning.job import Job, Stopped
from training.learning.judges import Answer, ChatClient, JudgeTrouble, NoUsableAnswer
from training.learning.models import Policy
from training.learning.recipes import OptimSettings, RewardRecipe
from training.learning.reward_job import train_reward
from training.learning.rewards.written.hearing import Hearing, whole_sentences
from training.learning.rewards.written.traces import asked_traces, whole_turn
from training.learning.rows import PreferenceRow

QUICK = OptimSettings(learning_rate=1e-3, batch_size=4, num_train_epochs=1.0)
NULL = Served(raw=b'{"choices": [{"message": {"content": null}}]}')
FILTERED = Served("Well", finish="content_filter")
EMPTY = Served("")
CUT = Served("It is", finish="length")
GOOD = Served("Rationale: It is good.")


def row(number: int) -> PreferenceRow:
    sides = (answer(f"It is {number} wide."), answer("Thanks!"))
    return PreferenceRow(
        number, user(f"Sea {number}?"), sides, (None, None), number % 2, None, 1.0, "person", (number,)
    )


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    return tiny_policy(tmp_path_factory.mktemp("policy"))


Ran = tuple[dict[str, Any], ChatServer, list[dict[str, float]]]
Run = Callable[..., Ran]


@pytest.fixture
def run(policy: Policy, tmp_path: Path) -> Run:
    """Runs a job of six judgments with a judge that follows a script."""

    def run(script: Script, stop: Callable[[], bool] = lambda: False, **recipe: Any) -> Ran:
        written = {} if recipe["method"] == "in_context_reward_code" else {"longest_writing": 2}
        asked = RewardRecipe(optim=QUICK, **written, **recipe)
        compute = replace(resolve(), threads=1).to_json()
        rows = [row(number) for number in range(6)]
        Job("reward", str(policy.directory), asked.to_json(), compute=compute).write(tmp_path, rows)
        told: list[dict[str, float]] = []
        with chat_server(script) as server:
            client = ChatClient(server.endpoint(concurrent=1))
            result = train_reward(tmp_path, lambda step, total, figures: told.append(figures), stop, client=client)
        return result, server, told

    return run


@pytest.mark.parametrize("bad", [NULL, FILTERED, EMPTY, CUT, Served(status=400, raw=b"filtered")])
@pytest.mark.parametrize("method", ["critique_based", "tool_augmented"])
def test_a_row_whose_answer_cannot_be_used_teaches_the_score_alone_and_is_counted(
    method: str, bad: Served, run: Run
) -> None:
    result, server, told = run(in_turn(GOOD, bad, GOOD), method=method)
    assert len(server.requests) == 12 and result["written"] == 11
    assert (result["judge"]["texts"], result["judge"]["unusable"]) == (12, 1) and len(result["judge"]["why"]) == 1
    assert {"judge/unusable": 1.0} in told


def test_more_than_a_fifth_without_use_end_the_run_in_words_before_all_are_asked(run: Run) -> None:
    with pytest.raises(JudgeTrouble, match=r"3 of 12 texts .* more than 20% .* without a text"):
        run(in_turn(GOOD, NULL), method="critique_based")


def test_reward_code_goes_on_without_a_candidate_that_was_not_written(run: Run) -> None:
    codes = [Served("reward = words"), NULL, Served("reward = -words"), EMPTY, Served("reward = 1 - words / 9")]
    result, _, told = run(in_turn(*codes), method="in_context_reward_code", code_rounds=2, candidates=3)
    assert result["judge"]["unusable"] == 2 and [one["candidates"] for one in result["rounds"]] == [2, 2]
    assert {"judge/unusable": 2.0} in told


@pytest.mark.parametrize("method", ["critique_based", "tool_augmented", "in_context_reward_code"])
def test_a_stop_is_heard_between_the_answers_of_a_judge(method: str, run: Run) -> None:
    asked = 0

    def counting(question: dict[str, Any]) -> Served:
        nonlocal asked
        asked += 1
        return GOOD

    dials = {"candidates": 9, "code_rounds": 2} if method == "in_context_reward_code" else {}
    with pytest.raises(Stopped):
        run(counting, lambda: asked > 1, method=method, **dials)
    assert asked < 9


def test_a_stop_is_heard_while_the_writer_of_code_is_waited_for(run: Run) -> None:
    busy = Served(status=503, headers={"Retry-After": "2"})
    began = time.monotonic()
    with pytest.raises(Stopped):
        run(in_turn(busy), lambda: time.monotonic() - began > 0.3, method="in_context_reward_code")
    assert time.monotonic() - began < 6  # five tries would take eight


def test_one_answer_is_never_too_many() -> None:
    with chat_server(in_turn(NULL)) as server:
        hearing = Hearing(ChatClient(server.endpoint()), 1, lambda: False)
        pair = (user("Hi"), answer("Ho"))
        assert asked_traces(hearing, [pair], 1) == [[]] and hearing.to_json()["unusable"] == 1


def test_a_trace_that_breaks_off_is_left_out_whole() -> None:
    use = Served("Thought: how long?\nAction: form\nInput: x")
    with chat_server(in_turn(use, NULL)) as server:
        hearing = Hearing(ChatClient(server.endpoint()), 1, lambda: False)
        assert asked_traces(hearing, [(user("Hi"), answer("Ho"))], 2) == [[]] and len(server.requests) == 2


@pytest.mark.parametrize(
    ("cut", "kept"),
    [
        ("It is good. It is sh", "It is good."),
        ("“It is so.” And 3.5 of", "“It is so.”"),
        ("很好。但是", "很好。"),
        ("Action: form\nInput: words\nObservation: 3 wor", "Action: form\nInput: words"),
        ("Action: calculator\nInput: 3 +", None),
        ("Thought: It is good. I ask.\nAction: calc", None),
        ("It has 3.5 of", None),
    ],
)
def test_of_a_turn_that_was_cut_only_what_was_finished_is_kept(cut: str, kept: str | None) -> None:
    told = Answer(cut, True, 0)
    if kept is None:
        with pytest.raises(NoUsableAnswer, match="was cut at its limit"):
            whole_turn(told)
    else:
        assert whole_turn(told) == kept
    assert whole_sentences(Answer(cut, False, 0)) == whole_turn(Answer(cut, False, 0)) == cut
