"""MetaRM's step, the contrastive term and the information bottleneck, each against what is known another way."""

import math

import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence

from training.learning.rewards.robust.bottleneck import Encoder, Gaussian, bottleneck_loss, gaussian_kl, symmetric_kl
from training.learning.rewards.robust.contrast import simcse, views
from training.learning.rewards.robust.meta import ascended, at_weights, spread


class Linear(torch.nn.Module):
    """r(x) = (w·x)²: its gradient depends on where it is taken."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor([0.5, -1.0], dtype=torch.float64))
        self.frozen = torch.nn.Parameter(torch.tensor(3.0, dtype=torch.float64), requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x @ self.weight) ** 2


def test_the_spread_is_the_mean_gap_between_responses_to_a_prompt() -> None:
    assert spread(torch.tensor([[0.0, 1.0, 3.0], [2.0, 2.0, 2.0]])).item() == pytest.approx((1 + 3 + 2) / 6)


def test_metarm_takes_the_hand_written_two_steps() -> None:
    model, eta = Linear(), 0.3
    fresh = torch.tensor([[[1.0, 2.0], [0.0, 1.0]]], dtype=torch.float64)  # one prompt, two responses
    pair = torch.tensor([[1.0, 0.5], [2.0, 1.0]], dtype=torch.float64)

    def loss(rewards: torch.Tensor) -> torch.Tensor:
        return -torch.nn.functional.logsigmoid(rewards[0] - rewards[1])

    moved = ascended(model, spread(model(fresh)), eta)
    loss(at_weights(model, moved)(pair)).backward()  # type: ignore[no-untyped-call]

    start = model.weight.detach()
    a, b = fresh[0]
    slope = torch.sign((a @ start) ** 2 - (b @ start) ** 2) * (2 * (a @ start) * a - 2 * (b @ start) * b)
    there = start + eta * slope
    first, second = ((pair[place] @ there) ** 2 for place in (0, 1))
    outer = 2 * (pair[0] @ there) * pair[0] - 2 * (pair[1] @ there) * pair[1]
    expected = -(1.0 - torch.sigmoid(first - second)) * outer
    assert model.weight.grad is not None
    assert torch.allclose(model.weight.grad, expected)
    assert model.weight.detach().equal(start)


def test_without_ascent_the_step_is_the_plain_one() -> None:
    model = Linear()
    x = torch.tensor([[1.0, 2.0]], dtype=torch.float64)
    at_weights(model, ascended(model, model(x).sum(), 0.0))(x).sum().backward()
    plain = Linear()
    plain(x).sum().backward()
    assert model.weight.grad is not None
    assert plain.weight.grad is not None
    assert torch.allclose(model.weight.grad, plain.weight.grad)


def test_a_weight_that_the_spread_does_not_touch_stays() -> None:
    model = Linear()
    model.extra = torch.nn.Parameter(torch.ones(1, dtype=torch.float64))
    moved = ascended(model, model(torch.ones(1, 2, dtype=torch.float64)).sum(), 1.0)
    assert moved["extra"] is model.extra
    assert "frozen" not in moved


def test_simcse_is_a_softmax_over_cosines() -> None:
    first = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    second = torch.tensor([[3.0, 0.0], [1.0, 1.0]])
    root = math.sqrt(0.5)
    others = [math.log(math.exp(2.0) + math.exp(2.0 * root)), math.log(1.0 + math.exp(2.0 * root))]
    assert simcse(first, second, 0.5).tolist() == pytest.approx([others[0] - 2.0, others[1] - 2.0 * root])
    assert simcse(first[:1], second[:1], 0.5).tolist() == [0.0]


def test_two_views_are_two_dropouts_of_the_same_states_and_come_again() -> None:
    states = torch.ones(200, 50)
    one, two = views(states, torch.Generator().manual_seed(1), drop=0.25)
    assert one.unique().tolist() == pytest.approx([0.0, 1 / 0.75])
    assert one.mean().item() == pytest.approx(1.0, abs=0.02)
    assert not one.equal(two)
    assert one.equal(views(states, torch.Generator().manual_seed(1), drop=0.25)[0])


def gaussians(seed: int) -> tuple[Gaussian, Gaussian]:
    torch.manual_seed(seed)
    return (
        Gaussian(torch.randn(5, 3).double(), torch.randn(5, 3).double()),
        Gaussian(torch.randn(5, 3).double(), torch.randn(5, 3).double()),
    )


def test_the_bottleneck_is_the_closed_form_kl_between_gaussians() -> None:
    first, second = gaussians(0)
    theirs = [Independent(Normal(one.mean, (0.5 * one.log_variance).exp()), 1) for one in (first, second)]
    assert torch.allclose(gaussian_kl(first, second), kl_divergence(*theirs))
    assert torch.allclose(symmetric_kl(first, second), 0.5 * (kl_divergence(*theirs) + kl_divergence(*theirs[::-1])))
    assert torch.allclose(gaussian_kl(first, first), torch.zeros(5, dtype=torch.float64))


def test_the_bottleneck_loss_adds_the_kl_to_infonce_of_the_draws() -> None:
    first, second = gaussians(1)
    noise = (torch.zeros(5, 3).double(), torch.zeros(5, 3).double())
    told = bottleneck_loss(first, second, noise, beta=0.3, temperature=0.5)
    assert torch.allclose(told, simcse(first.mean, second.mean, 0.5) + 0.3 * symmetric_kl(first, second))
    assert torch.allclose(first.draw(torch.ones(5, 3)), first.mean + (0.5 * first.log_variance).exp())


def test_the_encoder_holds_its_variances() -> None:
    torch.manual_seed(0)
    told = Encoder(4, 3)(1e6 * torch.randn(2, 4))
    assert told.mean.shape == (2, 3)
    assert told.log_variance.abs().max() <= 5.0
