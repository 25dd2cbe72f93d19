"""How a project begins: its settings, its prompts, and the first policy as version 1."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from labeling.actions.projecting import create_project
from labeling.actions.queueing import add_prompts
from labeling.models import Person, PolicySource, Project
from training.learning.starter.prompts import held_out_prompts, training_prompts
from training.models import PolicyVersion
from training.policy_check import check_policy

STARTER_TRAINING, STARTER_HELD_OUT = 180, 60


def begin_project(
    *,
    by: Person,
    settings: Mapping[str, Any],
    guidelines: str = "",
    prompts: Sequence[str] = (),
    starter_prompts: bool = False,
) -> Project:
    """Create a project with its first policy. The worker then samples responses and fills the queue.

    Raises UnusablePolicy when the policy does not load, ValidationError where a setting is wrong.
    """
    source = settings.get("policy_source", PolicySource.STARTER)
    known = check_policy("starter" if source == PolicySource.STARTER else str(settings["policy_ref"]))
    with transaction.atomic():
        project = create_project(by=by, settings=settings, guidelines=guidelines)
        texts = list(prompts)
        if starter_prompts:
            texts += training_prompts(STARTER_TRAINING, seed=1) + held_out_prompts(STARTER_HELD_OUT, seed=1)
        add_prompts(
            project=project, conversations=[[{"role": "user", "content": text}] for text in texts], origin="page"
        )
        first_policy(project=project, directory=Path(known["directory"]), digest=known["digest"])
    return project


def first_policy(*, project: Project, directory: Path, digest: str) -> PolicyVersion:
    """Version 1: it answers from now on, and KL is measured from it. Its files stay where they are."""
    return PolicyVersion.objects.create(
        project=project,
        number=1,
        directory=str(directory),
        digest=digest,
        bytes=0,  # not this project's to delete, so it does not count against its disk budget
        state=PolicyVersion.State.PROMOTED,
        current=True,
        anchor=True,
        state_reason="The policy that the project began with.",
        promoted_at=timezone.now(),
    )
