"""TRL's own DPOTrainer as the oracle of the pair objectives, in float64 and end to end."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tests.training.learning.tiny import CHAT, answer, tiny_policy, user
from training.learning.models import Policy
from training.learning.objectives import PAIR_OBJECTIVES, PairDials, PairTerms, Side, soft_loss
from training.learning.objectives.pairs import pair_loss, pair_plan
from training.learning.recipes import OptimSettings
from training.learning.rows import PreferenceRow

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
ROWS = [
    ("Tell me about the sea.", "It is wide.", "It is deep and blue, and wide."),
    ("Rivers?", "Thanks! What about the sea?", "No."),
    ("And the sea?", "Blue.", "It is what it is, and it is blue and deep."),
]


def trainer(policy: Policy, reference: Policy, loss_type: str, directory: Path) -> Any:
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


@pytest.mark.parametrize("loss_type", ["sigmoid", "ipo"])
def test_the_loss_on_given_log_probabilities_is_trls_in_float64(tmp_path: Path, loss_type: str) -> None:
    oracle = trainer(*policies(tmp_path, torch.float32), loss_type, tmp_path)
    noise = torch.Generator().manual_seed(3)
    lengths = torch.tensor([4, 7, 9, 2, 5, 3])  # three chosen, three rejected
    mask = torch.arange(10) < lengths[:, None] + 1
    mask[:, 0] = False
    logps = -3 * torch.rand(6, 9, generator=noise, dtype=torch.float64) * mask[:, 1:]
    reference = -20 * torch.rand(6, generator=noise, dtype=torch.float64)
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
        # TRL's metrics read these three; the loss reads log_probs only.
        return SimpleNamespace(log_probs=theirs, entropy=values, mean_logits=values, is_top1=values.bool())

    expected = oracle._compute_loss(model, inputs, return_outputs=False)
    chosen = Side(ours[:3], reference[:3], lengths[:3])
    rejected = Side(ours[3:], reference[3:], lengths[3:])
    one = torch.ones(3, dtype=torch.float64)
    terms = PairTerms(chosen, rejected, one, one)
    found = soft_loss(PAIR_OBJECTIVES[loss_type], terms, PairDials(beta=0.3)).mean()
    assert torch.allclose(found, expected, rtol=1e-12)
    (mine,) = torch.autograd.grad(found, ours)
    (other,) = torch.autograd.grad(expected, theirs)
    assert torch.allclose(mine[:, None] * mask[:, 1:], other * mask[:, 1:], rtol=1e-10)


@pytest.mark.parametrize("loss_type", ["sigmoid", "ipo"])
def test_loss_and_gradient_of_real_rows_are_trls(tmp_path: Path, loss_type: str) -> None:
    policy, reference = policies(tmp_path, torch.float32)
    objective = PAIR_OBJECTIVES[loss_type]
    rows = [
        PreferenceRow(None, user(q), (answer(c), answer(r)), (None, None), 1.0, None, 1.0, "person", ())
        for q, c, r in ROWS
    ]
    settings = OptimSettings(batch_size=3)
    plan = pair_plan(policy, rows, settings, max_length=200, objective=objective, reference=reference)
    ((micro,),) = [plan.steps[0]]
    part = pair_loss(objective, PairDials(beta=0.3))(policy.model, micro)
    torch.autograd.backward(part.loss / part.count)
    ours = torch.cat([p.grad.flatten().clone() for p in policy.model.parameters()])
    policy.model.zero_grad()
    oracle = trainer(policy, reference, loss_type, tmp_path)
    oracle.model.eval()
    expected = oracle.compute_loss(oracle.model, next(iter(oracle.get_train_dataloader())))
    expected.backward()
    theirs = torch.cat([p.grad.flatten() for p in policy.model.parameters()])
    assert torch.allclose(part.loss / part.count, expected, rtol=1e-5)
    assert (ours - theirs).norm() <= 1e-4 * theirs.norm()
