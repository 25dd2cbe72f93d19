"""Make the starter: write the text, learn the tokenizer, train the network, store it with its manifest."""

import json
import shutil
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from training.learning.batches import Layout, collate
from training.learning.devices import cpu_capability
from training.learning.logprobs import token_logprobs
from training.learning.models import Policy, load_policy, save_policy
from training.learning.optimise import OptimResult, Part, Report, optimise
from training.learning.recipes import OptimSettings
from training.learning.starter.corpus import write_examples
from training.learning.starter.lessons import Lesson, Lessons, encode
from training.learning.starter.manifest import Manifest, file_digests
from training.learning.starter.tokenizer import learn_tokenizer
from training.learning.text import Text, end_ids

SEED = 7
CONTEXT = 512
VOCABULARY = 3072
STEPS = 12_000
REPEATED_STEPS = 50  # in fp32 on every machine, so that another one can repeat their losses
NETWORK: dict[str, Any] = {
    "hidden_size": 256,
    "intermediate_size": 640,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "max_position_embeddings": CONTEXT,
    "tie_word_embeddings": True,
}
_TOKENIZER_EXAMPLES = 20_000
_JUDGED_EXAMPLES = 1_000
CARD = """# Heed's starter policy

A language model of {parameters:,} parameters that answers short everyday requests in many styles. It was made
from nothing by `manage.py train starter`, from text that the same command writes; `manifest.json` says how.
It knows very little: it is there to be shaped by preferences.
"""


def settings(seed: int) -> OptimSettings:
    """The dials of the starter's training."""
    return OptimSettings(
        learning_rate=3e-3,
        lr_scheduler_type="cosine",
        warmup_ratio=0.02,
        weight_decay=0.05,
        adam_beta2=0.98,
        batch_size=8,  # at so few tokens many small steps learn far more than few large ones: EXPERIMENTS.md
        save_seconds=60.0,
        seed=seed,
    )


def new_policy(seed: int) -> Policy:
    """An untrained starter: its tokenizer, learned from generated text, and a random network."""
    examples = islice(write_examples(f"{seed}/tokenizer"), _TOKENIZER_EXAMPLES)
    texts = (text for example in examples for text in (example.prompt, example.answer))
    tokenizer: Any = learn_tokenizer(texts, vocabulary=VOCABULARY, context=CONTEXT)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        **NETWORK,
    )
    model = LlamaForCausalLM(config)
    with torch.no_grad():  # every block begins as the identity
        for name, weights in model.named_parameters():
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                weights.zero_()
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    text = Text(tokenizer, end_ids(tokenizer, tokenizer.eos_token_id), CONTEXT)
    return Policy(model, tokenizer, text, "starter", Path())


def next_token_loss(model: Any, lesson: Lesson) -> Part:
    """Cross-entropy of the answer's tokens, in nats; bf16 multiplications where they pay, after the first steps."""
    fast = lesson.step >= REPEATED_STEPS and cpu_capability() in ("amx", "avx512_bf16")
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=fast):
        logprobs_N = token_logprobs(model, lesson.batch)
    return Part(loss=-logprobs_N.sum(), count=float(len(logprobs_N)))


def train(
    policy: Policy, *, seed: int, directory: Path, report: Report, should_stop: Callable[[], bool], total: int = STEPS
) -> OptimResult:
    """Train in place with the shared loop; a directory with a checkpoint in it goes on from there."""
    dials = settings(seed)
    lessons = Lessons(policy.tokenizer, seed=seed, total=total, batch_size=dials.batch_size)
    policy.model.train()
    policy.model.set_attn_implementation("eager")  # a third faster than sdpa on sequences as short as these
    return optimise(
        policy.model, lessons, next_token_loss, dials, directory=directory, report=report, should_stop=should_stop
    )


@torch.no_grad()
def unseen_loss(policy: Policy, seed: int) -> float:
    """Nats per answer token on examples that no step uses."""
    examples = list(islice(write_examples(f"{seed}/unseen"), _JUDGED_EXAMPLES))
    groups = encode(policy.tokenizer, examples)
    loss = count = 0.0
    for start in range(0, len(groups), 100):
        logprobs_N = token_logprobs(policy.model, collate(groups[start : start + 100], Layout(tree=False, hidden=1)))
        loss -= float(logprobs_N.sum())
        count += len(logprobs_N)
    return loss / count


def make_starter(
    directory: Path, *, seed: int, report: Report, should_stop: Callable[[], bool], total: int = STEPS
) -> Manifest | None:
    """Make the starter policy from nothing and store it, bf16, in `directory` with its manifest.

    A second call with the same seed goes on from the last checkpoint, which lies beside `directory`.
    Returns None when it was stopped before the end; then `directory` is untouched.
    """
    work = directory.with_name(f"{directory.name}.training-{seed}")
    record = work / "first_losses.json"  # kept beside the checkpoint: another call may have made them
    first: list[float] = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else []

    def noted(step: int, steps: int, metrics: dict[str, float]) -> None:
        if step <= REPEATED_STEPS:
            first[step - 1 :] = [round(metrics["loss"], 5)]
            record.parent.mkdir(parents=True, exist_ok=True)
            record.write_text(json.dumps(first), encoding="utf-8")
        report(step, steps, metrics)

    policy = new_policy(seed)
    result = train(policy, seed=seed, directory=work, report=noted, should_stop=should_stop, total=total)
    if not result.finished:
        return None
    save_policy(policy, directory, CARD.format(parameters=policy.parameters), dtype=torch.bfloat16)
    # Judged as it will be used: rounded to bf16 once, computed in fp32.
    stored = load_policy(str(directory))
    manifest = Manifest(
        seed=seed,
        network=NETWORK,
        vocabulary=len(policy.tokenizer),
        parameters=policy.parameters,
        settings=settings(seed).to_json(),
        steps=result.total,
        first_losses=tuple(first),
        unseen_loss=round(unseen_loss(stored, seed), 4),
        files=file_digests(directory),
    )
    manifest.write(directory)
    shutil.rmtree(work, ignore_errors=True)
    return manifest
