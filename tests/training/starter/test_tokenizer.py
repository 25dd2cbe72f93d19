"""The tokenizer, its chat template, and the plan of lessons."""

from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerBase

from training.learning.starter.corpus import write_examples
from training.learning.starter.lessons import STEPS_A_CHUNK, Lessons, encode
from training.learning.starter.tokenizer import END, learn_tokenizer
from training.learning.text import Text, end_ids


def small_tokenizer() -> PreTrainedTokenizerBase:
    texts = [text for e in islice(write_examples("tokenizer test"), 400) for text in (e.prompt, e.answer)]
    return learn_tokenizer(texts, vocabulary=600, context=512)


TOKENIZER = small_tokenizer()


@settings(max_examples=60)
@given(st.text(max_size=60))
def test_any_text_in_any_language_comes_back_unchanged(text) -> None:
    ids = TOKENIZER(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    assert TOKENIZER.decode(ids) == text


def test_learning_twice_gives_the_same_tokens() -> None:
    assert small_tokenizer().get_vocab() == TOKENIZER.get_vocab()


def test_the_template_marks_every_role_and_opens_the_answer() -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi."},
        {"role": "user", "content": "Tea?"},
    ]
    assert TOKENIZER.apply_chat_template(messages, tokenize=False, add_generation_prompt=True) == (
        "<|system|>Be brief.<|end|><|user|>Hello<|end|><|assistant|>Hi.<|end|><|user|>Tea?<|end|><|assistant|>"
    )


def test_the_stop_token_ends_every_turn() -> None:
    assert TOKENIZER.eos_token == END
    ids = TOKENIZER.apply_chat_template([{"role": "user", "content": "Hello"}], return_dict=False)
    assert ids[-1] == TOKENIZER.eos_token_id


def test_lessons_are_encoded_as_the_chat_template_encodes_them() -> None:
    examples = list(islice(write_examples("encode"), 30))
    text = Text(TOKENIZER, end_ids(TOKENIZER, None), 512)
    for example, group in zip(examples, encode(TOKENIZER, examples), strict=True):
        told = text.group(
            [{"role": "user", "content": example.prompt}], [[{"role": "assistant", "content": example.answer}]]
        )
        assert (group.prompt, group.responses) == (told.prompt, told.responses)


def test_every_step_of_the_plan_can_be_asked_for_in_any_order() -> None:
    plan = Lessons(TOKENIZER, seed=1, total=20, batch_size=3)
    again = Lessons(TOKENIZER, seed=1, total=20, batch_size=3)
    assert len(plan) == 20
    forwards = [plan[step][0].batch.target_N.tolist() for step in range(20)]
    assert [again[step][0].batch.target_N.tolist() for step in reversed(range(20))] == forwards[::-1]
    assert [lesson.step for step in plan[3:6] for lesson in step] == [3, 4, 5]
    assert len({tuple(step) for step in forwards}) == 20


def test_lessons_use_each_example_once() -> None:
    plan = Lessons(TOKENIZER, seed=1, total=STEPS_A_CHUNK, batch_size=3)
    assert sum(len(plan[step][0].batch.sequences) for step in range(STEPS_A_CHUNK)) == 3 * STEPS_A_CHUNK
    written = encode(TOKENIZER, list(plan.examples(STEPS_A_CHUNK)))
    tokens = sum(len(plan[step][0].batch.target_N) for step in range(STEPS_A_CHUNK))
    assert tokens == sum(len(group.responses[0]) for group in written)


def test_every_step_holds_about_as_many_tokens() -> None:
    plan = Lessons(TOKENIZER, seed=1, total=STEPS_A_CHUNK, batch_size=12)
    tokens = [plan[step][0].batch.input_ids_RL.numel() for step in range(STEPS_A_CHUNK)]
    assert max(tokens) < 1.5 * min(tokens)


def test_a_step_beyond_the_plan_is_refused() -> None:
    with pytest.raises(IndexError, match="step 5 of 5"):
        Lessons(TOKENIZER, seed=1, total=5, batch_size=2)[5]
