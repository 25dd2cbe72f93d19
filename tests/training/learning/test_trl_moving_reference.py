"""TRL's own training with sync_ref_model as the oracle of a reference that moves: both end with the same weights."""

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.learning.test_trl_oracle import ROWS, policies
from tests.training.learning.tiny import answer, user
from training.learning.logprobs import LogprobCache
from training.learning.objectives.moving_reference import MovingReference
from training.learning.objectives.training import Material, preference_training
from training.learning.optimise import optimise
from training.learning.recipes import OptimSettings, PolicyRecipe
from training.learning.rows import PreferenceRow

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
STEPS, EVERY, RATE = 6, 2, 1e-3


def flat(model: Any) -> torch.Tensor:
    return torch.cat([weight.detach().flatten().clone() for weight in model.parameters()])


def trl(directory: Path, share: float) -> tuple[torch.Tensor, torch.Tensor]:
    """The policy's and the reference's weights after TRL's training; every step takes all rows."""
    from datasets import Dataset
    from trl.trainer.dpo_config import DPOConfig
    from trl.trainer.dpo_trainer import DPOTrainer

    policy, reference = policies(directory, torch.float32)
    settings = DPOConfig(
        output_dir=str(directory / "out"),
        beta=0.3,
        sync_ref_model=True,
        ref_model_mixup_alpha=share,
        ref_model_sync_steps=EVERY,
        learning_rate=RATE,
        lr_scheduler_type="constant",
        warmup_steps=0,
        adam_beta1=0.9,
        adam_beta2=0.99,
        adam_epsilon=1e-8,
        weight_decay=0.0,
        max_grad_norm=1.0,
        max_steps=STEPS,
        per_device_train_batch_size=len(ROWS),
        gradient_checkpointing=False,
        use_cpu=True,
        bf16=False,
        report_to=[],
        save_strategy="no",
        max_length=None,
    )
    oracle = DPOTrainer(
        model=policy.model,
        ref_model=reference.model,
        args=settings,
        train_dataset=Dataset.from_list(
            [{"prompt": user(q), "chosen": answer(c), "rejected": answer(r)} for q, c, r in ROWS]
        ),
        processing_class=policy.tokenizer,
    )
    oracle.train()
    return flat(policy.model), flat(reference.model)


def ours(directory: Path, share: float) -> tuple[torch.Tensor, torch.Tensor]:
    policy, reference = policies(directory, torch.float32)
    rows = [
        PreferenceRow(None, user(q), (answer(c), answer(r)), (None, None), 1.0, None, 1.0, "person", ())
        for q, c, r in ROWS
    ]
    settings = OptimSettings(
        learning_rate=RATE,
        lr_scheduler_type="constant",
        warmup_ratio=0.0,
        batch_size=len(ROWS),
        num_train_epochs=float(STEPS),
        save_seconds=0,
    )
    recipe = PolicyRecipe(
        beta=0.3, max_length=200, sync_ref_model=True, ref_model_mixup_alpha=share, ref_model_sync_steps=EVERY
    )
    cache = LogprobCache(directory / "cache", "a" * 64)
    training = preference_training(Material(policy, rows, recipe, settings, reference, cache, compute=None))
    done = optimise(
        policy.model,
        training.steps,
        training.loss,
        settings,
        directory=directory / "run",
        companion=training.companion,
    )
    assert done.steps == STEPS and isinstance(training.companion, MovingReference)
    return flat(policy.model), flat(training.companion.model)


@pytest.mark.parametrize("share", [0.6, 1.0])
def test_policy_and_reference_end_where_trls_do(tmp_path: Path, share: float) -> None:
    policy, reference = policies(tmp_path / "start", torch.float32)
    starts = flat(policy.model), flat(reference.model)
    theirs, mine = trl(tmp_path / "theirs", share), ours(tmp_path / "ours", share)
    for start, there, here in zip(starts, theirs, mine, strict=True):
        moved = (there - start).norm()
        assert moved > 0
        assert (here - there).norm() <= 1e-4 * moved
