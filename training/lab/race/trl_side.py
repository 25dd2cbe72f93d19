"""TRL's side of the race, run by a Python that has TRL and nothing of Heed's: `python trl_side.py LAP`.

Its defaults are changed only where they would slow it down or keep it from running here: no gradient checkpointing,
no bf16 unless the lap asks, no saving, no progress bars.
"""

import json
import os
import resource
import sys
import tempfile
import time
from typing import Any

LAP = json.loads(sys.argv[1])
HOME = tempfile.mkdtemp(prefix="heed-race-")
os.environ |= {"HF_HOME": HOME, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "TQDM_DISABLE": "1"}
os.environ |= {"OMP_NUM_THREADS": str(LAP["threads"]), "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}

import datasets  # noqa: E402 - its caches are placed by the environment above
import torch  # noqa: E402
from transformers import AutoTokenizer, TrainerCallback  # noqa: E402
from trl import DPOConfig, DPOTrainer, RewardConfig, RewardTrainer  # noqa: E402

SIDES = ("chosen", "rejected")


class Clock(TrainerCallback):
    """When each step ended, and its loss."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.losses: list[float] = []

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:
        """A step is over."""
        self.times.append(time.perf_counter())

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        """Logged after every step."""
        if logs and "loss" in logs:
            self.losses.append(float(logs["loss"]))


def settings() -> dict[str, Any]:
    """What both trainers are told."""
    told = {
        "output_dir": f"{HOME}/out",
        "per_device_train_batch_size": LAP["batch"],
        "num_train_epochs": 1,
        "learning_rate": 1e-4,
        "bf16": LAP["dtype"] == "bfloat16",
        "gradient_checkpointing": False,
        "use_cpu": True,
        "save_strategy": "no",
        "report_to": "none",
        "dataloader_pin_memory": False,
        "disable_tqdm": True,
        "logging_steps": 1,
        "max_length": None,
        "seed": LAP["seed"],
    }
    if LAP["grouped"]:  # needs a length column, which is dropped unless told not to
        told |= {"train_sampling_strategy": "group_by_length", "remove_unused_columns": False}
    return told


def trainer(clock: Clock) -> Any:
    """The trainer of the lap, with its data tokenised."""
    tokenizer = AutoTokenizer.from_pretrained(f"{LAP['material']}/policy")
    data = datasets.load_dataset("json", data_files=f"{LAP['material']}/pairs.jsonl", split=f"train[:{LAP['pairs']}]")
    if LAP["grouped"]:

        def longest(one: dict[str, str]) -> dict[str, int]:
            return {"length": max(len(tokenizer(one["prompt"] + one[side])["input_ids"]) for side in SIDES)}

        data = data.map(longest)
    given = {"train_dataset": data, "processing_class": tokenizer, "callbacks": [clock]}
    if LAP["what"] == "reward":
        return RewardTrainer(model=f"{LAP['material']}/classifier", args=RewardConfig(**settings()), **given)
    before = {"precompute_ref_log_probs": LAP["reference"] != "online"}
    return DPOTrainer(model=f"{LAP['material']}/policy", args=DPOConfig(**settings(), **before), **given)


def main() -> None:
    """Train one epoch and print what was found."""
    torch.set_num_threads(LAP["threads"])
    clock = Clock()
    began = time.perf_counter()
    trainer(clock).train()
    times, last = clock.times, clock.losses[-len(clock.losses) // 5 :]
    found = {
        "steady": (LAP["pairs"] - LAP["batch"]) / (times[-1] - times[0]),
        "cold": LAP["pairs"] / (times[-1] - began),
        "loss": sum(last) / len(last),
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
