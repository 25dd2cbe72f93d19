"""A cast of three: Olive owns, Rune researches, Ada annotates; and Stan, a stranger."""

from dataclasses import dataclass

import pytest
from django.test import Client

from labeling.actions.projecting import create_project
from labeling.models import Membership, Person, Project, Role


@dataclass(frozen=True)
class Cast:
    """A project and its people, each with a signed-in browser."""

    project: Project
    olive: Person
    rune: Person
    ada: Person
    stan: Person

    def client(self, person: Person) -> Client:
        browser = Client()
        browser.force_login(person)
        return browser

    def url(self, rest: str = "") -> str:
        return f"/p/{self.project.slug}/{rest}"


@pytest.fixture
def cast(db: None) -> Cast:
    olive, rune, ada, stan = (Person.objects.create_user(name) for name in ("olive", "rune", "ada", "stan"))
    project = create_project(by=olive, settings={"name": "Kind letters"}, guidelines="Prefer **kind** letters.")
    Membership.objects.create(project=project, person=rune, role=Role.RESEARCHER)
    Membership.objects.create(project=project, person=ada, role=Role.ANNOTATOR)
    return Cast(project, olive, rune, ada, stan)
