"""TR-DPO: the reference moves by the rule, is read as it is, and a resumed training goes on with it bit for bit."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.learning.tiny import answer, tiny_policy, user
from training.learning.logprobs import LogprobCache, response_logprobs, sequence_sums, token_logprobs
from training.learning.models import Policy, load_policy, merged_state, with_lora
from training.learning.objectives import refuse_unfit
from training.learning.objectives.moving_reference import MovingReference
from training.learning.objectives.training import Material, PreferenceTraining, preference_training
from training.learning.optimise import learning_rate, optimise
from training.learning.recipes import LoraSettings, ObjectiveDials, OptimSettings, PolicyRecipe
from training.learning.rows import PreferenceRow

SETTINGS = OptimSettings(learning_rate=3e-3, batch_size=4, num_train_epochs=2.0, token_budget=600, save_seconds=0)
RECIPE = PolicyRecipe(beta=0.3, max_length=128, sync_ref_model=True, ref_model_sync_steps=2)
ROWS = [
    PreferenceRow(
        number,
        user(f"Tell me about river {number}."),
        (answer("It is wide and deep."), answer("Thanks! No.")),
        (None, None),
        1.0,
        None,
        1.0,
        "person",
        (number,),
    )
    for number in range(8)
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_policy(tmp_path_factory.mktemp("tiny")).directory


def laid_out(policy: Policy, place: Path, cache: Path, recipe: PolicyRecipe = RECIPE) -> PreferenceTraining:
    reference = load_policy(str(place))
    known = LogprobCache(cache, "a" * 64)
    return preference_training(Material(policy, ROWS, recipe, SETTINGS, reference, known, compute=None))


def trained(place: Path, directory: Path, recipe: PolicyRecipe = RECIPE, stops: tuple[int, ...] = ()) -> Any:
    """The policy's and the reference's weights after a training stopped and taken up again after some steps."""
    for stop in (*stops, 0):
        policy = load_policy(str(place))
        training = laid_out(policy, place, directory / "cache", recipe)
        seen: list[int] = []
        done = optimise(
            policy.model,
            training.steps,
            training.loss,
            SETTINGS,
            directory=directory / "run",
            report=lambda step, total, metrics, seen=seen: seen.append(step),
            should_stop=lambda stop=stop, seen=seen: seen[-1:] == [stop],
            companion=training.companion,
        )
        assert done.finished is (stop == 0)
    assert isinstance(training.companion, MovingReference)
    return policy.model.state_dict(), training.companion.state()


def test_a_reference_that_could_not_move_in_a_round_is_refused_in_words() -> None:
    recipe = replace(RECIPE, n_prompts=8, optim=replace(SETTINGS, num_train_epochs=1.0))
    refuse_unfit(recipe, ROWS[:2])  # ten pairs in steps of four: three steps
    with pytest.raises(ValueError, match="every 4 steps, and a round has at most 3: lower ref_model_sync_steps"):
        refuse_unfit(replace(recipe, ref_model_sync_steps=4), ROWS[:2])
    refuse_unfit(replace(recipe, ref_model_sync_steps=4, sync_ref_model=False), ROWS[:2])
    with pytest.raises(ValueError, match="a round has at most 1"):  # prompts that nothing is sampled on are no steps
        refuse_unfit(replace(recipe, model_pairs_share=0.0), ROWS[:2])
    refuse_unfit(replace(recipe, model_pairs_share=1.0, ref_model_sync_steps=2), ROWS[:2])
    with pytest.raises(ValueError, match="a round has at most 2"):
        refuse_unfit(replace(recipe, model_pairs_share=1.0, ref_model_sync_steps=3), ROWS[:2])


@pytest.mark.parametrize("share", [1.0, 0.6])
def test_every_so_many_steps_the_reference_takes_the_policy_in(place: Path, share: float) -> None:
    policy, reference = load_policy(str(place)).model, load_policy(str(place)).model
    dials = ObjectiveDials(ref_model_mixup_alpha=share, ref_model_sync_steps=3)
    moving = MovingReference(reference, policy, dials)
    before = {name: weight.clone() for name, weight in moving.state().items()}
    with torch.no_grad():
        for weight in policy.parameters():
            weight.add_(torch.randn_like(weight))
    now = dict(policy.named_parameters())
    for step in (1, 2):
        moving.after_step(step)
        assert all(torch.equal(weight, before[name]) for name, weight in moving.state().items())
    moving.after_step(3)
    for name, weight in moving.state().items():
        assert torch.allclose(weight, (1 - share) * before[name] + share * now[name], atol=1e-6)
    assert all(torch.equal(weight, before[name]) for name, weight in reference.named_parameters())


def test_adapters_are_taken_in_as_if_they_were_merged(place: Path) -> None:
    plain = load_policy(str(place))
    moving = MovingReference(load_policy(str(place)).model, plain.model, RECIPE)
    adapted = with_lora(plain, LoraSettings(r=2, lora_alpha=4))
    with torch.no_grad():
        for weight in adapted.model.parameters():
            if weight.requires_grad:
                weight.add_(0.1 * torch.randn_like(weight))
    moving = MovingReference(moving.model, adapted.model, replace(RECIPE, ref_model_mixup_alpha=1.0))
    moving.after_step(2)
    merged = merged_state(adapted.model)
    assert all(torch.allclose(weight, merged[name], atol=1e-6) for name, weight in moving.state().items())
    group = plain.text.group(user("The sea?"), [answer("It is wide.")])
    ours, theirs = (
        response_logprobs(replace(plain, model=model), [group])[0][0] for model in (adapted.model, moving.model)
    )
    assert torch.allclose(ours, theirs, atol=1e-4)


def test_a_training_is_that_of_a_plain_loop_in_which_the_reference_moves(place: Path, tmp_path: Path) -> None:
    """The known answer: −log σ(β·gap) written out, the reference read anew in every step, torch's own AdamW."""
    ours, reference_now = trained(place, tmp_path / "ours")
    policy, reference = load_policy(str(place)), load_policy(str(place))
    training = laid_out(policy, place, tmp_path / "theirs")
    settings = SETTINGS
    optimiser = torch.optim.AdamW(
        policy.model.parameters(), lr=1.0, betas=(0.9, 0.99), eps=settings.adam_epsilon, weight_decay=0.0
    )
    for step in range(len(training.steps)):
        optimiser.param_groups[0]["lr"] = learning_rate(settings, step, len(training.steps))
        losses = []
        for micro in training.steps[step]:
            here = sequence_sums(token_logprobs(policy.model, micro.batch), micro.batch).view(-1, 2)
            with torch.no_grad():
                there = sequence_sums(token_logprobs(reference.model, micro.batch), micro.batch).view(-1, 2)
            gap = (here - there)[:, 0] - (here - there)[:, 1]
            losses.append(torch.log1p(torch.exp(-0.3 * gap)))
        torch.autograd.backward(torch.cat(losses).mean())
        torch.nn.utils.clip_grad_norm_(policy.model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        if (step + 1) % 2 == 0:
            with torch.no_grad():
                for mine, other in zip(reference.model.parameters(), policy.model.parameters(), strict=True):
                    mine.copy_(0.4 * mine + 0.6 * other)
    start = load_policy(str(place)).model.state_dict()
    for name, weight in policy.model.state_dict().items():
        assert (ours[name] - weight).norm() <= 1e-3 * (weight - start[name]).norm() + 1e-6
    for name, weight in reference.model.named_parameters():
        assert (reference_now[name] - weight).norm() <= 1e-3 * (weight - start[name]).norm() + 1e-6


def test_a_training_that_is_stopped_goes_on_with_its_reference_bit_for_bit(place: Path, tmp_path: Path) -> None:
    whole = trained(place, tmp_path / "whole")
    parts = trained(place, tmp_path / "parts", stops=(1, 3))
    for one, other in zip(whole, parts, strict=True):
        assert all(torch.equal(one[name], other[name]) for name in one)
    still = replace(RECIPE, ref_model_sync_steps=512)
    never, _ = trained(place, tmp_path / "still", still)
    assert any(not torch.equal(never[name], whole[0][name]) for name in never)


def test_a_reference_that_never_moves_gives_the_training_with_a_kept_one(place: Path, tmp_path: Path) -> None:
    moved, _ = trained(place, tmp_path / "moved", replace(RECIPE, ref_model_sync_steps=512))
    policy = load_policy(str(place))
    training = laid_out(
        policy, place, tmp_path / "kept", replace(RECIPE, sync_ref_model=False, ref_model_sync_steps=512)
    )
    assert training.companion is None
    optimise(policy.model, training.steps, training.loss, SETTINGS, directory=tmp_path / "run")
    for name, weight in policy.model.state_dict().items():
        assert torch.allclose(moved[name], weight, atol=1e-3)
    assert len(LogprobCache(tmp_path / "moved" / "cache", "a" * 64)) == 0
