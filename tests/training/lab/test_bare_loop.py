"""The bare loop that Heed is raced against trains the very same thing: else it would be no line to reach."""

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

from training.lab.race.bare_llama import BareLlama
from training.lab.race.bare_side import _batches, _groups, _rewards, _sequence_logprobs, drive
from training.lab.race.heed_side import drive as heed_drive
from training.lab.race.lap import Lap
from training.lab.race.material import Material, make_material

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    return make_material(tmp_path_factory.mktemp("race"), pairs=24)


@torch.no_grad()
def test_its_log_probabilities_and_rewards_are_those_of_transformers(material: Material) -> None:
    policy = AutoModelForCausalLM.from_pretrained(material.policy)
    classifier = AutoModelForSequenceClassification.from_pretrained(material.classifier)
    bare_policy, bare_classifier = BareLlama(material.policy), BareLlama(material.classifier)
    lap = Lap("dpo", str(material.directory), 4, batch=1)
    groups = {len(group.prompt) + sum(map(len, group.responses)): group for group in _groups(material, lap)}
    scored = Lap("reward", str(material.directory), 4, batch=1)
    for batch, ends in zip(_batches(list(groups.values()), lap), _batches(list(groups.values()), scored), strict=True):
        group = groups[ends.input_ids_RL.shape[1]]
        for place, response in enumerate(group.responses):
            row = torch.tensor([[*group.prompt, *response]])
            logprob_LV = policy(row).logits[0].log_softmax(-1)
            own = logprob_LV[len(group.prompt) - 1 : -1].gather(1, torch.tensor(response)[:, None]).sum()
            assert torch.allclose(_sequence_logprobs(bare_policy, batch)[place], own, rtol=1e-4)
            assert torch.allclose(_rewards(bare_classifier, ends)[place], classifier(row).logits[0, 0], atol=1e-4)


@pytest.mark.parametrize("what", ["dpo", "reward"])
def test_both_sides_train_every_pair_and_say_how_fast(what: str, material: Material) -> None:
    lap = Lap(what, str(material.directory), 24, batch=8)
    for found in (drive(lap), heed_drive(lap)):
        assert found.steady > 0 and found.cold > 0 and found.memory > 0
        assert 0.3 < found.loss < 1.2
