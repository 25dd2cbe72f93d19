"""Over-optimisation in the lab: proxies that disagree, curves found again, and the whole experiment on a tiny model."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from tests.training.learning.tiny import save_tiny
from training.lab import overoptimising
from training.lab.curves import curves, plots
from training.lab.overoptimising import Plan, overoptimise
from training.lab.proxies import Proxies, ProxyRanker, Rule
from training.learning.evaluation.overoptimisation import kl_of_best_of
from training.learning.recipes import starter_dpo
from training.learning.rows import PreferenceRow


class FourNumbers:
    """A feature model whose features stand in the text."""

    def features(self, pairs: Any) -> Any:
        return np.array([[float(part) for part in response[0]["content"].split()] for _, response in pairs])


def row(first: str, second: str, p: float) -> PreferenceRow:
    sides = ([{"role": "assistant", "content": first}], [{"role": "assistant", "content": second}])
    return PreferenceRow(1, [{"role": "user", "content": "q"}], sides, (None, None), p, None, 1.0, "simulation", (1,))  # type: ignore[arg-type]


def test_members_agree_on_what_was_judged_often_and_each_reads_only_some_features() -> None:
    toss = np.random.default_rng(0)
    rows = []
    for _ in range(200):
        ends = toss.standard_normal((2, 4))
        first, second = (" ".join(f"{value:.3f}" for value in end) for end in ends)
        rows.append(row(first, second, float(ends[0].sum() > ends[1].sum())))
    proxies = Proxies.fit(FourNumbers(), rows, 8, seed=1)  # type: ignore[arg-type]
    assert (proxies.weights_Md >= 0.0).all()
    assert 0.2 < (proxies.weights_Md == 0.0).mean() < 0.8
    pairs: list[Any] = [(one.prompt, side) for one in rows for side in one.responses]
    rewards, place = proxies.score(pairs), np.repeat(np.arange(200), 2)
    scaled = proxies.scaled(1.0 / Proxies.spread(rewards, place))
    assert Proxies.spread(scaled.score(pairs), place) == pytest.approx(1.0)


def test_a_member_alone_the_worst_case_and_the_mean_order_as_they_should() -> None:
    rewards = np.array([[1.0, 0.0, -1.0], [-1.0, 0.5, 0.5]])
    one = np.zeros(3, dtype=np.int64)
    assert Rule("single", member=0).over(rewards, one).argmax() == 0
    assert Rule("min", "min").over(rewards, one).argmax() == 1
    assert Rule("min", "min").gained(rewards) == pytest.approx([-1.0, 0.0, -1.0])
    assert Rule("mean").gained(rewards) == pytest.approx([0.0, 0.25, -0.25])
    ranker = ProxyRanker(None, Rule("single", member=1))  # type: ignore[arg-type]
    assert ranker.utility(rewards.T, one) == pytest.approx([-1.0, 0.5, 0.5])
    assert ranker.probability(rewards.T, rewards.T) == pytest.approx(1.0)


def test_curves_are_found_again_over_seeds_and_prompts() -> None:
    def gold(kl: float, seed: int) -> list[float]:
        return [kl**0.5 * (0.8 - 0.3 * kl**0.5) + shift + 0.01 * seed for shift in (-0.1, 0.0, 0.1)]

    rows: list[dict[str, Any]] = []
    for seed in range(2):
        points = [
            {"rule": "mean", "n": n, "gold": gold(float(kl_of_best_of(n)), seed), "proxy": 0.1} for n in (1, 2, 8, 64)
        ]
        steps = [{"round": place, "kl": place * 1.0, "gold": [0.1 * place] * 3, "proxy": 1.0} for place in range(2)]
        rows += [{"seed": seed, "what": "best_of_n", "points": points}, {"seed": seed, "what": "min", "points": steps}]
    told = curves(rows)
    (best,), (trained,) = told["best_of_n"], told["policy"]
    assert (best["rule"], best["seeds"], len(best["points"])) == ("mean", 2, 4)
    assert best["curve"]["alpha"] == pytest.approx(0.8, abs=0.03)
    assert best["curve"]["alpha_low"] < 0.8 < best["curve"]["alpha_high"]
    assert best["points"][1]["gold_low"] < best["points"][1]["gold"] < best["points"][1]["gold_high"]
    assert trained["curve"] is None  # one point away from the start
    drawn = plots(told, "taste x")
    assert [title.split(":")[0] for title, _ in drawn] == ["Best of n", "Training on the proxy"]
    assert all("WCO (min)" in chart or "mean" in chart for _, chart in drawn)


@pytest.mark.slow
def test_the_experiment_runs_whole_and_goes_on_where_it_was(tmp_path: Path, monkeypatch: Any) -> None:
    tiny = save_tiny(tmp_path / "tiny", scale=2.0)
    recipe = starter_dpo()
    short = replace(recipe, sampler=replace(recipe.sampler, max_new_tokens=6))
    monkeypatch.setattr(overoptimising, "starter_dpo", lambda: short)
    every = overoptimising.rules
    monkeypatch.setattr(overoptimising, "rules", lambda training: every(training)[1:3])
    plan = Plan("brevity", labels=32, members=2, pool=4, prompts=2, rounds=1, policy=str(tiny))
    said: list[str] = []
    ledger = overoptimise(plan, 1, tmp_path / "out.json", said.append)
    assert [one["what"] for one in ledger.rows] == ["best_of_n", "mean", "min"]
    chosen, trained = ledger.rows[0]["points"], ledger.rows[1]["points"]
    assert {one["n"] for one in chosen} == {1, 2, 4}
    assert all(one["gold"] == [0.0, 0.0] and one["proxy"] == pytest.approx(0.0) for one in chosen if one["n"] == 1)
    assert [one["round"] for one in trained] == [0, 1]
    assert trained[0]["kl"] == pytest.approx(0.0, abs=1e-4)
    ledger.part.write_text(
        "\n".join(ledger.part.read_text().splitlines()[:2]) + "\n"
    )  # killed before the first training
    again = overoptimise(plan, 1, tmp_path / "out.json", said.append)
    assert [one["what"] for one in again.rows] == [one["what"] for one in ledger.rows]
    assert again.rows[0] == ledger.rows[0]
    assert len(said) == 5


@pytest.mark.parametrize("wrong", [{"labels": 3}, {"members": 1}, {"pool": 2}, {"taste": "sour"}])
def test_a_plan_without_a_meaning_is_refused_in_words(wrong: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(CommandError):
        call_command("lab", "overoptimise", **{"taste": "brevity", "json": tmp_path / "x.json", **wrong})
