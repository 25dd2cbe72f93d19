"""The catalogue on its page: what there is, which objective trains the project, and choosing another."""

import pytest
from django.test import Client
from django.urls import reverse

from labeling.forms import ProjectForm
from labeling.models import Person, Project, Role
from tests.training.cast import a_person, a_project
from training.choosing import (
    MODIFIERS,
    OBJECTIVES,
    REWARDS,
    chosen_objective,
    chosen_policy,
    modifiers_in_use,
    rewards_in_use,
)
from training.dials import changed_recipe, policy_recipe, reward_recipe
from training.learning.catalogue import METHODS
from training.learning.objectives import names, objective_of
from training.learning.rewards.methods import REWARD_METHODS

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return a_project(recipe={"rounds": 3, "beta": 0.4})


@pytest.fixture
def owner(project: Project) -> Person:
    return a_person(project, Role.OWNER)


def choose(client: Client, project: Project, key: str) -> str:
    answer = client.post(reverse("choose_method", args=[project.slug]), {"key": key}, follow=True)
    project.refresh_from_db()
    return answer.content.decode()


def test_every_method_is_on_the_page_and_the_projects_own_is_marked(
    client: Client, project: Project, owner: Person
) -> None:
    client.force_login(owner)
    page = client.get(reverse("methods", args=[project.slug])).content.decode()
    for method in METHODS:
        assert f'id="{method.key}"' in page
    assert page.count("in use") == 2
    assert '<tr id="davidson" class="is-current">' in page
    assert '<tr id="sigmoid" class="is-current">' in page


def test_choosing_an_objective_changes_the_next_retraining_and_keeps_the_rest(
    client: Client, project: Project, owner: Person
) -> None:
    client.force_login(owner)
    assert "The next retraining is by simpo." in choose(client, project, "simpo")
    recipe = policy_recipe(project)
    assert (recipe.loss_type, recipe.beta, recipe.simpo_gamma, recipe.rounds) == ("simpo", 2.0, 1.0, 3)
    assert project.changes.filter(field="recipe", by=owner).exists()
    choose(client, project, "sigmoid")
    assert project.recipe == {"rounds": 3, "loss_type": "sigmoid"}


def test_what_changes_an_objective_is_added_to_it_and_left_out_again(
    client: Client, project: Project, owner: Person
) -> None:
    client.force_login(owner)
    assert "The next retraining is with ld_dpo." in choose(client, project, "ld_dpo")
    assert project.recipe == {"rounds": 3, "beta": 0.4, "ld_alpha": 0.5}
    page = client.get(reverse("methods", args=[project.slug])).content.decode()
    assert 'aria-label="Remove ld_dpo"' in page and '<tr id="ld_dpo" class="is-current">' in page
    client.post(reverse("choose_method", args=[project.slug]), {"without": "ld_dpo"})
    project.refresh_from_db()
    assert project.recipe == {"rounds": 3, "beta": 0.4}
    choose(client, project, "orpo")
    assert "does not fit tr_dpo" in choose(client, project, "tr_dpo")
    assert "sync_ref_model" not in project.recipe


def test_what_keeps_a_reward_model_honest_is_added_and_removed(client: Client, project: Project, owner: Person) -> None:
    client.force_login(owner)
    choose(client, project, "ensemble_wco_uwo")
    assert "ensemble_wco_uwo" in rewards_in_use(project)
    answer = client.post(reverse("choose_method", args=[project.slug]), {"without": "ensemble_wco_uwo"}, follow=True)
    assert "The next refit of the reward model is without ensemble_wco_uwo." in answer.content.decode()
    project.refresh_from_db()
    assert project.reward_recipe == {}
    answer = client.post(reverse("choose_method", args=[project.slug]), {"without": "davidson"}, follow=True)
    assert "nothing that was added" in answer.content.decode()


@pytest.mark.parametrize("key", MODIFIERS)
def test_everything_that_changes_an_objective_can_be_added_to_dpo(key: str, project: Project) -> None:
    chosen = chosen_policy(project, f"sigmoid+{key}")
    recipe = changed_recipe(project.policy_source, chosen)
    assert objective_of(recipe) and modifiers_in_use(recipe) == {key}
    assert modifiers_in_use(policy_recipe(project)) == set()


def test_choosing_a_reward_method_changes_the_next_refit_and_keeps_what_is_not_its_own(
    client: Client, project: Project, owner: Person
) -> None:
    client.force_login(owner)
    Project.objects.update(reward_recipe={"members": 2, "strength_margin": 1.0})
    assert "The next refit of the reward model is by general_preference." in choose(
        client, project, "general_preference"
    )
    assert project.reward_recipe == {"members": 2, "method": "general_preference"}
    made = reward_recipe(project)
    assert (made.method, made.members, made.strength_margin) == ("general_preference", 2, 0.5)
    assert project.changes.filter(field="reward_recipe", by=owner).exists()
    assert rewards_in_use(project) == {"general_preference"}


@pytest.mark.parametrize("key", ["helpsteer2", "stepwise", "context_aware", "adversarial_feedback"])
def test_a_reward_method_without_its_data_is_shown_with_what_it_needs_and_refused(
    client: Client, project: Project, owner: Person, key: str
) -> None:
    client.force_login(owner)
    page = client.get(reverse("methods", args=[project.slug])).content.decode()
    assert f'aria-label="Use {key}"' not in page
    assert f"{key} learns from" in choose(client, project, key)
    assert project.reward_recipe == {}


def test_every_trained_reward_method_is_in_the_catalogue() -> None:
    listed = {method.recipe["method"] for method in REWARDS.values() if "method" in method.recipe}
    assert set(REWARD_METHODS) <= listed


def test_the_settings_refuse_a_reward_recipe_that_does_not_fit_together(
    client: Client, project: Project, owner: Person
) -> None:
    client.force_login(owner)
    shown = ProjectForm(instance=project)
    values = {bound.name: bound.value() for bound in shown if bound.value() is not None}
    url = reverse("settings", args=[project.slug])
    assert "tau has no meaning" in client.post(url, {**values, "reward_recipe": '{"tau": 0.5}'}).content.decode()
    assert "Write a JSON object" in client.post(url, {**values, "reward_recipe": "[1]"}).content.decode()
    client.post(url, {**values, "reward_recipe": '{"strength_margin": 0.2}'})
    project.refresh_from_db()
    assert project.reward_recipe == {"strength_margin": 0.2}


def test_what_is_no_objective_is_refused_in_words(client: Client, project: Project, owner: Person) -> None:
    client.force_login(owner)
    assert "There is no objective &#x27;lora&#x27;; there are alpha_po" in choose(client, project, "lora")
    assert project.recipe == {"rounds": 3, "beta": 0.4}


def test_only_an_owner_chooses_and_annotators_see_nothing(client: Client, project: Project, owner: Person) -> None:
    researcher, annotator = a_person(project, Role.RESEARCHER), a_person(project)
    client.force_login(researcher)
    assert "Use simpo" not in client.get(reverse("methods", args=[project.slug])).content.decode()
    assert client.post(reverse("choose_method", args=[project.slug]), {"key": "simpo"}).status_code in (403, 404)
    client.force_login(annotator)
    assert client.get(reverse("methods", args=[project.slug])).status_code in (403, 404)


def test_a_broken_recipe_still_shows_the_catalogue(client: Client, project: Project, owner: Person) -> None:
    Project.objects.update(recipe={"bata": 1})
    client.force_login(owner)
    assert client.get(reverse("methods", args=[project.slug])).status_code == 200
    assert "does not fit" in choose(client, project, "ipo")


@pytest.mark.parametrize("source", ["starter", "hub"])
def test_every_objective_can_be_chosen_as_the_catalogue_begins_it(source: str) -> None:
    assert sorted(OBJECTIVES) == names()
    for key in OBJECTIVES:
        assert objective_of(changed_recipe(source, chosen_objective(key)))


def test_the_settings_refuse_a_recipe_that_does_not_fit_together(
    client: Client, project: Project, owner: Person
) -> None:
    client.force_login(owner)
    shown = ProjectForm(instance=project)
    values = {bound.name: bound.value() for bound in shown if bound.value() is not None}
    form = {**values, "recipe": '{"loss_type": "aot"}'}
    answer = client.post(reverse("settings", args=[project.slug]), form)
    assert "set model_pairs_share to 0" in answer.content.decode()
