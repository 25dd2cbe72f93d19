"""A small world for the tests of the machines' room: a project, its people, prompts, pairs and judgments."""

import hashlib
import itertools
import uuid
from typing import Any

from labeling.models import (
    Arm,
    Comparison,
    ComparisonResponse,
    Judgment,
    Membership,
    Person,
    Project,
    Prompt,
    PromptRoot,
    Response,
    Role,
    Source,
    Split,
    State,
)
from training.models import PolicyVersion

_numbers = itertools.count(1)


def a_project(**settings: Any) -> Project:
    number = next(_numbers)
    return Project.objects.create(name=f"Letters {number}", slug=f"letters-{number}", **settings)


def a_person(project: Project, role: str = Role.ANNOTATOR) -> Person:
    person = Person.objects.create_user(username=f"person-{next(_numbers)}")
    Membership.objects.create(project=project, person=person, role=role)
    return person


def a_prompt(project: Project, text: str = "", split: str = Split.TRAIN) -> Prompt:
    text = text or f"Write a note, number {next(_numbers)}."
    digest = hashlib.sha256(text.encode()).hexdigest()
    root = PromptRoot.objects.create(project=project, digest=digest, text=text, bands=[], split=split)
    messages = [{"role": "user", "content": text}]
    return Prompt.objects.create(project=project, root=root, messages=messages, digest=digest, split=split)


def a_response(prompt: Prompt, text: str = "", policy: PolicyVersion | None = None) -> Response:
    text = text or f"Here is answer {next(_numbers)}."
    own: dict[str, Any] = {}
    if policy is not None:
        own = {
            "policy_version": policy,
            "sampler": {},
            "seed": next(_numbers),
            "token_ids": [1],
            "token_logprobs": [-1.0],
            "stopped": True,
        }
    return Response.objects.create(prompt=prompt, messages=[{"role": "assistant", "content": text}], **own)


def a_comparison(prompt: Prompt, first: str | Response = "", second: str | Response = "", **more: Any) -> Comparison:
    given = [text if isinstance(text, Response) else a_response(prompt, text) for text in (first, second)]
    comparison = Comparison.objects.create(project=prompt.project, prompt=prompt, **{"arm": Arm.CHOSEN, **more})
    for position, response in enumerate(given):
        ComparisonResponse.objects.create(comparison=comparison, response=response, position=position)
    return comparison


def a_telling(prompt: Prompt, text: str, kind: str, **more: Any) -> Comparison:
    """What an import tells of one response; `kind` says what."""
    settings = {"arm": Arm.IMPORTED, "state": State.FULL, **more}
    comparison = Comparison.objects.create(project=prompt.project, prompt=prompt, kind=kind, **settings)
    ComparisonResponse.objects.create(comparison=comparison, response=a_response(prompt, text), position=0)
    return comparison


def a_judgment(comparison: Comparison, answer: int, person: Person | None = None, **more: Any) -> Judgment:
    """`answer` is the key clicked with the stored order shown: 1 to 3 prefer position 0, 5 to 7 position 1."""
    return Judgment.objects.create(
        uuid=uuid.uuid4(),
        project=comparison.project,
        comparison=comparison,
        person=person or a_person(comparison.project),
        answer=answer,
        **{"order_shown": [0, 1], "source": Source.PERSON, **more},
    )


def a_policy(project: Project, number: int = 1, **more: Any) -> PolicyVersion:
    values = {"directory": "starter", "digest": f"digest-{number}", "state": PolicyVersion.State.PROMOTED}
    return PolicyVersion.objects.create(project=project, number=number, **{**values, **more})
