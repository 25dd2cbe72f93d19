"""Which prompts are held out: by the root alone, near-duplicates together, whoever comes first decides."""

import random
from typing import Any

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from labeling.actions import queueing, splitting
from labeling.actions.splitting import Roots, assign_splits
from labeling.measures import near_duplicates
from labeling.measures.near_duplicates import earlier_twins, grams, jaccard
from labeling.measures.splits import is_held_out, normalised, root_digest, root_text
from labeling.models import Prompt, PromptRoot, Split
from tests.labeling.cast import project_of_ada, talk

WORDS = [f"w{number:03d}" for number in range(400)]


def text(chance: random.Random, count: int = 40) -> str:
    return " ".join(chance.choices(WORDS, k=count))


# --- the pure part


def test_the_root_is_the_first_human_message_however_it_is_written() -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": " Ｂoil\n an   EGG "},
        {"role": "assistant", "content": "How?"},
        {"role": "user", "content": "Soft."},
    ]
    assert root_text(messages) == "boil an egg"
    assert root_text([{"role": "assistant", "content": "Hello"}]) == "hello"
    assert root_text([]) == ""


@given(st.text(), st.text(max_size=20))
def test_the_split_depends_on_nothing_but_salt_and_root(root, salt) -> None:
    assert is_held_out(salt=salt, root=root, share=0.25) == is_held_out(salt=salt, root=root, share=0.25)
    assert not is_held_out(salt=salt, root=root, share=0.0)
    assert is_held_out(salt=salt, root=root, share=1.0)
    assert normalised(normalised(root)) == normalised(root)
    assert len(root_digest(root)) == 64


def test_the_share_that_is_held_out_is_the_one_asked_for() -> None:
    held = sum(is_held_out(salt="s", root=f"root {number}", share=0.25) for number in range(20_000))
    assert held / 20_000 == pytest.approx(0.25, abs=0.01)


def test_another_salt_holds_out_other_roots() -> None:
    sides = [[is_held_out(salt=salt, root=f"r{n}", share=0.5) for n in range(200)] for salt in "ab"]
    assert 60 < sum(one == other for one, other in zip(*sides, strict=True)) < 140


# --- near-duplicates


@given(st.lists(st.text(max_size=40), min_size=1, max_size=5))
def test_grams_of_many_texts_are_those_of_each(texts) -> None:
    hashes, starts = grams(texts)
    ends = [*starts[1:], len(hashes)]
    for index, one in enumerate(texts):
        alone = hashes[starts[index] : ends[index]]
        assert alone.tolist() == grams([one])[0].tolist()
        assert len(alone) == max(len(one) - 4, 1)


def exact_jaccard(one: str, other: str) -> float:
    a, b = ({text[i : i + 5] for i in range(len(text) - 4)} for text in (one, other))
    return len(a & b) / len(a | b)


@given(st.text("abc", min_size=5, max_size=60), st.text("abc", min_size=5, max_size=60))
def test_jaccard_is_that_of_the_sets_of_five_letters(one, other) -> None:
    assert jaccard(one, other) == pytest.approx(exact_jaccard(one, other))


def test_near_duplicates_are_found_and_others_are_not() -> None:
    chance = random.Random(3)
    texts = [text(chance) for _ in range(2_000)]
    for source in range(0, 400, 2):
        altered = list(texts[source])
        for _ in range(chance.choice([1, 2, 3, 4])):
            altered[chance.randrange(len(altered))] = "#"
        texts.append("".join(altered))
    twins = earlier_twins(texts)
    for place, source in enumerate(range(0, 400, 2), 2_000):
        assert twins.get(place) == (source if jaccard(texts[place], texts[source]) >= 0.9 else None)
    assert all(place >= 2_000 for place in twins)


def test_the_first_of_several_near_duplicates_is_named() -> None:
    stem = text(random.Random(4), 60)
    assert earlier_twins([stem + " a", "something else", stem + " b", stem + " c"]) == {2: 0, 3: 0}


def test_very_long_texts_are_compared_by_a_sample_and_then_in_full() -> None:
    chance = random.Random(5)
    long, other = ("".join(chance.choices("abcdefghijklmnopqrstuvwxyz ", k=8_000)) for _ in range(2))
    almost = long[:5_000] + "#" + long[5_001:]
    half = long[:4_000] + other[:4_000]
    assert earlier_twins([long, other, almost, half]) == {2: 0}


def test_signing_in_parts_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(12)
    texts = ["".join(chance.choices("abcdefgh ", k=chance.randint(0, 900))) for _ in range(40)]
    whole = near_duplicates.signatures(texts)
    monkeypatch.setattr(near_duplicates, "CHUNK", 1_000)
    parts = list(near_duplicates._chunks(texts))
    assert len(parts) > 5 and [index for part in parts for index in range(*part)] == list(range(40))
    assert (near_duplicates.signatures(texts) == whole).all()


def test_a_template_with_thousands_of_fillings_costs_little_and_joins_nothing() -> None:
    chance = random.Random(6)
    texts = [
        f"please write to {a} about the {b} and the {c}"
        for a, b, c in (chance.choices(WORDS, k=3) for _ in range(3_000))
    ]
    twins = earlier_twins(texts)
    for later, earlier in twins.items():
        assert jaccard(texts[later], texts[earlier]) >= 0.9


def test_nothing_has_no_twins() -> None:
    assert earlier_twins([]) == {}
    assert earlier_twins(["", ""]) == {1: 0}


@pytest.mark.slow
def test_a_hundred_thousand_prompts_take_seconds() -> None:
    import time

    chance = random.Random(7)
    texts = [text(chance, chance.randint(5, 60)) for _ in range(100_000)]
    started = time.process_time()
    earlier_twins(texts)
    assert time.process_time() - started < 15


# --- in a project


def split_of(project, text) -> Any:
    return Prompt.objects.get(project=project, messages=talk(text)).split


def test_a_near_duplicate_takes_the_side_of_the_root_that_came_first(db) -> None:
    project = project_of_ada(held_out_share=0.5)
    chance = random.Random(8)
    stems = [text(chance) for _ in range(40)]
    queueing.add_prompts(project=project, conversations=[talk(stem) for stem in stems])
    own = {stem: split_of(project, stem) for stem in stems}
    assert set(own.values()) == set(Split)
    queueing.add_prompts(project=project, conversations=[talk(stem + "!") for stem in stems])
    assert all(split_of(project, stem + "!") == own[stem] for stem in stems)
    alone = {is_held_out(salt=project.salt, root=stem + "!", share=0.5) == (own[stem] == "held_out") for stem in stems}
    assert False in alone  # by themselves some would have gone to the other side


def test_near_duplicates_of_one_batch_go_together(db) -> None:
    project = project_of_ada(held_out_share=0.5)
    chance = random.Random(9)
    texts = [stem + end for stem in (text(chance) for _ in range(20)) for end in ("", "!", "?")]
    placed = queueing.add_prompts(project=project, conversations=[talk(one) for one in texts])
    for first in range(0, 60, 3):
        assert len({place.split for place in placed[first : first + 3]}) == 1
    assert {place.split for place in placed} == set(Split)


def test_every_prompt_of_one_root_is_on_one_side(db) -> None:
    project = project_of_ada(held_out_share=0.5)
    openings = [[*talk(f"Question {n}"), {"role": "assistant", "content": "Yes?"}] for n in range(20)]
    placed = queueing.add_prompts(
        project=project, conversations=[[*opening, *talk(more)] for opening in openings for more in ("a", "b")]
    )
    assert all(one.split == other.split for one, other in zip(placed[::2], placed[1::2], strict=True))
    assert PromptRoot.objects.count() == 20


@pytest.mark.parametrize("few", [0, 10_000])
def test_twins_among_stored_roots_are_found_by_the_index_and_by_reading_all(db, monkeypatch, few) -> None:
    monkeypatch.setattr(splitting, "FEW", few)
    project = project_of_ada(held_out_share=0.5)
    chance = random.Random(10)
    stems = [text(chance) for _ in range(30)]
    with transaction.atomic():
        roots = Roots(project)
        first = assign_splits(project, stems[:20], roots=roots)
        more = assign_splits(project, [*stems[10:], *(stem + "." for stem in stems)], roots=roots)
    assert [root.id for root in more[:10]] == [root.id for root in first[10:]]
    by_stem = dict(zip([*stems[:20], *stems[20:]], [*first, *more[10:20]], strict=True))
    for stem, twin in zip(stems, more[20:], strict=True):
        assert twin.split == by_stem[stem].split and twin.id != by_stem[stem].id


def test_a_later_transaction_finds_twins_that_an_earlier_one_stored(db, monkeypatch) -> None:
    monkeypatch.setattr(splitting, "FEW", 0)
    project = project_of_ada(held_out_share=0.5)
    chance = random.Random(11)
    stems = [text(chance) for _ in range(20)]
    first = assign_splits(project, stems)
    second = assign_splits(project, [stem + "," for stem in stems])
    assert [root.split for root in first] == [root.split for root in second]


def test_stored_bands_are_those_of_the_text(db) -> None:
    project = project_of_ada()
    queueing.add_prompt(project=project, messages=talk("Boil an egg for four minutes."))
    root = PromptRoot.objects.get()
    signed = near_duplicates.signatures([root.text])
    assert root.bands == near_duplicates.bands(signed)[0].tolist()


def test_bands_stay_the_same_from_version_to_version() -> None:
    """Stored roots are found by these numbers: a change here would let near-duplicates cross the line."""
    keys = near_duplicates.bands(near_duplicates.signatures(["boil an egg for four minutes."]))[0]
    assert keys[:2].tolist() == KNOWN_BANDS


KNOWN_BANDS = [-698507197144601935, -773188625514713732]
