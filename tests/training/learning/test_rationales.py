"""Rationales: their likelihood beside any pair objective, and how reasons come to rows and go away again."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.learning.tiny import answer, exact, tiny_policy, user
from training.learning.job import Job, finish, read_snapshot
from training.learning.logprobs import LogprobCache, response_logprobs
from training.learning.models import Policy
from training.learning.objectives import refuse_unfit
from training.learning.objectives.moving_reference import MovingReference
from training.learning.objectives.rationale import question, rationale_loss
from training.learning.objectives.training import Material, PreferenceTraining, preference_training
from training.learning.rationales import FILE, Reason, forget_reasons, read_reasons, with_rationales, write_reasons
from training.learning.recipes import ObjectiveDials, OptimSettings, PolicyRecipe
from training.learning.rows import PreferenceRow

SETTINGS = OptimSettings(batch_size=3, token_budget=3000, save_seconds=0)


def row(number: int, p: float, why: str, weight: float = 1.0) -> PreferenceRow:
    sides = (answer("It is wide and deep."), answer("Thanks! No."))
    judged = (10 * number, 10 * number + 1)
    return PreferenceRow(number, user(f"River {number}?"), sides, (None, None), p, None, weight, "person", judged, why)


ROWS = [row(1, 1.0, "It is deep."), row(2, 0.0, ""), row(3, 0.5, "Both are wide.", weight=0.5)]


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    return exact(tiny_policy(tmp_path_factory.mktemp("tiny"), dtype=torch.float64))


def laid_out(policy: Policy, cache: Path, rows: list[PreferenceRow], **recipe: Any) -> PreferenceTraining:
    known = LogprobCache(cache, "a" * 64, dtype="float64")
    dials = PolicyRecipe(max_length=200, **recipe)
    return preference_training(Material(policy, rows, dials, SETTINGS, policy, known, compute=None))


def summed(policy: Policy, training: PreferenceTraining) -> tuple[float, float]:
    parts = [training.loss(policy.model, micro) for micro in training.steps[0]]
    return float(sum(part.loss.detach() for part in parts)), sum(part.count for part in parts)


@pytest.mark.parametrize("base", ["sigmoid", "ipo", "simpo", "sft"])
@pytest.mark.parametrize("form", ["likelihood", "logistic"])
def test_it_is_the_pair_objective_and_what_each_given_rationale_costs(
    policy: Policy, tmp_path: Path, base: str, form: str
) -> None:
    pairs = laid_out(policy, tmp_path, ROWS, loss_type=base)
    both = laid_out(
        policy, tmp_path, ROWS, loss_type="rationale", base_loss_type=base, rationale_form=form, rationale_gamma=0.2
    )
    (plain, count), (found, same) = summed(policy, pairs), summed(policy, both)
    assert count == same == 3
    expected = 0.0
    for one in ROWS:
        if one.rationale:
            group = policy.text.group(question(one), [answer(one.rationale)])
            scaled = 0.2 * response_logprobs(policy, [group])[0][0].sum()
            expected += one.weight * float(-scaled if form == "likelihood" else torch.log1p(torch.exp(-scaled)))
    assert found - plain == pytest.approx(expected, rel=1e-9)


def test_rows_without_a_rationale_train_on_the_pair_alone(policy: Policy, tmp_path: Path) -> None:
    silent = [replace(one, rationale=" ") for one in ROWS]
    (plain, _), (found, _) = (
        summed(policy, laid_out(policy, tmp_path, silent, loss_type=key)) for key in ("sigmoid", "rationale")
    )
    assert found == plain


def test_a_training_of_which_no_row_says_why_is_refused_in_words() -> None:
    recipe = PolicyRecipe(loss_type="rationale")
    refuse_unfit(recipe, ROWS)
    with pytest.raises(ValueError, match="no judgment of the snapshot came with one"):
        refuse_unfit(recipe, ROWS[1:2])


def test_others_can_be_mixed_in_and_the_reference_may_move(policy: Policy, tmp_path: Path) -> None:
    mixed = laid_out(policy, tmp_path, ROWS, loss_type="rationale", loss_weights={"sft": 0.5}, rationale_gamma=0.0)
    plain = laid_out(policy, tmp_path, ROWS, loss_type="sigmoid", loss_weights={"sft": 0.5})
    assert summed(policy, mixed)[0] == pytest.approx(summed(policy, plain)[0], rel=1e-12)
    moving = laid_out(policy, tmp_path, ROWS, loss_type="rationale", sync_ref_model=True, rationale_gamma=0.0)
    assert isinstance(moving.companion, MovingReference)
    kept = laid_out(policy, tmp_path, ROWS, loss_type="sigmoid")
    assert summed(policy, moving)[0] == pytest.approx(summed(policy, kept)[0], rel=1e-9)


@settings(max_examples=30)
@given(value=st.floats(-200, 0), gamma=st.floats(0, 1))
def test_the_reference_codes_form_has_between_half_and_all_of_the_slope(value: float, gamma: float) -> None:
    slopes = []
    for form in ("likelihood", "logistic"):
        logprob = torch.tensor([value], dtype=torch.float64, requires_grad=True)
        loss = rationale_loss(logprob, ObjectiveDials(rationale_gamma=gamma, rationale_form=form))
        slopes.append(float(torch.autograd.grad(loss.sum(), logprob)[0]))
    assert slopes[0] == -gamma
    assert -gamma - 1e-12 <= slopes[1] <= -gamma / 2 + 1e-12


def test_the_question_puts_the_preferred_answer_first_and_asks_of_a_tie_how_they_compare() -> None:
    first, second, tie = (question(one) for one in ROWS)
    assert (first[1]["content"], second[1]["content"]) == ("It is wide and deep.", "Thanks! No.")
    assert "Thanks! No." in first[2]["content"] and "Why is the first answer better?" in first[2]["content"]
    assert "How do the two compare?" in tie[2]["content"]
    assert [message["role"] for message in first] == ["user", "assistant", "user"]


# Reasons beside a snapshot


def test_a_row_takes_the_first_reason_that_came_to_its_own_verdict() -> None:
    reasons = [
        Reason(1, 11, 1.0, "Deeper."),
        Reason(1, 10, 0.0, "I like the short one."),
        Reason(3, 31, 0.5, "The same."),
        Reason(9, 90, 1.0, "Of another row."),
    ]
    found = with_rationales([replace(one, rationale="") for one in ROWS], reasons)
    assert [one.rationale for one in found] == ["Deeper.", "", "The same."]


def test_reasons_lie_beside_the_snapshot_until_the_job_is_done(tmp_path: Path) -> None:
    silent = [replace(one, rationale="") for one in ROWS]
    Job("policy", "starter", {}).write(tmp_path, silent)
    assert read_snapshot(tmp_path) == silent
    assert write_reasons(tmp_path, [Reason(1, 10, 1.0, "Är\n“tief”")]) == 1
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0
    assert read_reasons(tmp_path) == [Reason(1, 10, 1.0, "Är\n“tief”")]
    assert [one.rationale for one in read_snapshot(tmp_path)] == ["Är\n“tief”", "", ""]
    assert "tief" not in (tmp_path / "snapshot.jsonl").read_text()
    finish(tmp_path, {})
    assert not (tmp_path / FILE).exists() and read_reasons(tmp_path) == []
    forget_reasons(tmp_path)
    assert write_reasons(tmp_path, []) == 0 and not (tmp_path / FILE).exists()
