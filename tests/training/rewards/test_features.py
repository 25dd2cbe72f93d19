"""Frozen features: what they are, that they stay the same, and what a linear head can read in them."""

import json
from typing import Any

import numpy as np
import pytest

from tests.training.learning.tiny import SHAPES, tiny_policy
from training.learning.rewards.fast.features import DIMENSION, FeatureModel, from_bytes, to_bytes
from training.learning.rewards.fast.posterior import FastPosterior
from training.learning.rewards.fast.states import pooled_states
from training.learning.rewards.fast.style import STYLE, style
from training.learning.rows import Message

OPENINGS = ["Sure.", "Well, hello!", "Perhaps.", "Thank you for asking.", "1. Look\n2. Wait", "Do you like it?"]
MIDDLES = ["Warm the pan", "Take 5 small steps", "You could rest", "Deliberate considerations matter", "Go out"]
ENDS = [".", "!", ", for example today.", " because it helps. What else?", ", then sleep."]


def said(role: str, text: str) -> list[Message]:
    return [{"role": role, "content": text}]


def groups(count: int, seed: int = 0) -> list[Any]:
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        answers = [" ".join([rng.choice(OPENINGS), rng.choice(MIDDLES) + rng.choice(ENDS)]) for _ in range(2)]
        made.append((said("user", f"Question {number} about the pan"), [said("assistant", text) for text in answers]))
    return made


def pairs(made: list[Any]) -> list[Any]:
    return [(prompt, response) for prompt, responses in made for response in responses]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> FeatureModel:
    return FeatureModel.fit(tiny_policy(tmp_path_factory.mktemp("policy") / "tiny"), groups(60))


def test_a_response_has_256_finite_float32_numbers(model) -> None:
    phi = model.features(pairs(groups(5, seed=1)))
    assert phi.shape == (10, DIMENSION)
    assert phi.dtype == np.float32
    assert np.isfinite(phi).all()


def test_a_typical_difference_has_a_length_near_one(model) -> None:
    phi = model.features(pairs(groups(60)))
    assert 0.5 < np.sqrt(((phi[0::2] - phi[1::2]) ** 2).sum(1).mean()) < 2.0


def test_the_company_a_response_is_asked_in_changes_nothing(model) -> None:
    asked = pairs(groups(12, seed=2))
    alone = np.vstack([model.features([pair]) for pair in asked])
    assert np.allclose(model.features(asked), alone, atol=1e-4)


def test_a_saved_feature_model_gives_the_same_numbers_under_the_same_digest(model, tmp_path) -> None:
    model.save(tmp_path / "features")
    again = FeatureModel.load(tmp_path / "features", model.policy)
    asked = pairs(groups(4, seed=3))
    assert again.digest == model.digest
    assert np.array_equal(again.features(asked), model.features(asked))


def test_another_policy_is_another_digest_and_its_files_are_refused(model, tmp_path) -> None:
    other = tiny_policy(tmp_path / "other", seed=1)
    assert FeatureModel.fit(other, groups(60)).digest != model.digest
    model.save(tmp_path / "features")
    with pytest.raises(ValueError, match="another policy"):
        FeatureModel.load(tmp_path / "features", other)


def test_a_changed_file_is_refused(model, tmp_path) -> None:
    model.save(tmp_path / "features")
    about = json.loads((tmp_path / "features" / "features.json").read_text())
    about["vocabulary"][0] += "x"
    (tmp_path / "features" / "features.json").write_text(json.dumps(about))
    with pytest.raises(ValueError, match="fit it again"):
        FeatureModel.load(tmp_path / "features", model.policy)


def test_an_empty_folder_holds_no_feature_model(model, tmp_path) -> None:
    with pytest.raises(ValueError, match="no feature model"):
        FeatureModel.load(tmp_path, model.policy)


def test_a_few_prompts_are_too_few_to_measure_on(model) -> None:
    with pytest.raises(ValueError, match="at least 32"):
        FeatureModel.fit(model.policy, groups(31))


def test_extreme_texts_give_bounded_numbers(model) -> None:
    odd = ["", "?" * 5_000, "word " * 4_000, "\n" * 50, "é漢🙂" * 30, "a" * 10_000]
    phi = model.features([(said("user", ""), said("assistant", text)) for text in odd])
    assert np.isfinite(phi).all()
    assert np.abs(phi).max() < 50


def test_stored_vectors_come_back_as_they_were(model) -> None:
    phi = model.features(pairs(groups(1)))[0]
    assert np.array_equal(from_bytes(to_bytes(phi)), phi)
    with pytest.raises(ValueError, match="compute it again"):
        from_bytes(to_bytes(phi)[:-4])


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_the_states_of_every_architecture_can_be_read(shape, tmp_path) -> None:
    policy = tiny_policy(tmp_path / shape, shape=shape, chat=shape != "gpt2")
    asked = pairs(groups(3))
    states = pooled_states(policy, asked)
    assert states.shape == (6, 64)
    assert np.isfinite(states).all()
    assert np.allclose(states[2:3], pooled_states(policy, asked[2:3]), rtol=1e-3, atol=1e-3)


def test_responses_to_one_prompt_are_told_apart_by_their_states(tmp_path) -> None:
    policy = tiny_policy(tmp_path / "tiny")
    prompt = said("user", "Well?")
    states = pooled_states(policy, [(prompt, said("assistant", text)) for text in ("Yes.", "No, never.", "Yes.")])
    assert np.allclose(states[0], states[2], atol=1e-4)
    assert np.abs(states[0] - states[1]).max() > 1e-2


TASTES = {
    "questions": lambda text: "?" in text,
    "exclamations": lambda text: "!" in text,
    "digits": lambda text: any(c.isdigit() for c in text),
    "lists": lambda text: "1." in text,
    "thanks": lambda text: "Thank" in text,
    "short": lambda text: -len(text.split()),
    "long words": lambda text: np.mean([len(word) for word in text.split()]),
    "addressing": lambda text: "you" in text.lower(),
}


@pytest.fixture(scope="module")
def shown(model) -> list[tuple[list[Any], np.ndarray]]:
    """Three hundred pairs to learn from and three hundred to be asked about, with their features."""
    return [(asked, model.features(asked)) for asked in (pairs(groups(300, seed)) for seed in (4, 5))]


IN_MAKE_TEST = ("questions", "lists", "short")


@pytest.mark.parametrize(
    "taste", [pytest.param(name, marks=() if name in IN_MAKE_TEST else pytest.mark.slow) for name in TASTES]
)
def test_three_hundred_noisy_labels_teach_a_linear_head_each_kind_of_taste(shown, taste) -> None:
    rng = np.random.default_rng(0)

    def judged(asked: list[Any], phi: np.ndarray) -> Any:
        worth = np.array([float(TASTES[taste](response[0]["content"])) for _, response in asked])
        return phi[0::2] - phi[1::2], worth[0::2] - worth[1::2]

    x, gap = judged(*shown[0])
    flipped = rng.random(300) < 0.1
    p = np.where(gap == 0, 0.5, (gap > 0) ^ flipped)
    clean, truth = judged(*shown[1])
    told = FastPosterior.fit(x, p, dimension=DIMENSION).predict(clean).mean
    clear = truth != 0
    assert np.mean((told > 0)[clear] == (truth > 0)[clear]) >= 0.85


def test_statistics_say_what_their_names_say() -> None:
    text = "Thank you! Do you cook? For example, take 3 eggs, perhaps.\n- one\n- two"
    told = dict(zip(STYLE, style([("How do I cook eggs?", text)])[0], strict=True))
    assert told["question mark: any"] == told["exclamation mark: any"] == told["thanks: any"] == 1.0
    assert told["list item: count"] == pytest.approx(np.log1p(2))
    assert told["number: count"] == pytest.approx(np.log1p(1))
    assert told["second person: count"] == pytest.approx(np.log1p(2))
    assert told["any echo"] == 1.0
    assert told["semicolon: any"] == 0.0
