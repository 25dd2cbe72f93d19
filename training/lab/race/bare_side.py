"""The attainable line: a bare loop over the same material: `python -m training.lab.race.bare_side LAP`.

Batches of like length, prompts computed once, the reference known, the head only where it is read: what somebody gets
who writes this one training by hand. It saves nothing, watches nothing and could train nothing else.
"""

import json
import random
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch.nn import functional as F

from training.lab.race.bare_llama import BareLlama
from training.lab.race.lap import Found, Lap
from training.lab.race.material import END, Material
from training.learning.batches import Batch, Layout, collate
from training.learning.logprobs import additive
from training.learning.text import Group

BETA = 0.1


def drive(lap: Lap) -> Found:
    """Train one epoch and measure it."""
    material = Material(Path(lap.material))
    torch.set_num_threads(lap.threads)
    model = BareLlama(material.policy if lap.what == "dpo" else material.classifier)
    began = time.perf_counter()
    score = _sequence_logprobs if lap.what == "dpo" else _rewards
    batches = _batches(_groups(material, lap), lap)
    reference = [torch.zeros(0)] * len(batches)
    if lap.what == "dpo":
        with torch.no_grad():
            reference = [score(model, batch) for batch in batches]
    optimizer = torch.optim.AdamW(model.weights.values(), lr=1e-4, fused=True)
    losses, times = [], []
    for batch, before_S in zip(batches, reference, strict=True):
        score_S = score(model, batch)
        margin_P = (BETA * (score_S - before_S) if lap.what == "dpo" else score_S).view(-1, 2) @ torch.tensor(
            [1.0, -1.0]
        )
        loss = -F.logsigmoid(margin_P).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.weights.values(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        times.append(time.perf_counter())
    return Found(
        steady=(lap.pairs - lap.batch) / (times[-1] - times[0]),
        cold=lap.pairs / (times[-1] - began),
        loss=sum(losses[-len(losses) // 5 :]) / len(losses[-len(losses) // 5 :]),
        memory=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def _groups(material: Material, lap: Lap) -> list[Group]:
    """The first pairs, as tokens."""
    tokenizer = Tokenizer.from_file(str(material.policy / "tokenizer.json"))
    end = (int(tokenizer.token_to_id(END) or 0),)
    with material.pairs.open(encoding="utf-8") as lines:
        told: list[dict[str, Any]] = [json.loads(line) for line, _ in zip(lines, range(lap.pairs), strict=False)]
    prompts, *sides = (
        [tuple(found.ids) for found in tokenizer.encode_batch([one[key] for one in told])]
        for key in ("prompt", "chosen", "rejected")
    )
    return [Group(prompt, tuple((*side, *end) for side in pair)) for prompt, *pair in zip(prompts, *sides, strict=True)]


def _batches(groups: Sequence[Group], lap: Lap) -> list[Batch]:
    """Pairs sorted by length into steps, and the steps shuffled."""
    ordered = sorted(groups, key=lambda group: len(group.prompt) + sum(map(len, group.responses)))
    layout = Layout(tree=True, hidden=10**6, ends=lap.what == "reward")
    batches = [collate(ordered[start : start + lap.batch], layout) for start in range(0, len(ordered), lap.batch)]
    random.Random(lap.seed).shuffle(batches)  # noqa: S311 - an order, not a secret
    return batches


def _states(model: BareLlama, batch: Batch) -> torch.Tensor:
    assert batch.mask_R1LL is not None  # noqa: S101 - two responses to a prompt make a tree
    mask_R1LL = additive(batch.mask_R1LL, torch.float32)
    return model.states(batch.input_ids_RL, batch.position_ids_RL, mask_R1LL).flatten(0, 1)


def _sequence_logprobs(model: BareLlama, batch: Batch) -> torch.Tensor:
    logits_NV = F.linear(_states(model, batch)[batch.predictor_N], model.head)
    logprob_N = -F.cross_entropy(logits_NV, batch.target_N, reduction="none")
    return logprob_N.new_zeros(len(batch.sequences)).index_add(0, batch.sequence_N, logprob_N)


def _rewards(model: BareLlama, batch: Batch) -> torch.Tensor:
    return F.linear(_states(model, batch)[batch.end_S], model.head)[:, 0]


if __name__ == "__main__":
    print(json.dumps(asdict(drive(Lap(**json.loads(sys.argv[1]))))))
