"""Rows that are no verdicts: what was said of one response, and responses that show how to answer."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.training.learning.tiny import save_tiny, tiny_policy
from tests.training.rewards.test_pairwise import likes_questions, row, said
from training.learning.objectives import objective_of
from training.learning.objectives.learned import learned_from
from training.learning.objectives.singles import singles
from training.learning.recipes import OptimSettings, PolicyRecipe, RewardRecipe, SamplerSettings
from training.learning.rewards.beside_samples import beside_samples
from training.learning.rewards.heads.attributes import rated_items
from training.learning.rewards.heads.items import Micro, micro_of
from training.learning.rewards.heads.stepwise import StepReward, marked_items, step_part
from training.learning.rewards.needs import NEEDS, read_by
from training.learning.rewards.reading import layout
from training.learning.rows import PreferenceRow, judgments_behind, read_rows, verdicts, write_rows

SAMPLED = RewardRecipe(
    method="adversarial_feedback", optim=OptimSettings(seed=3), sampler=SamplerSettings(max_new_tokens=96)
)


def alone(number: int, text: str, kind: str, **more: Any) -> PreferenceRow:
    one = row(number, text, "unread", 1.0 if kind == "demonstration" else 0.5)
    return replace(one, kind=kind, responses=(said("assistant", text), []), judgment_ids=(), **more)


def test_rows_of_every_kind_come_back_from_their_file(tmp_path: Path) -> None:
    rows = [
        row(1, "Why?", "No.", 1.0),
        alone(2, "Because.", "assessment", ratings=({"clarity": 3.0}, {}), steps=([1.0], []), critiques=("Good.", "")),
        alone(3, "So.", "demonstration"),
    ]
    write_rows(tmp_path / "rows.jsonl", rows)
    assert list(read_rows(tmp_path / "rows.jsonl")) == rows
    assert "kind" not in (tmp_path / "rows.jsonl").read_text().split("\n")[0]
    assert verdicts(rows) == rows[:1]
    assert judgments_behind(rows) == 1
    with pytest.raises(ValueError, match="kind is one of pair, assessment, demonstration"):
        replace(rows[0], kind="poem")


@pytest.mark.parametrize(
    ("key", "kinds"),
    [
        ("davidson", {"pair"}),
        ("context_aware", {"pair"}),
        ("helpsteer2", {"pair", "assessment"}),
        ("stepwise", {"pair", "assessment"}),
        ("adversarial_feedback", {"pair", "demonstration"}),
    ],
)
def test_a_reward_method_reads_verdicts_and_what_else_it_learns_from(key: str, kinds: set[str]) -> None:
    rows = [row(1, "a", "b", 1.0), alone(2, "c", "assessment"), alone(3, "d", "demonstration")]
    assert {one.kind for one in read_by(key, rows)} == kinds
    assert all("pair" in need.kinds for need in NEEDS.values())


def test_a_rating_of_one_response_is_one_item_and_an_absent_side_is_none() -> None:
    rows = [alone(1, "a", "assessment", ratings=({"clarity": 3.0}, {})), row(2, "b", "c", 1.0)]
    [item] = rated_items(rows, ["clarity"])
    assert (item.responses, item.label) == ((rows[0].responses[0],), (3.0,))


def test_marks_of_one_response_cost_what_they_cost_beside_an_unmarked_one(tmp_path: Path) -> None:
    """A pair whose second side nobody marked is the same lesson as its first side alone."""
    about = {"method": "stepwise", "max_length": 128, "solution": "min", "outcome_weight": 0.5}
    model = StepReward.from_policy(tiny_policy(tmp_path), 2, about)
    torch.nn.init.normal_(model.head.weight)
    first = alone(1, "One line?\nAnother.", "assessment", steps=([1.0, 0.0], []))
    pair = replace(first, kind="pair", responses=(first.responses[0], said("assistant", "Unmarked.")))
    judged = replace(row(4, "Why?", "No.", 1.0), steps=([1.0], [0.0]))

    def cost(*rows: PreferenceRow) -> float:
        items = marked_items(rows, outcome=True)
        groups = [model.group(item.prompt, item.responses) for item in items]
        micro: Micro[Any] = micro_of(model, layout(model.classifier), groups, items, range(len(items)))
        return float(step_part(model, micro, outcome=True).loss.detach())

    assert cost(first) == pytest.approx(cost(pair), rel=1e-5)
    assert cost(first, judged, first) == pytest.approx(2 * cost(first) + cost(judged), rel=1e-5)


def test_every_demonstration_gets_a_sample_of_the_policy_beside_it_and_a_cut_one_goes(tmp_path: Path) -> None:
    save_tiny(tmp_path / "base")
    rows = [alone(number, "Like this.", "demonstration") for number in range(24)] + likes_questions(2)
    asked = {"device": "cpu", "path": tmp_path / "work" / "samples.jsonl"}
    found = beside_samples(rows, str(tmp_path / "base"), SAMPLED, **asked)
    shown = [one for one in found if one.kind == "demonstration"]
    assert found[-2:] == rows[-2:]
    assert 0 < len(shown) < 24
    assert all(one.responses[0] == said("assistant", "Like this.") and one.responses[1] for one in shown)


def test_a_resumed_run_reads_its_samples_and_other_rows_load_no_policy(tmp_path: Path) -> None:
    save_tiny(tmp_path / "base")
    rows = [alone(number, "Like this.", "demonstration") for number in range(12)]
    asked = {"device": "cpu", "path": tmp_path / "samples.jsonl"}
    found = beside_samples(rows, str(tmp_path / "base"), SAMPLED, **asked)
    written = (tmp_path / "samples.jsonl").read_text()
    assert beside_samples(rows, str(tmp_path / "base"), SAMPLED, **asked) == found
    assert (tmp_path / "samples.jsonl").read_text() == written
    assert beside_samples(found, "no such policy", SAMPLED, **asked) == found


def test_samples_that_never_end_are_refused_in_words(tmp_path: Path) -> None:
    save_tiny(tmp_path / "base")
    recipe = replace(SAMPLED, sampler=SamplerSettings(max_new_tokens=1))
    with pytest.raises(ValueError, match="none of 1 samples beside the demonstrations ended within 1 tokens"):
        beside_samples(
            [alone(1, "Like this.", "demonstration")],
            str(tmp_path / "base"),
            recipe,
            device="cpu",
            path=tmp_path / "samples.jsonl",
        )


@pytest.mark.parametrize("key", ["ift", "sft"])
def test_what_learns_from_good_answers_alone_learns_from_demonstrations_too(key: str) -> None:
    rows = [row(1, "a", "b", 1.0), alone(2, "c", "demonstration"), alone(3, "d", "assessment")]
    recipe = PolicyRecipe(loss_type=key)
    assert objective_of(recipe)
    found = learned_from(recipe, rows)
    assert [one.kind for one in found] == ["pair", "demonstration"]
    assert found[1].responses == (rows[1].responses[0],) * 2
    assert np.isclose(found[1].p, 1.0)


@pytest.mark.parametrize("key", ["kto", "bco", "apo_zero_unpaired"])
def test_what_learns_from_single_responses_learns_from_labels_of_them_too(key: str) -> None:
    labels = [alone(n, str(n), "assessment", ratings=({"label": good}, {})) for n, good in ((2, 1.0), (3, 0.0))]
    rows = [row(1, "a", "b", 1.0), *labels, alone(4, "d", "assessment", ratings=({"clarity": 3.0}, {}))]
    found = singles(learned_from(PolicyRecipe(loss_type=key), rows))
    assert [(one.response[0]["content"], one.good) for one in found] == [("a", 1.0), ("b", 0.0), ("2", 1.0), ("3", 0.0)]


def test_what_learns_from_differences_of_scores_is_dealt_no_ties() -> None:
    rows = [row(1, "a", "b", 0.5), row(2, "a", "b", 1.0), row(3, "c", "d", 0.5)]
    assert learned_from(PolicyRecipe(loss_type="score_dpo"), rows) == rows[1:2]
    assert learned_from(PolicyRecipe(loss_type="score_dpo"), rows[:1]) == rows[:1]  # refused later, in its own words
    assert learned_from(PolicyRecipe(loss_type="sigmoid"), rows) == rows


def test_any_other_objective_learns_from_verdicts_and_says_so_where_there_is_none() -> None:
    rows = [alone(2, "c", "demonstration"), row(1, "a", "b", 1.0)]
    assert learned_from(PolicyRecipe(loss_type="sigmoid"), rows) == rows[1:]
    mixed = PolicyRecipe(loss_type="sft", loss_weights={"sigmoid": 0.5})
    assert learned_from(mixed, rows) == rows[1:]
    with pytest.raises(ValueError, match="judge some, or choose ift or sft"):
        learned_from(PolicyRecipe(loss_type="sigmoid"), rows[:1])
