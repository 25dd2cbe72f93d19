"""How a project begins: its settings, its prompts, and the first policy as version 1."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from labeling.actions.projecting import create_project
from labeling.actions.queueing import add_prompts
from labeling.models import Person, PolicySource, Project
from training.learning import starter
from training.learning.digests import weights_digest
from training.learning.starter.prompts import held_out_prompts, training_prompts
from training.models import PolicyVersion
from training.policy_check import check_policy

STARTER = "starter"  # what `load_policy` takes; a path would break when the checkout moves
STARTER_FILES = Path(starter.__file__).parent / "model"
STARTER_TRAINING, STARTER_HELD_OUT = 450, 150


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
    # The starter is this repository's own, and tested: loading it here would only cost seconds.
    if source == PolicySource.STARTER:
        directory, digest = STARTER, weights_digest(STARTER_FILES)
    else:
        known = check_policy(str(settings["policy_ref"]))
        directory, digest = known["directory"], known["digest"]
    with transaction.atomic():
        project = create_project(by=by, settings=settings, guidelines=guidelines)
        texts = list(prompts)
        if starter_prompts:
            texts += training_prompts(STARTER_TRAINING, seed=1) + held_out_prompts(STARTER_HELD_OUT, seed=1)
        add_prompts(
            project=project, conversations=[[{"role": "user", "content": text}] for text in texts], origin="page"
        )
        first_policy(project=project, directory=directory, digest=digest)
    return project


def first_policy(*, project: Project, directory: str, digest: str) -> PolicyVersion:
    """Version 1: it answers from now on, and KL is measured from it. Its files stay where they are."""
    return PolicyVersion.objects.create(
        project=project,
        number=1,
        directory=directory,
        digest=digest,
        bytes=0,  # not this project's to delete, so it does not count against its disk budget
        state=PolicyVersion.State.PROMOTED,
        current=True,
        anchor=True,
        state_reason="The policy that the project began with.",
        promoted_at=timezone.now(),
    )


SEEDED = {
    "name": "Everyday answers",
    "description": "Small requests of every day, answered by the policy that Heed brings along. Teach it your taste.",
    "question": "Which answer would you rather get?",
}
GUIDELINES = """Which of the two answers would **you** rather get?

There is no right answer here: decide on a taste and stay with it, and watch the policy follow. For instance

- short answers, or rich ones;
- answers that ask back before they advise;
- numbers and examples instead of general words;
- a warm tone, or a sober one.

If both are useless, say so: *both are bad* is an answer too. If you cannot tell, say that.
"""


def seed(*, by: Person) -> Project:
    """The project of the first run, so that there is something to judge within seconds."""
    return begin_project(by=by, settings=SEEDED, guidelines=GUIDELINES, starter_prompts=True)
