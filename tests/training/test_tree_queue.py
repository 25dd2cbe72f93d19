"""The queue may ask about responses that begin alike."""

import random

from training.answering import SEEDS, kin_seeds
from training.learning.recipes import SamplerSettings
from training.learning.sampling.uniforms import path_of


def test_responses_to_one_prompt_come_from_one_tree_where_the_sampler_grows_trees() -> None:
    settings = SamplerSettings(branching=2, depth=2)
    first, second = (kin_seeds(settings, random.Random(seed), 4) for seed in (1, 2))
    assert len({path_of(settings, seed)[0] for seed in first}) == 1
    assert [path_of(settings, seed)[1] for seed in first] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert path_of(settings, first[0])[0] != path_of(settings, second[0])[0]
    assert all(0 <= seed < SEEDS for seed in first)


def test_without_trees_every_response_has_a_seed_of_its_own() -> None:
    seeds = kin_seeds(SamplerSettings(), random.Random(1), 4)
    assert seeds == kin_seeds(SamplerSettings(), random.Random(1), 4)
    assert len(set(seeds)) == 4
