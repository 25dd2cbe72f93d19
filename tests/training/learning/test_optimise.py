"""The training loop: exact accumulation, schedules, clipping, checkpoints, bitwise resume, stopping."""

import math
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.training.learning.killable import SETTINGS, STEPS, batches, main, network, squared_error
from training.learning.optimise import Diverged, OptimResult, Part, forget, learning_rate, optimise
from training.learning.recipes import OptimSettings


def weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def child(directory: Path, pause: float) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.training.learning.killable", str(directory), str(pause)]
    return subprocess.Popen(command)


def test_a_run_killed_at_a_random_step_resumes_to_bitwise_the_same_weights(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    whole = network()
    optimise(whole, batches(), squared_error, SETTINGS, directory=tmp_path / "whole")
    killed = tmp_path / "killed"
    killed.mkdir()
    last = random.randrange(4, STEPS - 4)
    process = child(killed, 0.02)
    deadline = time.monotonic() + 60
    while not (killed / "steps").exists() or (killed / "steps").read_text().count("\n") < last:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (killed / "weights.safetensors").exists()
    done = (killed / "steps").read_text().count("\n")
    main(killed, 0.0)
    resumed = (killed / "steps").read_text().split()[done:]
    assert 1 < int(resumed[0]) <= done + 1 and int(resumed[-1]) == STEPS
    assert same(load_file(killed / "weights.safetensors"), weights(whole)), f"killed after step {last}"


def test_a_stopped_run_waits_with_a_checkpoint_and_goes_on(tmp_path: Path) -> None:
    whole = network()
    optimise(whole, batches(), squared_error, SETTINGS, directory=tmp_path / "whole")
    seen: list[int] = []

    def report(step: int, total: int, metrics: dict[str, float]) -> None:
        seen.append(step)

    def run(stop_at: int) -> tuple[OptimResult, torch.nn.Module]:
        model = network()
        result = optimise(
            model,
            batches(),
            squared_error,
            SETTINGS,
            directory=tmp_path / "parts",
            report=report,
            should_stop=lambda: seen[-1] == stop_at,
        )
        return result, model

    first, _ = run(7)
    assert (first.steps, first.total, first.finished) == (7, STEPS, False)
    second, model = run(0)
    assert second.finished and seen == list(range(1, STEPS + 1))
    assert second.seconds > first.seconds
    assert same(weights(model), weights(whole))


def test_a_finished_run_keeps_its_weights_but_no_optimiser_state_until_forgotten(tmp_path: Path) -> None:
    model = network()
    optimise(model, batches(), squared_error, SETTINGS, directory=tmp_path)
    (checkpoint,) = tmp_path.glob("checkpoint-*")
    assert all(name.startswith("model.") for name in load_file(checkpoint / "state.safetensors"))
    again = network()
    result = optimise(again, batches(), squared_error, SETTINGS, directory=tmp_path)
    assert result.finished and result.steps == STEPS and same(weights(again), weights(model))
    forget(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_only_the_newest_checkpoint_is_kept(tmp_path: Path) -> None:
    def report(step: int, total: int, metrics: dict[str, float]) -> None:
        names = sorted(path.name for path in tmp_path.iterdir())
        assert names == ([f"checkpoint-{3 * ((step - 1) // 3)}"] if step > 3 else [])

    optimise(network(), batches(), squared_error, SETTINGS, directory=tmp_path, report=report)


def test_how_a_step_is_cut_into_micro_batches_does_not_change_the_step(tmp_path: Path) -> None:
    def trained(cut: Callable[[list[torch.Tensor]], list[torch.Tensor]], name: str) -> dict[str, torch.Tensor]:
        model = network().double().eval()
        plan = [cut([inputs.double() for inputs in step]) for step in batches()[:5]]
        optimise(model, plan, squared_error, SETTINGS, directory=tmp_path / name)
        return weights(model)

    parts = trained(lambda step: step, "parts")
    whole = trained(lambda step: [torch.cat(step)], "whole")
    single = trained(lambda step: list(torch.split(torch.cat(step), 1)), "single")
    for name, tensor in whole.items():
        assert torch.allclose(tensor, parts[name], rtol=1e-9) and torch.allclose(tensor, single[name], rtol=1e-9)


def test_one_step_is_torchs_own_adamw_with_clipping(tmp_path: Path) -> None:
    settings = replace(SETTINGS, max_grad_norm=0.1, weight_decay=0.1, warmup_ratio=0.0)
    ours, theirs = network().double().eval(), network().double().eval()
    inputs = batches()[0][0].double()
    optimise(ours, [[inputs]], squared_error, settings, directory=tmp_path)
    matrices = [p for p in theirs.parameters() if p.dim() == 2]
    vectors = [p for p in theirs.parameters() if p.dim() == 1]
    reference = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}],
        lr=settings.learning_rate,
        betas=(settings.adam_beta1, settings.adam_beta2),
        eps=settings.adam_epsilon,
    )
    torch.autograd.backward(squared_error(theirs, inputs).loss / len(inputs))
    torch.nn.utils.clip_grad_norm_(list(theirs.parameters()), 0.1)
    reference.step()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(mine, other, rtol=1e-9)


def test_reported_metrics_are_means_over_the_steps_items(tmp_path: Path) -> None:
    reports: list[dict[str, float]] = []
    model = network().eval()
    parts = [squared_error(model, inputs) for inputs in batches()[0]]
    optimise(
        model,
        batches()[:1],
        squared_error,
        SETTINGS,
        directory=tmp_path,
        report=lambda step, total, metrics: reports.append(metrics),
    )
    assert math.isclose(reports[0]["loss"], sum(float(part.loss.detach()) for part in parts) / 14, rel_tol=1e-6)
    assert math.isclose(reports[0]["absolute"], sum(part.metrics["absolute"] for part in parts) / 14, rel_tol=1e-6)
    assert {"grad_norm", "learning_rate"} <= set(reports[0])


@pytest.mark.parametrize(("kind", "last"), [("constant", 1.0), ("linear", 1 / 90), ("cosine", 0.0003046)])
def test_the_schedule_warms_up_and_comes_down(kind: str, last: float) -> None:
    settings = OptimSettings(learning_rate=1.0, lr_scheduler_type=kind, warmup_ratio=0.1)
    rates = [learning_rate(settings, step, 100) for step in range(100)]
    assert rates[:10] == pytest.approx([(step + 1) / 11 for step in range(10)])
    assert rates[10] == 1.0 and rates[-1] == pytest.approx(last, abs=1e-6)
    assert all(earlier >= later for earlier, later in pairwise(rates[10:]))


def test_a_loss_that_is_no_number_stops_the_run_in_words(tmp_path: Path) -> None:
    def broken(model: torch.nn.Module, inputs: torch.Tensor) -> Part:
        return Part(squared_error(model, inputs).loss * float("nan"), 1.0)

    with pytest.raises(Diverged, match="step 1 of 40: the loss is nan; lower the learning rate"):
        optimise(network(), batches(), broken, SETTINGS, directory=tmp_path)


def test_a_checkpoint_of_another_plan_is_refused_in_words(tmp_path: Path) -> None:
    count = iter(range(100))
    optimise(network(), batches(), squared_error, SETTINGS, directory=tmp_path, should_stop=lambda: next(count) == 4)
    with pytest.raises(ValueError, match="belongs to another plan"):
        optimise(network(), batches()[:20], squared_error, SETTINGS, directory=tmp_path)


def test_a_run_may_end_early_as_finished(tmp_path: Path) -> None:
    result = optimise(
        network(),
        batches(),
        squared_error,
        SETTINGS,
        directory=tmp_path,
        enough=lambda step, metrics: step == 6,
    )
    assert (result.steps, result.finished) == (6, True)


def test_a_model_without_trainable_parameters_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no trainable parameter"):
        optimise(network().requires_grad_(False), batches(), squared_error, SETTINGS, directory=tmp_path)
