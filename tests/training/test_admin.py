"""The operators' administration: every list opens, and nothing that people or the loop wrote can be changed."""

import pytest
from django.contrib import admin
from django.test import Client

from labeling.models import Judgment, Person
from tests.training.cast import a_comparison, a_judgment, a_policy, a_project, a_prompt

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(Person.objects.create_superuser("operator"))
    return client


def own_models() -> list[tuple[str, str]]:
    rows = [(model._meta.app_label, str(model._meta.model_name)) for model in admin.site._registry]
    return [row for row in rows if row[0] in ("labeling", "training")]


def test_every_list_opens(operator: Client) -> None:
    project = a_project()
    a_policy(project)
    a_judgment(a_comparison(a_prompt(project)), 1)
    assert len(own_models()) > 15
    for app, model in own_models():
        assert operator.get(f"/admin/{app}/{model}/").status_code == 200, (app, model)


def test_a_judgment_can_be_looked_at_and_not_changed(operator: Client) -> None:
    judgment = a_judgment(a_comparison(a_prompt(a_project())), 1)
    page = f"/admin/labeling/judgment/{judgment.pk}/change/"
    assert operator.get(page).status_code == 200
    assert operator.post(page, {"answer": 7}).status_code == 403
    assert operator.post(f"/admin/labeling/judgment/{judgment.pk}/delete/", {"post": "yes"}).status_code == 403
    assert operator.get("/admin/labeling/judgment/add/").status_code == 403
    assert Judgment.objects.get(pk=judgment.pk).answer == 1


def test_the_administration_is_for_staff(client: Client) -> None:
    client.force_login(Person.objects.create_user("annotator"))
    assert client.get("/admin/labeling/judgment/").status_code == 302
