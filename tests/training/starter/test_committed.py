"""The committed starter: is it what its manifest says, and does it answer as it should?"""

import json
from itertools import islice
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from transformers import AutoModelForCausalLM, AutoTokenizer

from training.learning.models import STARTER, load_policy
from training.learning.recipes import SamplerSettings
from training.learning.rows import Message
from training.learning.sampling import Sample, sample
from training.learning.starter.corpus import GENERATOR_VERSION
from training.learning.starter.features import FEATURES, repeats_six_words, shares, words
from training.learning.starter.lessons import Lessons
from training.learning.starter.make import CONTEXT, NETWORK, REPEATED_STEPS, make_starter, new_policy, settings, train
from training.learning.starter.manifest import file_digests, read_manifest
from training.learning.starter.prompts import held_out_prompts


def test_the_files_are_the_ones_the_manifest_names() -> None:
    manifest = read_manifest(STARTER)
    assert file_digests(STARTER) == manifest.files
    assert {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"} <= set(manifest.files)


def test_the_manifest_tells_how_this_generator_made_it() -> None:
    manifest = read_manifest(STARTER)
    assert manifest.generator_version == GENERATOR_VERSION
    assert manifest.network == NETWORK
    assert manifest.settings == settings(manifest.seed).to_json()
    assert len(manifest.first_losses) == REPEATED_STEPS


def test_it_is_a_llama_of_three_to_four_million_parameters_in_at_most_eight_megabytes() -> None:
    config = json.loads((STARTER / "config.json").read_text())
    assert config["architectures"] == ["LlamaForCausalLM"]
    assert config["max_position_embeddings"] >= 512
    assert 3e6 <= read_manifest(STARTER).parameters <= 4e6
    assert (STARTER / "model.safetensors").stat().st_size <= 8e6
    with safe_open(STARTER / "model.safetensors", framework="pt") as weights:
        assert {weights.get_tensor(name).dtype for name in weights.keys()} == {torch.bfloat16}  # noqa: SIM118


def test_plain_transformers_loads_it() -> None:
    tokenizer = AutoTokenizer.from_pretrained(STARTER, local_files_only=True)
    model = AutoModelForCausalLM.from_pretrained(STARTER, local_files_only=True)
    assert sum(parameter.numel() for parameter in model.parameters()) == read_manifest(STARTER).parameters
    assert tokenizer.chat_template
    assert tokenizer.model_max_length == CONTEXT
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id


def test_a_stopped_making_leaves_the_directory_alone_and_can_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.learning.starter.make.VOCABULARY", 300)
    monkeypatch.setattr("training.learning.starter.make._TOKENIZER_EXAMPLES", 50)
    monkeypatch.setattr("training.learning.starter.make._JUDGED_EXAMPLES", 10)
    monkeypatch.setattr(
        "training.learning.starter.make.NETWORK",
        {**NETWORK, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1},
    )
    target = tmp_path / "made"
    seen: list[int] = []

    def note(step: int, total: int, metrics: dict[str, float]) -> None:
        seen.append(step)

    assert make_starter(target, seed=3, report=note, should_stop=lambda: len(seen) >= 2, total=4) is None
    assert not target.exists()
    manifest = make_starter(target, seed=3, report=note, should_stop=lambda: False, total=4)
    assert manifest is not None
    assert seen == [1, 2, 3, 4]
    assert manifest == read_manifest(target)
    assert len(manifest.first_losses) == 4
    assert file_digests(target) == manifest.files
    assert list(tmp_path.iterdir()) == [target]
    assert load_policy(str(target)).parameters == manifest.parameters


@pytest.mark.slow
@pytest.mark.computes
def test_the_first_fifty_training_steps_repeat_the_stored_losses(tmp_path: Path) -> None:
    manifest = read_manifest(STARTER)
    policy = new_policy(manifest.seed)
    assert policy.tokenizer.get_vocab() == load_policy("starter").tokenizer.get_vocab()
    losses: list[float] = []
    train(
        policy,
        seed=manifest.seed,
        directory=tmp_path,
        report=lambda step, total, metrics: losses.append(metrics["loss"]),
        should_stop=lambda: len(losses) >= REPEATED_STEPS,
        total=manifest.steps,
    )
    assert losses == pytest.approx(manifest.first_losses, abs=1e-3)


@pytest.fixture(scope="module")
def answers() -> list[Sample]:
    """Two answers to each of a hundred held-out prompts, at temperature 1."""
    prompts = [[Message(role="user", content=text)] for text in held_out_prompts(100, seed=11) for _ in range(2)]
    settings_ = SamplerSettings(temperature=1.0, max_new_tokens=200)
    return sample(load_policy("starter"), prompts, settings_, list(range(200)))


@pytest.mark.slow
@pytest.mark.computes
def test_answers_end_by_themselves_and_do_not_repeat(answers: list[Sample]) -> None:
    fine = [answer for answer in answers if answer.stopped and not repeats_six_words(answer.text)]
    assert len(fine) >= 190


@pytest.mark.slow
@pytest.mark.computes
def test_answers_are_not_learned_by_heart(answers: list[Sample]) -> None:
    manifest = read_manifest(STARTER)
    lessons = Lessons(None, seed=manifest.seed, total=manifest.steps, batch_size=settings(manifest.seed).batch_size)
    told = {example.answer for example in lessons.examples(manifest.steps)}
    assert sum(answer.text in told for answer in answers) <= 10


@pytest.mark.slow
@pytest.mark.computes
def test_two_answers_to_a_prompt_differ(answers: list[Sample]) -> None:
    assert sum(one.text != other.text for one, other in zip(answers[::2], answers[1::2], strict=True)) >= 95


@pytest.mark.slow
@pytest.mark.computes
@pytest.mark.parametrize("feature", FEATURES)
def test_each_feature_occurs_in_five_to_sixty_percent_of_answers(answers: list[Sample], feature: str) -> None:
    assert 0.05 <= shares([answer.text for answer in answers])[feature] <= 0.60


@pytest.mark.slow
@pytest.mark.computes
def test_lengths_span_five_to_eighty_words(answers: list[Sample]) -> None:
    lengths = sorted(len(words(answer.text)) for answer in answers)
    within = [length for length in lengths if 5 <= length <= 80]
    assert len(within) >= 190
    assert within[0] <= 7
    assert within[-1] >= 70
    assert lengths[len(lengths) // 4] < 22 < 34 < lengths[-len(lengths) // 4]


@pytest.mark.slow
@pytest.mark.computes
def test_answers_name_what_was_asked_about(answers: list[Sample]) -> None:
    asked = held_out_prompts(100, seed=11)
    common = {word for text in islice(asked, 100) for word in words(text.lower())}
    common = {word for word in common if sum(word in words(text.lower()) for text in asked) > 5}
    named = [
        bool(set(words(asked[i // 2].lower())) - common & set(words(answer.text.lower())))
        for i, answer in enumerate(answers)
    ]
    assert sum(named) >= 160
