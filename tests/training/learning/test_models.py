"""Policies load, adapt and save as plain directories, and refuse in words."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.training.learning.tiny import answer, save_tiny, tiny_policy, user
from training.learning.logprobs import response_logprobs
from training.learning.models import (
    NoModel,
    Policy,
    find_model,
    load_policy,
    model_digest,
    save_policy,
    with_lora,
)
from training.learning.recipes import LoraSettings


def logprobs(policy: Policy) -> torch.Tensor:
    group = policy.text.group(user("Tell me."), [answer("The sea is wide."), answer("")])
    return torch.cat(response_logprobs(policy, [group])[0])


def shaken(policy: Policy) -> Policy:
    """Give the adapters something to say."""
    torch.manual_seed(4)
    with torch.no_grad():
        for name, parameter in policy.model.named_parameters():
            if "lora_" in name:
                parameter.copy_(torch.randn_like(parameter) * 0.2)
    return policy


@pytest.mark.parametrize("shape", ["llama", "qwen2", "gpt2"])
def test_what_is_saved_loads_with_plain_transformers_and_computes_the_same(tmp_path: Path, shape: str) -> None:
    policy = tiny_policy(tmp_path / "first", shape=shape)
    digest = save_policy(policy, tmp_path / "second", "# A card\n")
    assert digest == model_digest(tmp_path / "second")
    assert (tmp_path / "second" / "README.md").read_text() == "# A card\n"
    assert not list((tmp_path / "second").glob("*.bin")) and not list(tmp_path.glob("*.part"))
    assert torch.equal(logprobs(load_policy(str(tmp_path / "second"))), logprobs(policy))
    plain = AutoModelForCausalLM.from_pretrained(tmp_path / "second")
    ids = torch.tensor([[5, 6, 7]])
    assert torch.equal(plain(input_ids=ids).logits, policy.model(input_ids=ids).logits)
    assert AutoTokenizer.from_pretrained(tmp_path / "second").chat_template == policy.tokenizer.chat_template


def test_half_precision_files_are_half_as_large_and_load_in_full_precision(tmp_path: Path) -> None:
    policy = tiny_policy(tmp_path / "first")
    save_policy(policy, tmp_path / "half", "", dtype=torch.bfloat16)
    weights = load_file(tmp_path / "half" / "model.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.bfloat16}
    again = load_policy(str(tmp_path / "half"))
    assert again.model.dtype == policy.model.dtype == torch.float32
    assert torch.allclose(logprobs(again), logprobs(policy), atol=0.5)


@pytest.mark.parametrize("shape", ["llama", "gpt2"])
def test_adapters_train_alone_and_are_merged_when_saved(tmp_path: Path, shape: str) -> None:
    policy = tiny_policy(tmp_path / "first", shape=shape)
    before = logprobs(policy)
    adapted = with_lora(policy, LoraSettings(r=4, lora_alpha=8))
    trainable = [name for name, p in adapted.model.named_parameters() if p.requires_grad]
    assert trainable and all("lora_" in name for name in trainable)
    assert torch.allclose(logprobs(adapted), before, atol=1e-5)
    changed = logprobs(shaken(adapted))
    assert not torch.allclose(changed, before, atol=0.1)
    save_policy(adapted, tmp_path / "merged", "")
    merged = load_policy(str(tmp_path / "merged"))
    assert torch.allclose(logprobs(merged), changed, atol=1e-3)
    assert torch.equal(logprobs(adapted), changed)  # saving left the adapters as they were
    assert not any("lora" in name for name in load_file(tmp_path / "merged" / "model.safetensors"))


def test_named_layers_alone_can_be_adapted(tmp_path: Path) -> None:
    settings = LoraSettings(r=2, target_modules="q_proj, v_proj")
    policy = load_policy(str(save_tiny(tmp_path)), lora=settings)
    names = {
        name.split(".lora_")[0].rsplit(".", 1)[-1] for name, p in policy.model.named_parameters() if p.requires_grad
    }
    assert names == {"q_proj", "v_proj"}
    with pytest.raises(ValueError):
        load_policy(str(tmp_path), lora=replace(settings, target_modules="nowhere"))


def test_dropout_is_off_in_a_loaded_policy_even_in_training_mode(tmp_path: Path) -> None:
    policy = tiny_policy(tmp_path, shape="gpt2")
    policy.model.train()
    assert torch.equal(logprobs(policy), logprobs(policy))


def test_the_digest_changes_with_a_weight_and_not_with_the_card(tmp_path: Path) -> None:
    policy = tiny_policy(tmp_path / "first")
    first = save_policy(policy, tmp_path / "second", "one")
    assert save_policy(policy, tmp_path / "third", "another") == first
    with torch.no_grad():
        next(policy.model.parameters()).view(-1)[0] += 1
    assert save_policy(policy, tmp_path / "third", "another") != first


def test_saving_over_a_model_replaces_it_whole(tmp_path: Path) -> None:
    policy = tiny_policy(tmp_path / "first")
    save_policy(policy, tmp_path / "second", "one")
    (tmp_path / "second" / "left over").touch()
    save_policy(policy, tmp_path / "second", "two")
    assert not (tmp_path / "second" / "left over").exists()


def test_no_model_is_explained_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NoModel, match="no model there: '/nowhere' is not a directory"):
        find_model("/nowhere")
    with pytest.raises(NoModel, match=r"no config\.json"):
        find_model(str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(NoModel, match="pickled weights are never loaded"):
        find_model(str(tmp_path))
    with pytest.raises(NoModel, match="no safetensors weights"):
        model_digest(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"torn")
    with pytest.raises(NoModel, match="does not load as a causal language model"):
        load_policy(str(tmp_path))
    monkeypatch.setattr("training.learning.models.STARTER", tmp_path / "unbuilt")
    with pytest.raises(NoModel, match=r"run `manage\.py train starter`"):
        find_model("starter")


def test_a_hub_name_is_asked_of_the_hub_without_code_or_pickle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, list[str]]] = []

    def hub(name: str, allow_patterns: list[str]) -> str:
        asked.append((name, allow_patterns))
        if name == "someone/gone":
            raise OSError("404")
        return str(save_tiny(tmp_path / "cache"))

    monkeypatch.setattr("training.learning.models.snapshot_download", hub)
    assert find_model("someone/model") == tmp_path / "cache"
    assert not any(pattern.endswith((".bin", ".py", ".pt")) for pattern in asked[0][1])
    with pytest.raises(NoModel, match="'someone/gone' is no directory here and the hub gave none"):
        find_model("someone/gone")
