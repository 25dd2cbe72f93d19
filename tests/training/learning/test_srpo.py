"""SRPO: its residuals vanish at the tabular optimum, its terms are the plain ones, revisions follow each other."""

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.learning.tiny import answer, exact, tiny_policy, user
from training.learning.logprobs import response_logprobs
from training.learning.models import load_policy
from training.learning.objectives.srpo import Ratios, srpo_loss, srpo_losses, srpo_plan, srpo_ratios, srpo_step
from training.learning.recipes import ObjectiveDials, OptimSettings, SamplerSettings
from training.learning.rows import PreferenceRow
from training.learning.sampling import sample
from training.learning.sampling.revise import ASK, revise, revision_prompt

RESPONSES = 5


def optimum(p_RR: torch.Tensor, reference_R: torch.Tensor, beta: float) -> tuple[torch.Tensor, torch.Tensor]:
    """log π/π_ref of the policy [R] and of the reviser [draft, revision], in closed form, by sums over all responses.

    ``p_RR[a, b]`` is the probability that a is preferred to b.
    """
    tilted_RR = reference_R.log() + p_RR.T / beta  # [draft, revision]
    normaliser_R = torch.logsumexp(tilted_RR, 1)
    revised_RR = p_RR.T / beta - normaliser_R[:, None]
    policy_R = -normaliser_R - torch.logsumexp(reference_R.log() - normaliser_R, 0)
    return policy_R, revised_RR


def table(seed: int, *, certain: bool) -> tuple[torch.Tensor, torch.Tensor]:
    noise = torch.Generator().manual_seed(seed)
    upper = torch.rand(RESPONSES, RESPONSES, generator=noise, dtype=torch.float64).triu(1)
    upper = upper.round().triu(1) if certain else upper
    p_RR = upper + (1 - upper.T).tril(-1) + 0.5 * torch.eye(RESPONSES, dtype=torch.float64)
    reference_R = torch.rand(RESPONSES, generator=noise, dtype=torch.float64).softmax(0)
    return p_RR, reference_R


def pair(policy_R: torch.Tensor, revised_RR: torch.Tensor, a: int, b: int) -> Ratios:
    plain = torch.stack([policy_R[a], policy_R[b]])[None]
    revised = torch.stack([torch.stack([revised_RR[i, j] for j in (a, b)]) for i in (a, b)])[None]
    return Ratios(plain, revised)


@settings(max_examples=30)
@given(seed=st.integers(0, 50), beta=st.floats(0.1, 3), alpha=st.floats(0, 1))
def test_both_losses_are_zero_at_the_optimum_of_certain_preferences(seed: int, beta: float, alpha: float) -> None:
    p_RR, reference_R = table(seed, certain=True)
    policy_R, revised_RR = optimum(p_RR, reference_R, beta)
    dials = ObjectiveDials(beta=beta, srpo_alpha=alpha)
    for a in range(RESPONSES):
        for b in range(RESPONSES):
            if p_RR[a, b] == 1.0:
                assert float(srpo_loss(pair(policy_R, revised_RR, a, b), dials)) == pytest.approx(0.0, abs=1e-18)


@settings(max_examples=15)
@given(seed=st.integers(0, 50), alpha=st.floats(0, 1))
def test_no_slope_is_left_at_the_optimum_where_people_disagree(seed: int, alpha: float) -> None:
    p_RR, reference_R = table(seed, certain=False)
    policy_R, revised_RR = (found.requires_grad_() for found in optimum(p_RR, reference_R, 0.4))
    dials = ObjectiveDials(beta=0.4, srpo_alpha=alpha)
    one = torch.ones(1, dtype=torch.float64)
    loss = torch.zeros((), dtype=torch.float64)
    for a in range(RESPONSES):
        for b in range(a):
            loss = loss + srpo_losses(pair(policy_R, revised_RR, a, b), p_RR[a, b] * one, one, dials).sum()
    slopes = torch.autograd.grad(loss, [policy_R, revised_RR], allow_unused=True)
    assert all(slope is None or slope.abs().max() < 1e-12 for slope in slopes)
    assert loss > 0.0


def test_the_optimum_is_a_policy_and_a_reviser_and_the_reviser_prefers_what_beats_the_draft() -> None:
    p_RR, reference_R = table(3, certain=False)
    policy_R, revised_RR = optimum(p_RR, reference_R, 0.2)
    assert torch.allclose((reference_R * policy_R.exp()).sum(), torch.ones((), dtype=torch.float64))
    assert torch.allclose((reference_R * revised_RR.exp()).sum(1), torch.ones(RESPONSES, dtype=torch.float64))
    for draft in range(RESPONSES):
        assert int(revised_RR[draft].argmax()) == int(p_RR[:, draft].argmax())


@given(alpha=st.floats(0, 1), beta=st.floats(0.05, 2))
@settings(max_examples=10)
def test_at_the_reference_every_label_is_missed_by_its_whole_size(alpha: float, beta: float) -> None:
    here = Ratios(torch.zeros(1, 2, dtype=torch.float64), torch.zeros(1, 2, 2, dtype=torch.float64))
    loss = srpo_loss(here, ObjectiveDials(beta=beta, srpo_alpha=alpha))
    assert float(loss) == pytest.approx((1 - alpha) * 1.0 + alpha * (0.25 + 0.25))


def test_naming_the_sides_the_other_way_round_changes_nothing() -> None:
    noise = torch.Generator().manual_seed(5)
    ratios = Ratios(torch.randn(3, 2, generator=noise), torch.randn(3, 2, 2, generator=noise))
    p_P, weight_P = torch.tensor([1.0, 0.3, 0.5]), torch.tensor([1.0, 2.0, 0.5])
    dials = ObjectiveDials(beta=0.3, label_smoothing=0.1)
    there, back = srpo_losses(ratios, p_P, weight_P, dials), srpo_losses(ratios.turned(), 1 - p_P, weight_P, dials)
    assert torch.allclose(there, back)


ROWS = [
    PreferenceRow(
        1, user("The sea?"), (answer("It is wide."), answer("No.")), (None, None), 1.0, None, 1.0, "person", ()
    ),
    PreferenceRow(
        2, user("Rivers?"), (answer("Blue"), answer("Deep, wide")), (None, None), 0.0, None, 1.0, "person", ()
    ),
]


@pytest.mark.parametrize("chat", [True, False])
def test_the_six_terms_are_those_of_the_conversations_one_by_one(tmp_path: Path, chat: bool) -> None:
    policy = exact(tiny_policy(tmp_path / "policy", chat=chat, dtype=torch.float64))
    reference = exact(tiny_policy(tmp_path / "reference", chat=chat, dtype=torch.float64, seed=1))
    steps = OptimSettings(batch_size=2, token_budget=2000)
    plan = srpo_plan(policy, ROWS, steps, max_length=200, reference=reference)
    (micro,) = plan.steps[0]
    found = srpo_ratios(policy.model, micro)
    order = [ROWS[int(p == 0.0)] for p in micro.p_P]
    for number, row in enumerate(order):
        asked = [row.prompt, *(revision_prompt(row.prompt, draft) for draft in row.responses)]
        ours, theirs = (
            [
                [float(values.sum()) for values in response_logprobs(one, [one.text.group(prompt, row.responses)])[0]]
                for prompt in asked
            ]
            for one in (policy, reference)
        )
        expected = torch.tensor(ours, dtype=torch.float64) - torch.tensor(theirs, dtype=torch.float64)
        assert torch.allclose(found.plain_P2[number], expected[0])
        assert torch.allclose(found.revised_P22[number], expected[1:])
    part = srpo_step(ObjectiveDials(beta=0.1))(policy.model, micro)
    assert part.count == 2 and part.loss.requires_grad and set(part.metrics) >= {"rewards/margins"}


def test_a_revision_answers_the_draft_before_it(tmp_path: Path) -> None:
    policy = load_policy(str(tiny_policy(tmp_path / "tiny").directory))
    sampler = SamplerSettings(max_new_tokens=6)
    prompts, drafts = [user("The sea?"), user("Rivers?")], ["It is wide.", ""]
    found = revise(policy, prompts, drafts, 2, sampler, [11, 12])
    assert [len(mine) for mine in found] == [2, 2]
    for number, prompt in enumerate(prompts):
        before = drafts[number]
        for time, revision in enumerate(found[number]):
            asked = revision_prompt(prompt, answer(before))
            assert asked[-1]["content"] == ASK and asked[-2]["content"] == before
            (alone,) = sample(policy, [asked], sampler, [11 + number + time])
            assert revision.text == alone.text
            before = revision.text
    assert revise(policy, prompts, drafts, 0, sampler, [1, 2]) == [[], []]
    with pytest.raises(ValueError, match="give one of each"):
        revise(policy, prompts, drafts[:1], 1, sampler, [1, 2])
