"""Fresh responses of the current policy into the queue: the arm by a coin first, then, for the chosen arm, the
pair that tells the posterior most."""

import random
from collections.abc import Sequence
from datetime import timedelta
from itertools import combinations

import numpy as np
from django.db.models import Count, Q
from django.utils import timezone

from labeling.actions.queueing import NewComparison, add_comparisons
from labeling.models import Arm, Comparison, Kind, Project, Prompt, State
from training.answering import Shelf, answer, kin_seeds
from training.dials import sampler
from training.models import PolicyVersion
from training.posterior.features import compute_features, differences
from training.posterior.head import METHOD, best_pairs
from training.posterior.owner import Owner
from training.snapshot import training_prompts

SLICE = 24  # comparisons added in one step of the loop, so that duels and people never wait long for it
CANDIDATES = 4  # responses sampled to choose one pair from
REPEAT_AFTER = timedelta(minutes=10)  # nobody is asked again at once


def missing(project: Project) -> int:
    """How many comparisons the queue lacks; 0 while that is too few to sample for, because a batch costs little
    more than one response."""
    open_now = project.comparisons.filter(
        state=State.OPEN, superseded_at__isnull=True, arm__in=[Arm.CHOSEN, Arm.RANDOM]
    ).count()
    lacking = project.queue_target - open_now
    return lacking if lacking >= min(SLICE, max(1, project.queue_target // 4)) else 0


def fill(
    *, project: Project, shelf: Shelf, owner: Owner | None, chance: random.Random, count: int = SLICE
) -> list[int]:
    """Add up to `count` comparisons of fresh responses to training prompts. Returns their ids.

    Without an owner of a posterior that has learned something, every pair is as good as another: two responses
    are sampled then, not four.
    """
    policy = project.policies.filter(current=True).first()
    prompts = least_asked(project, count, chance)
    if policy is None or not prompts:
        return []
    arms = [Arm.RANDOM if chance.random() < project.random_share else Arm.CHOSEN for _ in prompts]
    knows = owner if owner is not None and owner.posterior.judgments else None
    wide = CANDIDATES if knows else 2
    sampled = _sample(project, shelf, policy, prompts, [2 if arm == Arm.RANDOM else wide for arm in arms], chance)
    made = [
        _comparison(prompt, arm, responses, knows)
        for prompt, arm, responses in zip(prompts, arms, sampled, strict=True)
    ]
    return add_comparisons(project=project, comparisons=made)


def least_asked(project: Project, count: int, chance: random.Random) -> list[Prompt]:
    """Training prompts, those with the fewest comparisons first, in random order among equals."""
    asked = Count("comparisons", filter=~Q(comparisons__state=State.WITHDRAWN) & Q(comparisons__kind=Kind.PAIR))
    counts = list(training_prompts(project).annotate(asked=asked).values_list("asked", "pk"))
    ordered = [pk for _, _, pk in sorted((number, chance.random(), pk) for number, pk in counts)][:count]
    prompts = Prompt.objects.in_bulk(ordered)
    return [prompts[pk] for pk in ordered]


def _sample(
    project: Project,
    shelf: Shelf,
    policy: PolicyVersion,
    prompts: Sequence[Prompt],
    counts: Sequence[int],
    chance: random.Random,
) -> list[list[int]]:
    """So many fresh responses to each prompt, all in one batch; ids by prompt."""
    repeated = [prompt for prompt, count in zip(prompts, counts, strict=True) for _ in range(count)]
    settings = sampler(project)
    seeds = [seed for count in counts for seed in kin_seeds(settings, chance, count)]
    made = iter(answer(shelf=shelf, version=policy, prompts=repeated, settings=settings, seeds=seeds))
    return [[next(made) for _ in range(count)] for count in counts]


def _comparison(prompt: Prompt, arm: Arm, responses: list[int], owner: Owner | None) -> NewComparison:
    if arm == Arm.RANDOM or owner is None:
        method = "random" if arm == Arm.RANDOM else "first pair"
        return NewComparison(prompt_id=prompt.pk, response_ids=responses[:2], arm=arm, method=method)
    pair, score = most_telling(owner, responses)
    return NewComparison(
        prompt_id=prompt.pk, response_ids=pair, arm=arm, method=METHOD, score=score, model_version=owner.name
    )


def most_telling(owner: Owner, responses: Sequence[int]) -> tuple[tuple[int, int], float]:
    """The pair, out of some responses to one prompt, whose answer the posterior would learn most from."""
    vectors = compute_features(owner.model, responses)
    pairs = list(combinations(responses, 2))
    scores = best_pairs(owner.posterior, differences(vectors, pairs))
    best = int(np.argmax(scores))
    return pairs[best], float(scores[best])


def missing_repeats(project: Project) -> int:
    """How many repeats the queue lacks: as many as their share of it."""
    if not project.repeat_share:
        return 0
    waiting = project.comparisons.filter(state=State.OPEN, arm=Arm.REPEAT).count()
    return max(0, round(project.repeat_share * project.queue_target) - waiting)


def add_repeats(*, project: Project, count: int, chance: random.Random) -> list[int]:
    """Ask some earlier comparisons once more, of the people who judged them: that measures how steady they are."""
    before = timezone.now() - REPEAT_AFTER
    rows = Comparison.objects.filter(
        project=project,
        state=State.FULL,
        arm__in=[Arm.CHOSEN, Arm.RANDOM],
        created_at__lt=before,
        repeated_by__isnull=True,
        judgments__person__isnull=False,
    ).distinct()
    recent = list(rows.order_by("-pk").values_list("pk", flat=True)[:200])
    picked = Comparison.objects.filter(pk__in=chance.sample(recent, min(count, len(recent))))
    made = [
        NewComparison(
            prompt_id=old.prompt_id,
            response_ids=list(old.entries.order_by("position").values_list("response_id", flat=True)),
            arm=Arm.REPEAT,
            method="repeat",
            needs=1,
            repeats_id=old.pk,
        )
        for old in picked
    ]
    return add_comparisons(project=project, comparisons=made) if made else []
