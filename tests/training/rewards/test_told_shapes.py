"""What imports tell, in every shape: odd spaces, empty answers, several turns, samples that were cut."""

import json
from collections.abc import Collection
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from labeling.formats.details import lines_of
from tests.training.learning.test_told_alone import alone
from tests.training.learning.tiny import save_tiny, tiny_policy
from tests.training.rewards.test_pairwise import likes_questions, said
from training.learning.job import Job, work_directory
from training.learning.jobs import run_job
from training.learning.online.rollouts import Rollout
from training.learning.recipes import OptimSettings, RewardRecipe
from training.learning.reward_job import refuse_unfit
from training.learning.rewards.beside_samples import at_last_answer
from training.learning.rewards.heads.items import micro_of
from training.learning.rewards.heads.stepwise import StepReward, marked_items, step_part
from training.learning.rewards.keeping import keep_back
from training.learning.rewards.reading import layout
from training.learning.rows import PreferenceRow

ODD = [
    *("a\r\nb\r\n", "a\n", "\n\na\n\n\nb\n", "", " \n", "\nabc", "a\x0bb\n\x1c\nc", "ü\né\n", "a\u2028b\nc"),
    *("\u00a0\nb", "a\n\u3000\nb", "a\x85\n\x85\nb", "\u200b\na"),
]


@pytest.fixture(scope="module")
def marking(tmp_path_factory: pytest.TempPathFactory) -> StepReward:
    about = {"method": "stepwise", "max_length": 128, "solution": "min", "outcome_weight": 0.0}
    model = StepReward.from_policy(tiny_policy(tmp_path_factory.mktemp("policy")), 1, about)
    torch.nn.init.normal_(model.head.weight)
    return model


@pytest.mark.parametrize("text", ODD)
def test_a_marked_line_is_the_same_to_the_import_and_to_the_reward(marking: StepReward, text: str) -> None:
    [steps] = marking.steps([(said("user", "Well?"), said("assistant", text))])
    assert len(steps) == len(lines_of(text))


def test_an_empty_answer_has_no_line_that_is_wrong(marking: StepReward) -> None:
    assert marking.score([(said("user", "Well?"), said("assistant", ""))]).tolist() == [0.0]


def test_lines_that_all_lie_beyond_the_limit_teach_nothing_and_end_no_run(marking: StepReward) -> None:
    items = marked_items([alone(1, "\n" * 400 + "Late.", "assessment", steps=([1.0], []))], outcome=False)
    groups = [marking.group(item.prompt, item.responses) for item in items]
    part = step_part(marking, micro_of(marking, layout(marking.classifier), groups, items, [0]), outcome=False)
    part.loss.backward()
    assert float(part.loss.detach()) == 0.0


def test_a_judged_pair_has_two_sides_though_one_of_them_says_nothing() -> None:
    [pair] = [replace(one, p=1.0, responses=(one.responses[0], [])) for one in likes_questions(1)]
    [item] = marked_items([pair], outcome=True)
    assert item.responses == pair.responses


def test_rows_of_which_no_line_was_marked_are_not_learned_from() -> None:
    blank, marked = (
        replace(one, steps=(marks, [])) for one, marks in zip(likes_questions(2), ([], [1.0]), strict=True)
    )
    assert [item.label.marks for item in marked_items([blank, marked], outcome=False)] == [((1.0,), ())]
    with pytest.raises(ValueError, match=r"learns from steps.*none of these 1 rows has that"):
        refuse_unfit(RewardRecipe(method="stepwise"), [blank], judge=False)


def test_of_a_demonstration_of_several_turns_the_last_answer_is_told_from_a_sample() -> None:
    one = alone(1, "Bread.", "demonstration")
    turns = [*said("assistant", "Bread."), *said("user", "How long?"), *said("assistant", "An hour.")]
    whole = at_last_answer(replace(one, responses=([*turns, *said("user", "Thanks!")], [])))
    assert whole.prompt == [*one.prompt, *turns[:2]]
    assert whole.responses == (turns[2:], [])
    assert at_last_answer(one) == one


OPTIM = OptimSettings(num_train_epochs=1.0, batch_size=16)


def job_of(tmp_path: Path, rows: list[PreferenceRow], cut: Collection[int] = ()) -> Path:
    """A job on demonstrations and verdicts, to which samples were drawn; of some demonstrations they met the limit."""
    recipe, folder = RewardRecipe(method="adversarial_feedback", optim=OPTIM), tmp_path / "job"
    Job("reward", str(save_tiny(tmp_path / "base")), recipe.to_json()).write(folder, rows)
    shown = [row.comparison_id for row in rows if row.kind == "demonstration"]
    drawn = [Rollout(place, "So.", (1,), -1.0, number not in cut) for place, number in enumerate(shown)]
    lines = "".join(json.dumps(asdict(one)) + "\n" for one in drawn)
    (work_directory(folder) / "samples.jsonl").write_text(lines)
    return folder


def learned_and_kept(count: int) -> tuple[list[PreferenceRow], list[PreferenceRow]]:
    return keep_back([alone(number, "Like this.", "demonstration") for number in range(count)])


def test_demonstrations_whose_samples_were_all_cut_are_missed_in_words(tmp_path: Path) -> None:
    """Each prompt is learned from or kept back: once the samples are there, only some kept back are left."""
    learned, kept = learned_and_kept(120)
    judged = keep_back(likes_questions(120))[0]
    folder = job_of(tmp_path, [*learned[:1], *kept, *judged], cut=[learned[0].comparison_id or 0])
    with pytest.raises(ValueError, match=r"learns from demonstrations.*So it is for member 1"):
        run_job(folder, lambda *told: None, lambda: False)


def test_what_was_measured_on_demonstrations_is_no_report_on_how_people_judge(tmp_path: Path) -> None:
    learned, kept = learned_and_kept(120)
    result = run_job(job_of(tmp_path, [*learned[:8], *kept]), lambda *told: None, lambda: False)
    assert (result["judgments"], result["kept_back"]) == (0, len(kept))
    assert result["accuracy"] > 0.5
    assert result["measured_on"] == "demonstrations beside samples" and "report" not in result
