"""A project with something to judge, people who can sign in, and a browser signed in as one of them."""

import hashlib
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore

from labeling.models import (
    Arm,
    Comparison,
    ComparisonResponse,
    GuidelineVersion,
    Membership,
    Person,
    Project,
    Prompt,
    PromptRoot,
    Response,
    Role,
    Split,
)

Message = dict[str, str]


def project_with(*pairs: tuple[str | list[Message], str, str], **settings_of: Any) -> Project:
    """A project whose queue holds these (prompt, response, response), in this order."""
    project = Project.objects.create(**{"name": "Letters", "slug": "letters", "random_share": 0.0, **settings_of})
    GuidelineVersion.objects.create(project=project, number=1, text="Prefer the answer that **helps**.")
    for prompt, first, second in pairs:
        add_comparison(project, prompt, first, second)
    return project


def add_comparison(project: Project, prompt: str | list[Message], first: str, second: str) -> Comparison:
    messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
    digest = hashlib.sha256(repr(messages).encode()).hexdigest()
    root = PromptRoot.objects.create(
        project=project, digest=digest, text=messages[0]["content"], bands=[], split=Split.TRAIN
    )
    asked = Prompt.objects.create(project=project, root=root, messages=messages, digest=digest, split=Split.TRAIN)
    comparison = Comparison.objects.create(project=project, prompt=asked, arm=Arm.CHOSEN)
    for position, text in enumerate((first, second)):
        response = Response.objects.create(prompt=asked, messages=[{"role": "assistant", "content": text}])
        ComparisonResponse.objects.create(comparison=comparison, response=response, position=position)
    return comparison


def member(project: Project, name: str = "charlie", role: str = Role.ANNOTATOR) -> Person:
    person = Person.objects.create_user(username=name, password="a long password")
    Membership.objects.create(project=project, person=person, role=role)
    return person


def sign_in(page: Any, person: Person, url: str) -> None:
    """Give the browser a session, as signing in would."""
    session = SessionStore()
    session[SESSION_KEY] = str(person.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = person.get_session_auth_hash()
    session.create()
    name = cookie_name(page, url)
    page.context.add_cookies([{"name": name, "value": session.session_key, "url": url}])


def cookie_name(page: Any, url: str) -> str:
    """The site names its cookies after its address."""
    from alignment_site import env

    return env.cookie_names(url)[0]


def long_answer(words: int, seed: str) -> str:
    sentence = f"This is a plain sentence of the {seed} answer that goes on for a while. "
    return (sentence * (words // 13 + 1)).strip()
