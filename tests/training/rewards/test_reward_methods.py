"""Every reward method as a job: it trains on its own data, saves, is read back, stops and goes on."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification

from tests.training.learning.tiny import save_tiny, tiny_policy
from tests.training.rewards.test_pairwise import likes_questions, pairs, row, said
from training.learning.catalogue.reward_models import REWARDS
from training.learning.devices import resolve
from training.learning.job import Job, Stopped
from training.learning.jobs import run_job
from training.learning.logprobs import response_logprobs
from training.learning.online.best_against_worst import best_against_worst
from training.learning.online.ranking import RewardRanker
from training.learning.recipes import LoraSettings, OptimSettings, RewardRecipe
from training.learning.rewards.ensemble import RewardEnsemble
from training.learning.rewards.fast.likelihood import sigmoid
from training.learning.rewards.frozen import Shared
from training.learning.rewards.heads.attributes import AttributeReward
from training.learning.rewards.heads.contexts import ContextReward
from training.learning.rewards.heads.general_preference import GeneralPreference, train_general_preference
from training.learning.rewards.heads.goals import GoalReward
from training.learning.rewards.heads.headed import HeadedReward
from training.learning.rewards.heads.hybrid import HybridReward, hybrid_part, referred_items
from training.learning.rewards.heads.implicit import ImplicitReward
from training.learning.rewards.heads.items import micro_of, pair_items
from training.learning.rewards.heads.scalar import scalar_loss
from training.learning.rewards.heads.stepwise import StepReward
from training.learning.rewards.interface import round_robin
from training.learning.rewards.lesson import Lesson, Progress
from training.learning.rewards.loading import load_reward
from training.learning.rewards.methods import reward_method
from training.learning.rewards.reading import conversation, layout
from training.learning.rows import PreferenceRow

OPTIM = OptimSettings(learning_rate=1e-3, batch_size=16, num_train_epochs=1.0, save_steps=1)


def asks(text: str) -> float:
    return float("?" in text)


def rich(one: PreferenceRow, number: int) -> PreferenceRow:
    """The row with everything that any method could want: who likes questions also rates, marks and names it."""
    texts = [side[0]["content"] for side in one.responses]
    by_length = number % 2 == 1
    gap = len(texts[1]) - len(texts[0]) if by_length else asks(texts[0]) - asks(texts[1])
    return replace(
        one,
        p=float(gap > 0) if gap else 0.5,
        ratings=tuple({"helpfulness": 4 * asks(text), "verbosity": len(text) / 10} for text in texts),
        steps=tuple([asks(line) for line in text.split("\n")] for text in texts),
        criterion="be brief" if by_length else "ask back",
    )


def demonstration(one: PreferenceRow) -> PreferenceRow:
    """What was preferred shows how to answer, beside the other one."""
    first, second = one.responses
    shown = (first, second) if one.p == 1.0 else (second, first)
    return replace(one, kind="demonstration", responses=shown, p=1.0, strength=None)


def rows_for(key: str, count: int = 48, seed: int = 0) -> list[PreferenceRow]:
    rows = likes_questions(count, seed)
    if key == "context_aware":
        return [rich(one, number) for number, one in enumerate(rows)]
    if key == "adversarial_feedback":
        return [demonstration(one) for one in rows if one.p != 0.5]
    return [replace(rich(one, 0), criterion="") for one in rows]


def job_of(tmp_path: Path, key: str, name: str = "job", rows: list[PreferenceRow] | None = None, **dials: Any) -> Path:
    recipe = RewardRecipe(method=key, optim=OPTIM, **dials)
    directory, base = tmp_path / name, tmp_path / "base"
    if not base.is_dir():
        save_tiny(base)
    Job("reward", str(base), recipe.to_json(), compute=replace(resolve(), threads=1).to_json()).write(
        directory, rows_for(key) if rows is None else rows
    )
    return directory


def trained(tmp_path: Path, key: str, **dials: Any) -> tuple[Path, dict[str, Any]]:
    directory = job_of(tmp_path, key, **dials)
    return directory / "model", run_job(directory, lambda *told: None, lambda: False)


@pytest.mark.slow
@pytest.mark.computes
@pytest.mark.parametrize("key", [method.key for method in REWARDS])
def test_every_method_trains_on_its_data_is_read_back_and_orders_fresh_answers(key: str, tmp_path: Path) -> None:
    place, result = trained(tmp_path, key)
    assert result["method"] == key
    assert json.loads((place / "reward.json").read_text())["method"] == key
    fresh = [one for one in rows_for(key, 24, seed=5) if one.p != 0.5]
    told = RewardEnsemble.load(place).judged(fresh)
    assert np.mean((told > 0.5) == np.array([one.p == 1.0 for one in fresh])) > 0.8
    assert not list(place.rglob("*.bin"))


@pytest.mark.parametrize(
    ("key", "dials"),
    [
        ("helpsteer2", {"form": "regression", "attribute": "verbosity"}),
        pytest.param("plackett_luce_pessimism", {"kwise": False}, marks=pytest.mark.slow),
        pytest.param("hybrid_haf", {}, marks=pytest.mark.slow),
        pytest.param("goal_conditioned", {}, marks=pytest.mark.slow),
        pytest.param("helpsteer2", {"form": "scaled"}, marks=pytest.mark.slow),
        pytest.param("helpsteer2", {"extrapolation": 1.5}, marks=pytest.mark.slow),
        pytest.param("adversarial_feedback", {"label_smoothing": 0.1}, marks=pytest.mark.slow),
    ],
)
def test_plain_transformers_gives_the_same_scores(key: str, dials: dict[str, Any], tmp_path: Path) -> None:
    place, _ = trained(tmp_path, key, **dials)
    model = load_reward(place)
    assert isinstance(model, HeadedReward)
    outputs = 2 if dials.get("form") == "regression" else 1
    plain = AutoModelForSequenceClassification.from_pretrained(place).eval()
    assert plain.config.num_labels == outputs
    asked = pairs(rows_for(key, 4))
    groups = [model.group(prompt, [side]) for prompt, side in asked]
    with torch.no_grad():
        theirs = [plain(torch.tensor([(*g.prompt, *g.responses[0])])).logits[0, -1].item() for g in groups]
    assert np.allclose(model.score(asked), theirs, atol=1e-4)
    assert np.ptp(theirs) > 1e-3


@pytest.mark.slow
@pytest.mark.computes
@pytest.mark.parametrize("key", ["helpsteer2", "general_preference", "hybrid_haf", "goal_conditioned", "implicit"])
def test_a_stopped_job_of_any_method_ends_with_the_same_weights(key: str, tmp_path: Path) -> None:
    whole = run_job(job_of(tmp_path, key), lambda *told: None, lambda: False)
    broken = job_of(tmp_path, key, "broken")
    stops = iter([True, False, False, True])
    for _ in range(4):
        try:
            again = run_job(broken, lambda *told: None, lambda: next(stops, False))
            break
        except Stopped:
            continue
    assert again["digest"] == whole["digest"]


def cycle(count: int) -> list[PreferenceRow]:
    """Rock beats scissors, scissors beat paper, paper beats rock, each time with another number in the prompt."""
    beats = [("The sea is wide.", "Thanks!"), ("Thanks!", "It is blue."), ("It is blue.", "The sea is wide.")]
    found = []
    for number in range(count):
        best, worst = beats[number % 3]
        found.append(row(number // 3, best, worst, 1.0) if number % 2 else row(number // 3, worst, best, 0.0))
    return found


def lesson_on(tmp_path: Path, rows: list[PreferenceRow], recipe: RewardRecipe) -> Lesson:
    progress = Progress(lambda *told: None, 1)
    policy = tiny_policy(tmp_path / "policy")
    return Lesson(policy, rows, [], recipe, recipe.optim, tmp_path / "work", progress)


def test_a_general_preference_learns_a_cycle_of_texts_and_round_robin_finds_no_best(tmp_path: Path) -> None:
    optim = OptimSettings(learning_rate=5e-3, batch_size=9, num_train_epochs=12.0)
    recipe = RewardRecipe(method="general_preference", embedding_size=4, optim=optim)
    rows = cycle(27)
    model = train_general_preference(lesson_on(tmp_path, rows, recipe))
    told = model.judged(rows)
    assert ((told > 0.6) == np.array([one.p == 1.0 for one in rows])).all()
    first, second = ([(one.prompt, one.responses[side]) for one in rows] for side in (0, 1))
    assert np.allclose(model.probability(first, second) + model.probability(second, first), 1.0)
    three = [said("assistant", text) for text in ("The sea is wide.", "Thanks!", "It is blue.")]
    shares = round_robin(model.compare, model.summarise([(rows[0].prompt, one) for one in three]))
    assert shares.sum() == pytest.approx(1.5)
    assert np.ptp(shares) < 0.2
    # Of two, the one that beats the other is best, whichever comes first: no scalar says that of all three pairs.
    ensemble = RewardEnsemble((model,))
    beats = [(0, 1), (1, 2), (2, 0)]
    assert [ensemble.best_of(rows[0].prompt, [three[best], three[worst]]) for best, worst in beats] == [0, 0, 0]
    assert [ensemble.best_of(rows[0].prompt, [three[worst], three[best]]) for best, worst in beats] == [1, 1, 1]
    # A policy run labels and ranks its pairs by the same word.
    ranker = RewardRanker(ensemble)
    assert np.allclose(ranker.probability(ranker.read(first), ranker.read(second)), model.probability(first, second))
    for best, worst in beats:
        texts = [three[place][0]["content"] for place in (worst, best)]
        [pair] = best_against_worst([(rows[0].prompt, texts)], ranker, sure=0.5)
        assert pair.responses[0] == three[best]
        assert pair.p > 0.6
    model.save(tmp_path / "reward", "card")
    again = GeneralPreference.load(tmp_path / "reward")
    assert np.allclose(again.score(pairs(rows[:4])), model.score(pairs(rows[:4])), atol=1e-4)


def test_hybrid_training_without_its_second_term_is_bradley_terry_and_with_it_dpo_is_added(tmp_path: Path) -> None:
    policy = tiny_policy(tmp_path / "policy")
    model = HybridReward.from_policy(policy, 1, {"method": "hybrid_haf", "max_length": 64})
    rows = likes_questions(6)
    items = referred_items(model, policy, rows)
    model.speak_like(policy)
    torch.nn.init.normal_(model.head.weight)
    groups = [model.group(item.prompt, item.responses) for item in items]
    micro = micro_of(model, layout(model.classifier), groups, items, range(6))
    plain = micro_of(model, layout(model.classifier), groups, pair_items(rows), range(6))
    alone = hybrid_part(model, micro, RewardRecipe(method="hybrid_haf", policy_weight=0.0))
    assert float(alone.loss.detach()) == pytest.approx(float(scalar_loss(model, plain, RewardRecipe()).loss.detach()))
    both = hybrid_part(model, micro, RewardRecipe(method="hybrid_haf", policy_weight=0.5))
    # The policy is its own reference yet: every margin is 0, so DPO is log 2 a pair.
    assert float((both.loss - alone.loss).detach()) == pytest.approx(0.5 * 6 * np.log(2.0), rel=1e-4)
    assert any(value is policy.model.get_input_embeddings().weight for value in model.parameters())


def test_the_implicit_reward_is_the_difference_of_log_probabilities(tmp_path: Path) -> None:
    ours, reference = tiny_policy(tmp_path / "ours", seed=1), tiny_policy(tmp_path / "reference", seed=2)
    model = ImplicitReward(ours, reference, beta=0.3, max_length=64)
    asked = pairs(likes_questions(3))
    model.save(tmp_path / "reward", "card")
    groups = [ours.text.group(prompt, [side]) for prompt, side in asked]
    mine, other = ([float(one[0].sum()) for one in response_logprobs(who, groups)] for who in (ours, reference))
    expected = 0.3 * (np.array(mine) - np.array(other))
    assert np.allclose(model.score(asked), expected, atol=1e-4)
    assert np.allclose(load_reward(tmp_path / "reward").score(asked), expected, atol=1e-4)


class Watched(Lesson):
    """Keeps what it would have trained on first."""

    def fit(self, module: Any, steps: Any, *how: Any, **more: Any) -> None:
        self.findings["first"] = list(steps[0])


@pytest.mark.parametrize("method", ["implicit", "hybrid_haf"])
def test_the_reference_of_a_run_in_bf16_is_read_in_bf16_as_the_policy_is(method: str, tmp_path: Path) -> None:
    recipe = RewardRecipe(method=method, max_length=64, optim=OptimSettings(batch_size=64))
    rows, policy = likes_questions(24), tiny_policy(tmp_path / "policy")
    plan = replace(resolve(), threads=1, dtype="bfloat16")
    shared = Shared(tmp_path / "cache", compute=plan)
    lesson = Watched(policy, rows, [], recipe, recipe.optim, tmp_path / "work", Progress(print, 1), shared=shared)
    unread = policy.text.end_ids[0] if method == "hybrid_haf" else -1  # a head reads no padding, which the end is here
    groups = [conversation(policy.text, unread, 64, one.prompt, one.responses) for one in rows]

    def sums() -> Any:
        return np.sort([float(value.sum()) for both in response_logprobs(policy, groups) for value in both])

    exact = sums()
    with plan.autocast():
        rounded = sums()
    reward_method(recipe).train(lesson)
    first = lesson.findings["first"]
    if method == "implicit":
        found = [float(value) for micro in first for value in micro.reference_P2.flatten()]
    else:
        found = [value for micro in first for _, both in micro.labels for value in both]
    gaps = [np.abs(np.sort(found) - known).mean() for known in (rounded, exact)]
    assert gaps[0] < 0.3 * gaps[1]  # bf16 itself rounds by how rows are laid out


def test_another_criterion_turns_the_verdict_round_and_without_one_all_are_weighed(tmp_path: Path) -> None:
    place, _ = trained(tmp_path, "context_aware")
    model = load_reward(place)
    assert isinstance(model, ContextReward)
    assert model.about["reversals"] >= 0
    prompt = said("user", "Tell me about sea 3.")
    long, short = (prompt, said("assistant", "Rivers, what about rivers?")), (prompt, said("assistant", "Thanks!"))
    by = {name: np.diff(model.score_by(name, [short, long]))[0] for name in ("ask back", "be brief")}
    assert by["ask back"] > 0 > by["be brief"]
    ranker = RewardRanker(RewardEnsemble((model,)))
    prior = dict(zip(model.about["criteria"], model.about["prior"], strict=True))
    expected = sum(prior[name] * float(sigmoid(gap)) for name, gap in by.items())
    assert model.probability([long], [short])[0] == pytest.approx(expected, abs=1e-5)
    seen = ranker.read([long, short])
    assert ranker.probability(seen[:1], seen[1:])[0] == pytest.approx(expected, abs=1e-5)
    gap = np.diff(ranker.utility(seen[::-1], np.zeros(2, dtype=np.int64)))[0]
    assert gap == pytest.approx(np.log(expected / (1 - expected)), abs=1e-4)
    assert model.judged([row(3, long[1][0]["content"], "Thanks!", 1.0)])[0] == pytest.approx(expected, abs=1e-5)


def test_lines_are_marked_at_their_ends_and_a_solution_is_all_of_them(tmp_path: Path) -> None:
    about = {"method": "stepwise", "max_length": 128, "solution": "min", "outcome_weight": 0.25}
    model = StepReward.from_policy(tiny_policy(tmp_path / "policy"), 2, about)
    torch.nn.init.normal_(model.head.weight)
    text = "One.\n\n  \nTwo!\nThree?"
    pair = (said("user", "Well?"), said("assistant", text))
    [response] = model.group(pair[0], [pair[1]]).responses
    ends = model.ends(response)
    read = [model.tokenizer.decode(response[: end + 1], skip_special_tokens=True).strip() for end in ends]
    assert [lines.split("\n")[-1] for lines in read] == ["One.", "Two!", "Three?"]
    assert ends[-1] == len(response) - 1
    [steps] = model.steps([pair])
    whole = torch.nn.functional.logsigmoid(torch.tensor(model.over([pair], model)[0, 1]))
    assert model.score([pair])[0] == pytest.approx(0.75 * np.log(steps.min()) + 0.25 * float(whole), abs=1e-5)
    model.about["solution"] = "product"
    assert model.score([pair])[0] == pytest.approx(0.75 * np.log(steps.prod()) + 0.25 * float(whole), abs=1e-5)


@pytest.mark.slow
@pytest.mark.computes
def test_steps_with_an_outcome_also_learn_from_whole_solutions(tmp_path: Path) -> None:
    place, _ = trained(tmp_path, "stepwise", outcome_weight=0.5, solution="min")
    model = load_reward(place)
    assert isinstance(model, StepReward)
    good, bad = (
        (said("user", "Tell me."), said("assistant", "Rivers?")),
        (said("user", "Tell me."), said("assistant", "Thanks!")),
    )
    assert np.diff(model.score([bad, good]))[0] > 0


def test_ratings_come_back_on_the_scale_that_people_used(tmp_path: Path) -> None:
    place, _ = trained(tmp_path, "helpsteer2", form="regression")
    model = load_reward(place)
    assert isinstance(model, AttributeReward)
    fresh = rows_for("helpsteer2", 8, seed=3)
    rated = model.ratings(pairs(fresh))
    known = np.array([side["helpfulness"] for one in fresh for side in one.ratings or ()])
    assert np.abs(rated[:, model.about["attributes"].index("helpfulness")] - known).mean() < 1.0


@pytest.mark.slow
@pytest.mark.computes
def test_progress_towards_a_goal_is_a_cosine_of_an_unfinished_answer(tmp_path: Path) -> None:
    place, _ = trained(tmp_path, "goal_conditioned")
    model = load_reward(place)
    assert isinstance(model, GoalReward)
    told = model.progress(pairs(rows_for("goal_conditioned", 3)))
    assert told.shape == (6,)
    assert (np.abs(told) <= 1.0 + 1e-6).all()
    assert float(model.extra["goal"].norm()) > 0


@pytest.mark.slow
@pytest.mark.computes
@pytest.mark.parametrize("key", ["davidson", "helpsteer2", "hybrid_haf", "implicit"])
def test_low_rank_adapters_train_any_method_and_leave_a_plain_model(key: str, tmp_path: Path) -> None:
    lora = LoraSettings(r=4, lora_alpha=16)
    place, result = trained(tmp_path, key, lora=lora)
    names = [name for file in place.rglob("*.safetensors") for name in load_file(file)]
    assert names
    assert not [name for name in names if "lora" in name or "base_layer" in name]
    before = load_file(tmp_path / "base" / "model.safetensors")
    after = load_file(place / "model.safetensors")
    same = [name for name in before if name in after and torch.equal(before[name], after[name])]
    assert any("embed" in name for name in same)
    assert not any("q_proj" in name for name in same)
    again = run_job(job_of(tmp_path, key, "again", lora=lora), lambda *told: None, lambda: False)
    assert again["digest"] == result["digest"]
