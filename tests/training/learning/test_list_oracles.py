"""Other people's code as the oracle of the objectives on lists: TRL's TPOTrainer, and choix for Plackett-Luce."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.training.learning.test_ranked import ranked, terms_of
from tests.training.learning.test_trl_oracle import policies
from tests.training.learning.tiny import answer, exact, user
from training.learning.lists import RankedList
from training.learning.objectives import LIST_OBJECTIVES
from training.learning.objectives.lists import list_loss, list_plan
from training.learning.recipes import ObjectiveDials, OptimSettings

choix = pytest.importorskip("choix")  # only the slow tier has it
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
GOLD = "It is blue and deep."  # TRL averages its likelihood over a batch's tokens: of like lengths that is the same
TRIPLES = [
    ("Tell me about the sea.", "It is wide.", "It is deep and blue, and wide."),
    ("Rivers?", "Thanks! What about the sea?", "No."),
    ("And the sea?", "Blue.", "It is what it is, and it is blue and deep."),
]
KINDS: list[tuple[str, dict[str, Any]]] = [
    ("sigmoid", {"label_smoothing": 0.1}),
    ("sigmoid", {"tpo_alpha": 0.0}),
    ("hinge", {}),
    ("ipo", {"tpo_alpha": 0.4}),
    ("tpo-l", {"tpo_l_gamma": 0.7, "label_smoothing": 0.2}),
]


def oracle(policy: Any, kind: str, directory: Path, dials: dict[str, Any]) -> Any:
    from datasets import Dataset
    from trl.experimental.tpo import TPOConfig, TPOTrainer

    data = [
        {"prompt": user(q), "chosen": answer(c), "rejected": answer(r), "reference": answer(GOLD)}
        for q, c, r in TRIPLES
    ]
    settings = TPOConfig(
        output_dir=str(directory),
        loss_type=kind,
        beta=0.3,
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        per_device_train_batch_size=len(TRIPLES),
        report_to=[],
        max_length=None,
        **dials,
    )
    return TPOTrainer(
        model=policy.model, args=settings, train_dataset=Dataset.from_list(data), processing_class=policy.tokenizer
    )


@pytest.mark.parametrize(("kind", "dials"), KINDS, ids=str)
def test_loss_and_gradient_of_triples_are_trls_in_float64(kind: str, dials: dict[str, Any], tmp_path: Path) -> None:
    policy = exact(policies(tmp_path, torch.float64)[0])
    lists = [RankedList(user(q), (answer(GOLD), answer(c), answer(r)), (1, 2, 3)) for q, c, r in TRIPLES]
    ours = {("nll_weight" if name == "tpo_alpha" else name): value for name, value in dials.items()}
    objective, settings = LIST_OBJECTIVES["tpo"], ObjectiveDials(beta=0.3, tpo_loss_type=kind, **ours)
    (micros,) = list_plan(policy, lists, OptimSettings(batch_size=3), max_length=200, objective=objective).steps
    parts = [list_loss(objective, settings)(policy.model, micro) for micro in micros]
    found = torch.stack([part.loss for part in parts]).sum() / sum(part.count for part in parts)
    parameters = list(policy.model.parameters())
    mine = torch.cat([slope.flatten() for slope in torch.autograd.grad(found, parameters)])
    trainer = oracle(policy, kind, tmp_path, dials)
    trainer.model.eval()
    expected = trainer.compute_loss(trainer.model, next(iter(trainer.get_train_dataloader())))
    theirs = torch.cat([slope.flatten() for slope in torch.autograd.grad(expected, parameters)])
    assert abs((found - expected).item()) <= 1e-9 * max(1.0, abs(expected.item()))
    assert (mine - theirs).norm() <= 1e-8 * theirs.norm()


def test_plackett_luces_likelihood_is_choixs() -> None:
    noise = np.random.default_rng(0)
    for _ in range(20):
        utilities = noise.normal(size=6)
        order = [int(place) for place in noise.permutation(6)]
        ranks = tuple(order.index(place) + 1 for place in range(6))
        found = LIST_OBJECTIVES["plackett_luce"].loss(
            terms_of([ranked(ranks)], [list(utilities / 0.3)]), ObjectiveDials(beta=0.3)
        )
        assert float(found) == pytest.approx(-choix.log_likelihood_rankings([tuple(order)], utilities))


def test_the_most_likely_rewards_of_many_rankings_are_choixs() -> None:
    """Lists of unequal length of eight responses; the loss is minimised over a table of log-ratios."""
    truth = np.random.default_rng(1).normal(size=8)
    rankings: list[list[int]] = []
    for size in (2, 3, 5):
        rankings += [[int(place) for place in one] for one in choix.generate_rankings(truth, 60, size=size)]
    expected = choix.ilsr_rankings(8, rankings)
    table = torch.zeros(8, dtype=torch.float64, requires_grad=True)
    lists = [ranked(tuple(range(1, len(one) + 1))) for one in rankings]
    terms = terms_of(lists, [[0.0] * len(one) for one in rankings])
    places = torch.zeros(terms.policy_GK.shape, dtype=torch.long)
    for row, one in enumerate(rankings):
        places[row, : len(one)] = torch.tensor(one)
    optimiser = torch.optim.LBFGS([table], max_iter=200, tolerance_grad=1e-10, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        policy = torch.where(terms.there_GK, table[places] - 1.0, 0.0)
        total = LIST_OBJECTIVES["plackett_luce"].loss(replace(terms, policy_GK=policy), ObjectiveDials(beta=1.0)).mean()
        total.backward()
        return total

    optimiser.step(closure)
    found = table.detach().numpy()
    assert found - found.mean() == pytest.approx(expected - expected.mean(), abs=1e-4)
