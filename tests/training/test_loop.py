"""The heartbeat's decisions, as a function of what it sees."""

from dataclasses import replace

import pytest

from training.loop import Schedule, Sight, Step, due

EVERY_HUNDRED = Schedule(every_judgments=100, every_minutes=0)
QUIET = Sight(minutes_since_tidied=0.0)


def steps(**seen: object) -> set[Step]:
    return set(due(replace(QUIET, **seen), EVERY_HUNDRED)) - {Step.WATCH_DISK}  # type: ignore[arg-type]


def test_a_quiet_project_asks_for_nothing() -> None:
    assert steps() == set()


def test_enough_judgments_refit_the_reward_model_first() -> None:
    assert steps(since_reward=99, since_policy=99) == set()
    assert steps(since_reward=100, since_policy=100) == {Step.ASK_REWARD, Step.START}


def test_the_policy_follows_the_reward_model() -> None:
    assert steps(since_reward=3, since_policy=103) == {Step.ASK_POLICY, Step.START}


def test_the_two_take_turns_where_people_judge_faster_than_runs_end() -> None:
    assert steps(since_reward=150, since_policy=300, refitted=True) == {Step.ASK_POLICY, Step.START}
    assert steps(since_reward=300, since_policy=150) == {Step.ASK_REWARD, Step.START}
    assert steps(since_reward=150, since_policy=300, refitted=True, trial=True) >= {Step.ASK_REWARD}


@pytest.mark.parametrize("busy", [{"candidate": True, "trial": True}, {"trial": True}])
def test_a_policy_waits_while_a_candidate_is_at_the_gate_and_the_reward_model_does_not(busy: dict[str, bool]) -> None:
    assert Step.ASK_POLICY not in steps(since_policy=500, **busy)
    assert Step.ASK_REWARD in steps(since_reward=500, **busy)


def test_one_run_is_at_work_at_a_time() -> None:
    assert steps(since_reward=500, since_policy=500, live_kinds=frozenset({"reward"})) == set()
    assert steps(since_policy=500, finished_runs=True) == {Step.ADOPT}


def test_time_counts_only_when_it_is_asked_to_and_something_was_judged() -> None:
    hourly = Schedule(every_judgments=100, every_minutes=60)
    waited = replace(QUIET, minutes_since_reward=61.0, since_reward=1)
    assert Step.ASK_REWARD in due(waited, hourly)
    assert Step.ASK_REWARD not in due(replace(waited, since_reward=0), hourly)
    assert Step.ASK_REWARD not in due(waited, EVERY_HUNDRED)


def test_a_candidate_gets_a_trial_where_there_are_held_out_prompts() -> None:
    assert steps(candidate=True) == {Step.OPEN_TRIAL}
    assert steps(candidate=True, held_out=False) == set()
    assert steps(candidate=True, trial=True, missing_duels=4) == {Step.SETTLE, Step.ADD_DUELS}


def test_a_drift_check_waits_for_the_gate_to_be_free() -> None:
    assert steps(drift=True) == {Step.OPEN_DRIFT_TRIAL}
    assert Step.OPEN_DRIFT_TRIAL not in steps(drift=True, candidate=True)


def test_the_queue_is_filled_and_repeats_are_added() -> None:
    assert steps(missing_comparisons=5, missing_repeats=1) == {Step.FILL, Step.REPEAT}


def test_while_paused_nothing_starts_by_itself_and_what_is_judged_still_settles() -> None:
    seen = {"since_reward": 500, "missing_comparisons": 9, "candidate": True, "trial": True, "queued": True}
    assert steps(paused=True, **seen) == {Step.SETTLE}
    assert steps(paused=True, asked=True, **seen) == {Step.SETTLE, Step.START}


def test_a_full_disk_is_looked_at_first_and_tidied_now_and_then() -> None:
    assert due(QUIET, EVERY_HUNDRED)[0] is Step.WATCH_DISK
    assert Step.TIDY in due(replace(QUIET, minutes_since_tidied=10.0), EVERY_HUNDRED)
