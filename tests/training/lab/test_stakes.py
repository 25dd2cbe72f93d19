"""The gate's stakes beside others."""

from training.lab.stakes import compare


def test_the_gates_own_stakes_find_a_small_gain_more_often_and_a_large_one_about_as_soon() -> None:
    lines = {(line.rule, line.win_rate, line.ties): line for line in compare(runs=1000, seed=1)}
    others = {rule for rule, _, _ in lines} - {"table"}
    best = max(lines[rule, 0.60, 0.0].promoted for rule in others)
    soonest = min(lines[rule, 0.75, 0.0].duels for rule in others)
    assert lines["table", 0.60, 0.0].promoted > best
    assert lines["table", 0.75, 0.0].duels < soonest + 6
    assert all(line.promoted <= 0.06 for line in lines.values() if line.win_rate == 0.5)
