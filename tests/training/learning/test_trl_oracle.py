"""TRL's own DPOTrainer as the oracle of the pair objectives, in float64 and end to end."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tests.training.learning.tiny import CHAT, answer, tiny_policy, user
from training.learning.models import Policy
from training.learning.objectives import PAIR_OBJECTIVES, UNPAIRED_OBJECTIVES, PairTerms, Side, mixture, soft_loss
from training.learning.objectives.pairs import pair_loss, pair_plan
from training.learning.objectives.unpaired import UnpairedTerms, unpaired_losses
from training.learning.recipes import ObjectiveDials, OptimSettings
from training.learning.rows import PreferenceRow

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
ROWS = [
    ("Tell me about the sea.", "It is wide.", "It is deep and blue, and wide."),
    ("Rivers?", "Thanks! What about the sea?", "No."),
    ("And the sea?", "Blue.", "It is what it is, and it is blue and deep."),
]


def trainer(policy: Policy, reference: Policy, loss_type: str, directory: Path, **dials: Any) -> Any:
    from datasets import Dataset
    from trl.trainer.dpo_config import DPOConfig
    from trl.trainer.dpo_trainer import DPOTrainer

    data = [{"prompt": user(q), "chosen": answer(c), "rejected": answer(r)} for q, c, r in ROWS]
    settings = DPOConfig(
        output_dir=str(directory),
        loss_type=[loss_type],
        beta=0.3,
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        per_device_train_batch_size=len(ROWS),
        report_to=[],
        max_length=None,
        **dials,
    )
    return DPOTrainer(
        model=policy.model,
        ref_model=reference.model,
        args=settings,
        train_dataset=Dataset.from_list(data),
        processing_class=policy.tokenizer,
    )


def policies(directory: Path, dtype: torch.dtype) -> tuple[Policy, Policy]:
    found = []
    for seed in (0, 1):
        policy = tiny_policy(directory / str(seed), dtype=dtype, seed=seed)
        # TRL also trains on what a template writes after the end token; this one writes nothing there.
        policy.tokenizer.chat_template = CHAT.replace("<|end|>\n", "<|end|>")
        policy.tokenizer.pad_token = "<|system|>"
        found.append(policy)
    return found[0], found[1]


LOSS_TYPES = [
    *("sigmoid", "hinge", "ipo", "exo_pair", "nca_pair", "robust", "bco_pair", "sppo_hard", "aot", "aot_unpaired"),
    *("apo_zero", "apo_down", "discopop", "sft", "sigmoid_norm"),
]
IN_FP32 = ("exo_pair",)  # TRL takes the logarithms of its label smoothing in fp32
SMOOTHED = {"exo_pair": 0.1, "robust": 0.1, "aot": 0.2, "aot_unpaired": 0.2}
CASES: list[tuple[str, dict[str, Any]]] = [
    *((loss_type, {"label_smoothing": SMOOTHED.get(loss_type, 0.0)}) for loss_type in LOSS_TYPES),
    *(
        (loss_type, {"f_divergence_type": kind, "label_smoothing": SMOOTHED.get(loss_type, 0.0)})
        for kind in ("forward_kl", "js_divergence")
        for loss_type in ("sigmoid", "hinge", "ipo", "exo_pair", "robust", "discopop", "sigmoid_norm")
    ),
    *((loss_type, {"use_weighting": True}) for loss_type in ("sigmoid", "ipo", "nca_pair")),
]


@pytest.mark.parametrize(("loss_type", "dials"), CASES, ids=str)
def test_the_loss_on_given_log_probabilities_is_trls_in_float64(
    tmp_path: Path, loss_type: str, dials: dict[str, Any]
) -> None:
    oracle = trainer(*policies(tmp_path, torch.float32), loss_type, tmp_path, **dials)
    noise = torch.Generator().manual_seed(3)
    # TRL's sft averages over the tokens of a batch, Heed's over each response: with like lengths they are the same.
    lengths = torch.tensor([5, 5, 5, 2, 5, 3] if loss_type == "sft" else [4, 7, 9, 2, 5, 3])
    mask = torch.arange(10) < lengths[:, None] + 1
    mask[:, 0] = False
    logps = -3 * torch.rand(6, 9, generator=noise, dtype=torch.float64) * mask[:, 1:]
    sums_of_squares = -torch.rand(6, 9, generator=noise, dtype=torch.float64) * mask[:, 1:]
    reference = logps.sum(1) + 2 * torch.randn(6, generator=noise, dtype=torch.float64)
    ours = logps.sum(1).clone().requires_grad_()
    theirs = logps.clone().requires_grad_()
    oracle.precompute_ref_logps = True
    inputs = {
        "input_ids": torch.ones(6, 10, dtype=torch.long),
        "attention_mask": torch.ones(6, 10, dtype=torch.long),
        "completion_mask": mask.long(),
        "ref_chosen_logps": reference[:3],
        "ref_rejected_logps": reference[3:],
    }

    def model(**kwargs: Any) -> SimpleNamespace:
        values = torch.zeros(6, 9)
        # TRL's metrics read these three; the loss reads the log-probabilities and, weighted, their squares' sums.
        return SimpleNamespace(
            log_probs=theirs,
            log_sum_sq_probs=sums_of_squares,
            entropy=values,
            mean_logits=values,
            is_top1=values.bool(),
        )

    expected = oracle._compute_loss(model, inputs, return_outputs=False)
    certainty = ((logps - sums_of_squares) * mask[:, 1:]).sum(1).div(lengths).exp()
    weights = (certainty[:3], certainty[3:]) if dials.get("use_weighting") else (None, None)
    chosen = Side(ours[:3], reference[:3], lengths[:3], weights[0])
    rejected = Side(ours[3:], reference[3:], lengths[3:], weights[1])
    one = torch.ones(3, dtype=torch.float64)
    terms = PairTerms(chosen, rejected, one, one)
    found = soft_loss(PAIR_OBJECTIVES[loss_type], terms, ObjectiveDials(beta=0.3, **dials)).mean()
    loss_close, slope_close = (1e-5, 1e-4) if loss_type in IN_FP32 else (1e-9, 1e-8)
    assert abs(float(found - expected)) <= loss_close * max(1.0, abs(float(expected)))
    (mine,) = torch.autograd.grad(found, ours)
    (other,) = torch.autograd.grad(expected, theirs)
    ours_by_token, theirs_by_token = mine[:, None] * mask[:, 1:], other * mask[:, 1:]
    assert (ours_by_token - theirs_by_token).norm() <= slope_close * theirs_by_token.norm()


REAL: list[tuple[str, dict[str, Any]]] = [
    *((loss_type, {"label_smoothing": SMOOTHED.get(loss_type, 0.0)}) for loss_type in LOSS_TYPES if loss_type != "sft"),
    ("sigmoid", {"ld_alpha": 0.4}),
    ("ipo", {"ld_alpha": 0.4}),
    ("sigmoid", {"use_weighting": True}),
    ("sigmoid", {"f_divergence_type": "alpha_divergence", "f_alpha_divergence_coef": 0.5}),
]


@pytest.mark.parametrize(("loss_type", "dials"), REAL, ids=str)
def test_loss_and_gradient_of_real_rows_are_trls(tmp_path: Path, loss_type: str, dials: dict[str, Any]) -> None:
    """Both in fp32, because TRL's head computes in it whatever the model's precision."""
    policy, reference = policies(tmp_path, torch.float32)
    objective, settings = mixture(loss_type), ObjectiveDials(beta=0.3, **dials)
    rows = [
        PreferenceRow(None, user(q), (answer(c), answer(r)), (None, None), 1.0, None, 1.0, "person", ())
        for q, c, r in ROWS
    ]
    plan = pair_plan(
        policy,
        rows,
        OptimSettings(batch_size=3),
        max_length=200,
        objective=objective,
        dials=settings,
        reference=reference,
    )
    ((micro,),) = [plan.steps[0]]
    part = pair_loss(objective, settings)(policy.model, micro)
    torch.autograd.backward(part.loss / part.count)
    ours = torch.cat([p.grad.flatten().clone() for p in policy.model.parameters()])
    policy.model.zero_grad()
    oracle = trainer(policy, reference, loss_type, tmp_path, **dials)
    oracle.model.eval()
    expected = oracle.compute_loss(oracle.model, next(iter(oracle.get_train_dataloader())))
    expected.backward()
    theirs = torch.cat([p.grad.flatten() for p in policy.model.parameters()])
    assert torch.allclose(part.loss / part.count, expected, rtol=1e-5)
    assert (ours - theirs).norm() <= 1e-4 * theirs.norm()


# Without a reference: TRL's own methods, on the same log-probabilities per response


def free_sides(lengths: Sequence[int]) -> tuple[torch.Tensor, Side, Side]:
    noise = torch.Generator().manual_seed(5)
    length_S = torch.tensor(lengths)
    sums = (-2 * torch.rand(len(lengths), generator=noise, dtype=torch.float64) * length_S).requires_grad_()
    zero = torch.zeros(len(lengths) // 2, dtype=torch.float64)
    half = len(lengths) // 2
    return sums, Side(sums[:half], zero, length_S[:half]), Side(sums[half:], zero, length_S[half:])


@pytest.mark.parametrize(
    ("key", "theirs", "dials"),
    [
        ("cpo", {"loss_type": "sigmoid", "alpha": 0.0}, {"nll_weight": 0.0, "label_smoothing": 0.1}),
        ("simpo", {"loss_type": "simpo", "alpha": 0.0, "simpo_gamma": 0.7}, {"simpo_gamma": 0.7}),
        ("alpha_po", {"loss_type": "simpo", "alpha": 0.2, "simpo_gamma": 0.7}, {"simpo_gamma": 0.7, "alpha": 0.2}),
    ],
)
def test_cpos_family_is_trls(key: str, theirs: dict[str, Any], dials: dict[str, Any]) -> None:
    from trl.experimental.cpo import CPOTrainer

    sums, chosen, rejected = free_sides([4, 7, 9, 2, 5, 3])
    means = key != "cpo"
    given = [side.mean_P if means else side.policy_P for side in (chosen, rejected)]
    smoothing = dials.get("label_smoothing", 0.0)
    oracle = SimpleNamespace(beta=2.0, label_smoothing=smoothing, accelerator=SimpleNamespace(device="cpu"), **theirs)
    expected = CPOTrainer.cpo_loss(oracle, *given)[0].mean()
    ones = torch.ones(3, dtype=torch.float64)
    settings = ObjectiveDials(beta=2.0, **dials)
    found = soft_loss(PAIR_OBJECTIVES[key], PairTerms(chosen, rejected, ones, ones), settings).mean()
    assert abs(float(found - expected)) <= 1e-9 * max(1.0, abs(float(expected)))
    (mine,) = torch.autograd.grad(found, sums, retain_graph=True)
    (other,) = torch.autograd.grad(expected, sums)
    assert (mine - other).norm() <= 1e-8 * other.norm()


def test_orpos_odds_ratio_is_trls_in_fp32_and_its_likelihood_is_the_responses_alone() -> None:
    from trl.experimental.orpo import ORPOTrainer

    sums, chosen, rejected = free_sides([4, 7, 9, 2, 5, 3])
    oracle = SimpleNamespace(beta=0.3, accelerator=SimpleNamespace(device="cpu"))
    expected = -ORPOTrainer.odds_ratio_loss(oracle, chosen.mean_P, rejected.mean_P)[0].mean()
    found = PAIR_OBJECTIVES["orpo"].loss(chosen, rejected, ObjectiveDials(beta=0.3, nll_weight=0.0)).mean()
    assert abs(float(found - expected)) <= 1e-5 * max(1.0, abs(float(expected)))
    (mine,) = torch.autograd.grad(found, sums, retain_graph=True)
    (other,) = torch.autograd.grad(expected, sums)
    assert (mine - other).norm() <= 1e-4 * other.norm()
    whole = PAIR_OBJECTIVES["orpo"].loss(chosen, rejected, ObjectiveDials(beta=0.3)).mean()
    assert torch.allclose(whole - found, -chosen.mean_P.mean())


# Single responses: TRL's KTOTrainer


@pytest.mark.parametrize("loss_type", ["kto", "apo_zero_unpaired"])
def test_the_loss_of_single_responses_is_trls_in_float64(tmp_path: Path, loss_type: str) -> None:
    from datasets import Dataset
    from trl.trainer.kto_config import KTOConfig
    from trl.trainer.kto_trainer import KTOTrainer

    policy, reference = policies(tmp_path, torch.float32)
    data = [{"prompt": user(q), "completion": answer(c), "label": place != 1} for place, (q, c, _) in enumerate(ROWS)]
    settings = KTOConfig(
        output_dir=str(tmp_path),
        loss_type=loss_type,
        beta=0.3,
        desirable_weight=1.2,
        undesirable_weight=0.7,
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        per_device_train_batch_size=len(ROWS),
        report_to=[],
        max_length=None,
    )
    oracle = KTOTrainer(
        model=policy.model,
        ref_model=reference.model,
        args=settings,
        train_dataset=Dataset.from_list(data),
        processing_class=policy.tokenizer,
    )
    noise = torch.Generator().manual_seed(3)
    lengths = torch.tensor([4, 7, 2])
    mask = torch.arange(10) < lengths[:, None] + 1
    mask[:, 0] = False
    logps = -3 * torch.rand(3, 9, generator=noise, dtype=torch.float64) * mask[:, 1:]
    there = logps.sum(1) + 2 * torch.randn(3, generator=noise, dtype=torch.float64)
    strange = torch.tensor([-9.0, -12.0, -7.0], dtype=torch.float64)
    strange_there = torch.tensor([-11.0, -12.5, -8.0], dtype=torch.float64)
    ours, theirs = logps.sum(1).clone().requires_grad_(), logps.clone().requires_grad_()
    label = torch.tensor([True, False, True])
    oracle.precompute_ref_logps = True
    oracle._compute_kl_logps = lambda model, batch: strange
    ones = torch.ones(3, 10, dtype=torch.long)
    inputs = {
        "input_ids": ones,
        "attention_mask": ones,
        "completion_mask": mask.long(),
        "label": label,
        "ref_logps": there,
        "ref_KL_logps": strange_there,
    }

    def model(**kwargs: Any) -> SimpleNamespace:
        values = torch.zeros(3, 9)
        return SimpleNamespace(log_probs=theirs, entropy=values, mean_logits=values, is_top1=values.bool())

    model.training = True  # type: ignore[attr-defined]
    expected = oracle._compute_loss(model, inputs, return_outputs=False)
    kl = (strange - strange_there).mean().clamp(min=0)
    side = Side(ours, there, lengths)
    given_terms = UnpairedTerms(side, label.double(), torch.ones(3, dtype=torch.float64), kl)
    dials = ObjectiveDials(beta=0.3, desirable_weight=1.2, undesirable_weight=0.7)
    found = unpaired_losses(UNPAIRED_OBJECTIVES[loss_type], given_terms, dials).mean()
    assert abs(float(found - expected)) <= 1e-9 * max(1.0, abs(float(expected)))
    (mine,) = torch.autograd.grad(found, ours)
    (other,) = torch.autograd.grad(expected, theirs)
    ours_by_token, theirs_by_token = mine[:, None] * mask[:, 1:], other * mask[:, 1:]
    assert (ours_by_token - theirs_by_token).norm() <= 1e-8 * theirs_by_token.norm()
