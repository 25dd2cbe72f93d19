"""The cache of log-probabilities: exact whatever is asked for together, proof against damage, writers and kills."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.training.learning.test_logprobs import plain_logprobs
from tests.training.learning.tiny import save_tiny, tiny_policy
from training.learning import steady
from training.learning.cache import LogprobCache, Tally, response_key
from training.learning.logprobs import response_logprobs
from training.learning.models import Policy, load_policy, with_lora
from training.learning.recipes import LoraSettings
from training.learning.shard_files import about_shard
from training.learning.shards import Origin, open_shard, write_shard
from training.learning.text import Group

ORIGIN = Origin("reference", "a" * 64, "float32", "m" * 64)
DIGEST = "d" * 64


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    return tiny_policy(tmp_path_factory.mktemp("llama"))


def talk(number: int) -> Group:
    """A prompt with three responses of many lengths."""
    chance = random.Random(number)

    def tokens(most: int) -> tuple[int, ...]:
        return tuple(chance.randrange(4, 300) for _ in range(chance.randrange(1, most)))

    return Group(tokens(20), (tokens(6), tokens(30), tokens(60)))


GROUPS = [talk(number) for number in range(12)]
PLACES = [(group, place) for group in GROUPS for place in range(3)]


def same(ours: list[list[torch.Tensor]], theirs: list[list[torch.Tensor]]) -> bool:
    """Whether all values are equal, bit for bit."""
    flat = [[value for values in side for value in values] for side in (ours, theirs)]
    return all(torch.equal(a, b) for a, b in zip(*flat, strict=True))


def counted(cache: LogprobCache) -> tuple[int, int, int]:
    """How many were asked for, found and computed."""
    told = cache.tally.to_json()
    return told["asked"], told["found"], told["computed"]


def entries(count: int, seed: int = 0) -> dict[bytes, torch.Tensor]:
    chance = random.Random(seed)
    return {chance.randbytes(32): torch.rand(chance.randrange(1, 9)) for _ in range(count)}


@pytest.mark.parametrize("shape", ["llama", "gpt2", "gemma2", "mistral", "mamba"])
def test_steady_values_are_those_of_a_plain_pass(shape: str, tmp_path: Path) -> None:
    policy = tiny_policy(tmp_path, shape=shape)
    found = response_logprobs(policy, GROUPS[:2], cache=LogprobCache(tmp_path / "cache", DIGEST))
    for group, values in zip(GROUPS[:2], found, strict=True):
        for value, plain in zip(values, plain_logprobs(policy, group), strict=True):
            torch.testing.assert_close(value, plain.to(value.dtype), rtol=1e-4, atol=1e-4)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(len(PLACES))), cuts=st.lists(st.integers(0, len(PLACES)), max_size=3))
def test_any_split_of_the_requests_over_runs_gives_the_same_values(
    llama: Policy, tmp_path_factory: pytest.TempPathFactory, order: list[int], cuts: list[int]
) -> None:
    at_once = response_logprobs(llama, GROUPS, cache=LogprobCache(tmp_path_factory.mktemp("whole"), DIGEST))
    place = tmp_path_factory.mktemp("split")
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(order)], strict=True):
        asked = [Group(PLACES[i][0].prompt, (PLACES[i][0].responses[PLACES[i][1]],)) for i in order[start:end]]
        response_logprobs(llama, asked, cache=LogprobCache(place, DIGEST))
    cache = LogprobCache(place, DIGEST)
    split = response_logprobs(llama, GROUPS, cache=cache)
    assert counted(cache) == (36, 36, 0)
    assert same(at_once, split)


def test_where_places_of_a_batch_differ_each_response_is_computed_alone(
    llama: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = response_logprobs(llama, GROUPS, cache=LogprobCache(tmp_path / "a", DIGEST))
    monkeypatch.setattr(steady, "_are_alike", lambda policy: False)
    alone = response_logprobs(llama, GROUPS, cache=LogprobCache(tmp_path / "b", DIGEST))
    for mine, theirs in zip(together, alone, strict=True):
        for a, b in zip(mine, theirs, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_the_tally_counts_each_response_once_and_only_new_ones_as_computed(llama: Policy, tmp_path: Path) -> None:
    old = LogprobCache(tmp_path, DIGEST)
    response_logprobs(llama, GROUPS[:11], cache=old)
    assert counted(old) == (33, 0, 33)
    new = LogprobCache(tmp_path, DIGEST)
    for _ in range(3):
        response_logprobs(llama, GROUPS, cache=new)
    assert counted(new) == (36, 33, 3)


def test_what_an_attempt_before_a_crash_computed_counts_as_computed(llama: Policy, tmp_path: Path) -> None:
    for part in (GROUPS[:5], GROUPS[:11]):
        cache = LogprobCache(tmp_path, DIGEST, tally=Tally.at(tmp_path / "passes"))
        response_logprobs(llama, part, cache=cache)
    assert counted(cache) == (33, 0, 33)


def test_what_another_process_kept_meanwhile_is_found(llama: Policy, tmp_path: Path) -> None:
    early = LogprobCache(tmp_path, DIGEST)
    response_logprobs(llama, GROUPS[:2], cache=LogprobCache(tmp_path, DIGEST))
    response_logprobs(llama, GROUPS[:2], cache=early)
    assert counted(early) == (6, 6, 0)


def test_adapters_in_training_are_left_out(llama: Policy, tmp_path: Path) -> None:
    known = response_logprobs(llama, GROUPS[:1], cache=LogprobCache(tmp_path / "a", DIGEST))
    adapted = with_lora(tiny_policy(tmp_path / "model"), LoraSettings(r=2))
    for name, parameter in adapted.model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.ones_(parameter)
    found = response_logprobs(adapted, GROUPS[:1], cache=LogprobCache(tmp_path / "b", DIGEST))
    assert all(torch.equal(a, b) for a, b in zip(known[0], found[0], strict=True))


@pytest.mark.parametrize("other", [{"dtype": "bfloat16"}, {"digest": "e" * 64}])
def test_another_model_or_precision_knows_nothing(llama: Policy, tmp_path: Path, other: dict[str, str]) -> None:
    response_logprobs(llama, GROUPS[:1], cache=LogprobCache(tmp_path, DIGEST))
    assert len(LogprobCache(tmp_path, **{"digest": DIGEST, **other})) == 0
    torch.set_num_threads(2)
    try:
        assert len(LogprobCache(tmp_path, DIGEST)) == 0
    finally:
        torch.set_num_threads(1)
    assert len(LogprobCache(tmp_path, DIGEST)) == 3


def test_a_shard_is_read_back_entry_by_entry(tmp_path: Path) -> None:
    kept = entries(20)
    path = write_shard(tmp_path, ORIGIN, kept)
    shard = open_shard(path, ORIGIN)
    assert shard is not None
    for key, value in kept.items():
        found = shard.read(key)
        assert found is not None and torch.equal(found, value)
    assert about_shard(path)["responses"] == "20"


@pytest.mark.parametrize("part", range(8))
def test_a_shard_with_any_byte_flipped_gives_right_values_or_none(tmp_path: Path, part: int) -> None:
    kept = entries(6)
    path = write_shard(tmp_path, ORIGIN, kept)
    whole = path.read_bytes()
    for place in range(part, len(whole), 41):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x5A]) + whole[place + 1 :])
        shard = open_shard(path, ORIGIN)
        for key in shard.rows if shard else ():
            value = shard.read(key) if shard else None
            assert value is None or torch.equal(value, kept[key])


@pytest.mark.parametrize("left", [0, 7, 9, 400, -1])
def test_a_torn_shard_is_removed(tmp_path: Path, left: int) -> None:
    path = write_shard(tmp_path, ORIGIN, entries(6))
    path.write_bytes(path.read_bytes()[:left])
    assert open_shard(path, ORIGIN) is None
    assert not path.exists()
    with pytest.raises(ValueError, match=r"cannot be read|no safetensors"):
        about_shard(path)


def test_a_shard_of_another_model_is_removed(tmp_path: Path) -> None:
    path = write_shard(tmp_path, ORIGIN, entries(3))
    assert open_shard(path, Origin("reference", "b" * 64, "float32", "m" * 64)) is None
    assert not path.exists()


def test_a_damaged_entry_is_computed_again_and_the_others_stay(llama: Policy, tmp_path: Path) -> None:
    first = response_logprobs(llama, GROUPS[:2], cache=LogprobCache(tmp_path, DIGEST))
    (path,) = tmp_path.glob("*/*.safetensors")
    content = path.read_bytes()
    values = first[1][2].numpy().tobytes()
    path.write_bytes(content.replace(values, values[:-1] + b"?"))
    cache = LogprobCache(tmp_path, DIGEST)
    second = response_logprobs(llama, GROUPS[:2], cache=cache)
    assert same(first, second)
    assert counted(cache) == (6, 5, 1)
    assert not path.exists()
    again = LogprobCache(tmp_path, DIGEST)
    response_logprobs(llama, GROUPS[:2], cache=again)
    assert counted(again) == (6, 6, 0)


def test_two_writers_of_the_same_leave_one_file_and_of_others_both(tmp_path: Path) -> None:
    one, other = entries(4, seed=1), entries(4, seed=2)
    assert write_shard(tmp_path, ORIGIN, one) == write_shard(tmp_path, ORIGIN, one)
    write_shard(tmp_path, ORIGIN, other)
    assert len(list(tmp_path.iterdir())) == 2


def test_few_keys_of_a_large_cache_are_answered_without_reading_it(tmp_path: Path) -> None:
    chance = random.Random(3)
    for _ in range(4):
        values = torch.rand(2_500, 16)
        write_shard(
            tmp_path / LogprobCache(tmp_path, DIGEST).responses.origin.folder,
            LogprobCache(tmp_path, DIGEST).responses.origin,
            {chance.randbytes(32): row for row in values},
        )
    cache = LogprobCache(tmp_path, DIGEST).responses
    assert len(cache) == 10_000
    assert cache.get(next(iter(cache._where))) is not None
    assert len(cache._read) == 1


KILLED = """
import sys; from pathlib import Path
import torch; torch.set_num_threads(1)
from tests.training.learning.test_cache import GROUPS, talk
from training.learning import cache
from training.learning.logprobs import response_logprobs
from training.learning.models import load_policy
cache.AT_ONCE = 6
policy = load_policy(sys.argv[1])
print("ready", flush=True)
response_logprobs(policy, [talk(n) for n in range(80)], cache=cache.LogprobCache(Path(sys.argv[2]), "d" * 64))
"""


@pytest.mark.slow
def test_writers_that_are_killed_leave_nothing_wrong(tmp_path: Path) -> None:
    model, place = save_tiny(tmp_path / "model"), tmp_path / "cache"
    groups = [talk(number) for number in range(80)]
    for wait in (0.1, 0.3):
        command = [sys.executable, "-c", KILLED, str(model), str(place)]
        children = [
            subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": "."}) for _ in "ab"
        ]
        for child in children:
            assert child.stdout is not None
            child.stdout.readline()
        time.sleep(wait)
        for child in children:
            child.send_signal(signal.SIGKILL)
            child.communicate()
    policy = load_policy(str(model))
    cache = LogprobCache(place, DIGEST)
    assert len(cache) > 0
    found = response_logprobs(policy, groups, cache=cache)
    assert counted(cache)[1] > 0
    plain = response_logprobs(policy, groups, cache=LogprobCache(tmp_path / "whole", DIGEST))
    assert same(found, plain)


def test_keys_tell_prompt_from_response() -> None:
    one, other = Group((1, 2), ((3,),)), Group((1,), ((2, 3),))
    assert response_key(one, 0) != response_key(other, 0)
    assert response_key(one, 0) == response_key(Group((1, 2), ((9,), (3,))), 1)
