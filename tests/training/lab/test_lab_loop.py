"""The whole loop with simulated people: judge, refit, retrain, duel."""

import os
from typing import Any

import pytest
from django.db import connection

from training.lab.loop import Lab, Plan
from training.lab.tastes import load_taste
from training.models import Run, Trial

SMALL = {"n_prompts": 24, "best_of": 4, "n_validation": 16, "optim": {"num_train_epochs": 1.0}}
KEYS = {
    *("round", "judgments", "duels", "promoted", "win_rate", "win_rate_low", "win_rate_high", "tie_rate", "kl"),
    *("gold_utility", "mean_words_before", "mean_words_after", "seconds"),
}


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_the_lab_goes_once_round_the_loop_and_reports_what_its_contract_says(monkeypatch: pytest.MonkeyPatch) -> None:
    # Its runs are processes of their own: they are told which database this test uses.
    database = connection.settings_dict["NAME"]
    monkeypatch.setenv("DATABASE_URL", os.environ["DATABASE_URL"].replace("/heed?", f"/{database}?"))
    said: list[str] = []
    policy = os.environ.get("LAB_POLICY", "starter")
    small = {"judgments": 100, "rounds": 1, "seed": 3, "recipe": SMALL, "measured_on": 64}
    plan = Plan(load_taste("warmth"), policy=policy, reward="rao_kupper", **small)
    result: dict[str, Any] = Lab(plan, say=said.append).run()
    [told] = result["rounds"]
    assert set(told) == KEYS
    assert result["best_of_16"] > 0.75
    assert told["judgments"] == 100
    assert 1 <= told["duels"] <= 40, said
    assert told["win_rate_low"] <= told["win_rate"] <= told["win_rate_high"]
    assert [run.state for run in Run.objects.order_by("pk")] == ["done", "done"]
    assert [run.result["method"] for run in Run.objects.filter(kind="reward")] == ["rao_kupper"]
    trial = Trial.objects.get()
    assert trial.state != "open"
    assert trial.settled <= told["duels"]


@pytest.mark.parametrize(("settings", "said"), [({"judgments": 3}, "at least 20"), ({"rounds": 0}, "at least one")])
def test_a_plan_without_a_meaning_is_refused_in_words(settings: dict[str, int], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Plan(load_taste("warmth"), **settings)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("key", "said"), [("nothing", "no reward method"), ("critique_based", "asks a language model")]
)
def test_a_reward_method_that_cannot_learn_here_is_refused_before_anything_is_asked(key: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Lab(Plan(load_taste("warmth"), reward=key), say=lambda text: None)
