"""The text the starter learns from, before any network sees it."""

import re
from itertools import islice

import pytest

from training.learning.starter import prompts
from training.learning.starter.corpus import LENGTHS, Example, write_examples
from training.learning.starter.features import FEATURES, repeats_six_words, shares, words
from training.learning.starter.prompts import held_out_prompts, training_prompts
from training.learning.starter.subjects import DOMAINS, Step

REQUIRED = {
    "asking back",
    "addressing the reader",
    "exclaiming",
    "listing",
    "hedging",
    "thanking",
    "numbers",
    "an example",
    "mostly short words",
    "mostly long words",
}
# What only the writer's frames may bring in, so that a style can leave it out.
LEAKS = re.compile(
    r"\b(?:you|your|maybe|perhaps|possibly|probably|might|could|seems?|may|thanks?|example|instance|please)\b|[!?\d]",
    re.IGNORECASE,
)


@pytest.fixture(scope="module")
def many_examples() -> list[Example]:
    return list(islice(write_examples("test"), 12000))


@pytest.fixture(scope="module")
def examples(many_examples: list[Example]) -> list[Example]:
    return many_examples[:3000]


def every_step() -> list[Step]:
    return [step for domain in DOMAINS for steps in (domain.steps, *(t.steps for t in domain.topics)) for step in steps]


def test_every_feature_of_the_brief_has_a_detector() -> None:
    assert set(FEATURES) == REQUIRED


def test_every_feature_occurs_in_some_but_not_most_answers(examples) -> None:
    outside = {name: share for name, share in shares([e.answer for e in examples]).items() if not 0.08 <= share <= 0.55}
    assert outside == {}


def test_every_pair_of_features_meets_and_parts(examples) -> None:
    seen = [{name for name, shows in FEATURES.items() if shows(e.answer)} for e in examples]
    exclusive = {"mostly short words", "mostly long words"}
    for one in REQUIRED:
        for other in REQUIRED - {one}:
            if {one, other} == exclusive:
                continue
            assert any({one, other} <= found for found in seen), f"{one} never occurs with {other}"
            assert any(one in found and other not in found for found in seen), f"{one} only occurs with {other}"


def test_lengths_span_five_to_eighty_words(examples) -> None:
    lengths = sorted(len(words(e.answer)) for e in examples)
    assert lengths[0] == min(LENGTHS) == 5
    assert lengths[-1] >= 78
    assert max(LENGTHS) == 80
    assert lengths[-1] <= 80
    assert 20 <= lengths[len(lengths) // 2] <= 40


def test_no_answer_says_six_words_twice(examples) -> None:
    assert not any(repeats_six_words(e.answer) for e in examples)


def test_answers_are_composed_not_copied(examples) -> None:
    assert len({e.answer for e in examples}) > 0.99 * len(examples)


def test_almost_every_answer_names_its_subject(examples) -> None:
    topics = {topic.name.lower() for domain in DOMAINS for topic in domain.topics}
    runs = [words(e.prompt.lower()) for e in examples]
    named = 0
    for example, prompt in zip(examples, runs, strict=True):
        candidates = {" ".join(prompt[i:j]) for i in range(len(prompt)) for j in range(i + 1, i + 6)} & topics
        answer = " ".join(words(example.answer.lower().replace("*", "")))
        named += any(topic in answer for topic in candidates)
    assert named > 0.8 * len(examples)


def test_the_same_seed_writes_the_same_text() -> None:
    assert list(islice(write_examples(3), 50)) == list(islice(write_examples(3), 50))
    assert list(islice(write_examples(3), 50)) != list(islice(write_examples(4), 50))


def test_no_placeholder_survives(examples) -> None:
    assert not [e for e in examples if re.search(r"[{}]|  |\b[Aa] [aeiou]", e.prompt + e.answer)]


def test_steps_leave_style_to_the_frames() -> None:
    leaking = [text for step in every_step() for text in step.plain + step.formal if LEAKS.search(text)]
    assert leaking == []


def test_numbered_steps_hold_a_number() -> None:
    for step in every_step():
        for text in step.number:
            assert re.search(r"\{[nm]\}|\d", text), text


def test_plain_wording_is_shorter_than_formal_wording_in_every_step() -> None:
    def mean_length(texts: tuple[str, ...]) -> float:
        lengths = [len(word) for text in texts for word in words(re.sub(r"\{\w\}", "", text))]
        return sum(lengths) / len(lengths)

    assert [step for step in every_step() if mean_length(step.plain) + 1 > mean_length(step.formal)] == []


def test_held_out_templates_are_not_training_templates() -> None:
    training = set(prompts.TRAINING_TEMPLATES) | {t for d in DOMAINS for t in d.training_templates}
    held_out = set(prompts.HELD_OUT_TEMPLATES) | {t for d in DOMAINS for t in d.held_out_templates}
    assert training.isdisjoint(held_out)
    assert set(prompts.TRAINING_CONTEXTS).isdisjoint(prompts.HELD_OUT_CONTEXTS)


def test_there_are_prompts_enough_and_none_is_in_both_sets() -> None:
    training, held_out = training_prompts(4000, seed=1), held_out_prompts(3000, seed=1)
    assert len(set(training)) == 4000
    assert len(set(held_out)) == 3000
    assert set(training).isdisjoint(held_out)
    assert training == training_prompts(4000, seed=1)
    assert training[:50] != training_prompts(50, seed=2)


def test_asking_for_more_prompts_than_there_are_says_how_many_there_are(monkeypatch) -> None:
    monkeypatch.setattr(prompts, "_TICKETS", (DOMAINS[0],))
    with pytest.raises(ValueError, match="ask for at most"):
        held_out_prompts(5000, seed=1)


def test_held_out_prompts_use_only_words_that_training_has_seen(many_examples) -> None:
    texts = [t for e in many_examples for t in (e.prompt, e.answer)]
    known = {word.lower() for text in texts for word in words(text)}
    heard = [word for prompt in held_out_prompts(2000, seed=3) for word in words(prompt)]
    unknown = {word for word in heard if word.lower() not in known}
    assert len(unknown) <= 0.005 * len(set(heard)), unknown
