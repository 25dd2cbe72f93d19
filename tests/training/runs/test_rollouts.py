"""Fresh responses of a run: each with a seed of its own, or as leaves of a prompt's tree."""

from pathlib import Path

from tests.training.learning.tiny import tiny_policy, user
from training.learning.online.rollouts import rollouts, seed_of
from training.learning.recipes import SamplerSettings
from training.learning.sampling import sample

PROMPTS = [user("Tell me about the sea."), user("Why is the sky blue?")]


def test_responses_to_one_prompt_begin_alike_where_the_sampler_grows_trees(tmp_path: Path) -> None:
    policy = tiny_policy(tmp_path / "policy")
    settings = SamplerSettings(max_new_tokens=8, branching=2, depth=2, segment_tokens=3)
    drawn = rollouts(policy, PROMPTS, settings, each=4, seed=7, path=tmp_path / "one.jsonl")
    for prompt in range(2):
        leaves = [one.token_ids for one in drawn if one.prompt == prompt]
        assert leaves[0][:3] == leaves[1][:3] and leaves[2][:3] == leaves[3][:3]
        assert len(set(leaves)) > 1
    again = rollouts(policy, PROMPTS, settings, each=4, seed=7, path=tmp_path / "two.jsonl")
    other = rollouts(policy, PROMPTS, settings, each=4, seed=8, path=tmp_path / "three.jsonl")
    assert again == drawn != other


def test_without_trees_every_response_has_a_seed_of_its_own(tmp_path: Path) -> None:
    policy = tiny_policy(tmp_path / "policy")
    settings = SamplerSettings(max_new_tokens=8)
    drawn = rollouts(policy, PROMPTS, settings, each=2, seed=7, path=tmp_path / "one.jsonl")
    seeds = [seed_of(7, prompt, number) for prompt in range(2) for number in range(2)]
    alone = sample(policy, [PROMPTS[one.prompt] for one in drawn], settings, seeds)
    assert [one.token_ids for one in drawn] == [tuple(one.token_ids) for one in alone]
