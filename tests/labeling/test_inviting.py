"""Who gets into a project, as what, and how that ends."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from labeling.actions.inviting import (
    InvitationGone,
    accept_invitation,
    add_simulated_person,
    change_role,
    create_invitation,
    open_invitation,
    revoke_invitation,
    revoke_member,
)
from labeling.actions.projecting import (
    archive_project,
    change_project,
    create_project,
    pause_project,
    resume_project,
    unarchive_project,
)
from labeling.actions.tokens import change_account, create_token, person_by_token, revoke_token
from labeling.models import Invitation, Membership, Person, Project, ProjectChange, Role
from tests.labeling.cast import comparisons, lease, person, project_of_ada


@pytest.fixture
def ada(project) -> Any:
    return Person.objects.get(memberships__project=project)


def invite(project, ada, **fields) -> Any:
    return create_invitation(project=project, by=ada, **({"role": Role.RESEARCHER} | fields))


def membership(project, who) -> Any:
    return Membership.objects.get(project=project, person=who)


# --- links


def test_a_link_makes_its_holder_a_member_as_often_as_it_says(project, ada) -> None:
    invitation, secret = invite(project, ada, uses=2)
    joined = [accept_invitation(secret=secret, person=person(name)) for name in ("Ben", "Cleo")]
    assert [one.role for one in joined] == [Role.RESEARCHER] * 2
    with pytest.raises(InvitationGone, match="no longer works"):
        accept_invitation(secret=secret, person=person("Dan"))
    invitation.refresh_from_db()
    assert invitation.uses_left == 0 and secret not in invitation.secret_hash
    assert ProjectChange.objects.filter(project=project, field__startswith="member:").count() == 2


def test_a_member_who_follows_a_link_keeps_the_role_and_the_link(project, ada) -> None:
    _, secret = invite(project, ada, role=Role.ANNOTATOR)
    assert accept_invitation(secret=secret, person=ada).role == Role.OWNER
    assert open_invitation(secret=secret).uses_left == 1


def test_a_revoked_member_comes_back_by_a_new_link(project, ada, ben) -> None:
    revoke_member(membership=membership(project, ben), by=ada)
    _, secret = invite(project, ada)
    back = accept_invitation(secret=secret, person=ben)
    assert (back.role, back.revoked_at) == (Role.RESEARCHER, None)
    assert Membership.objects.filter(project=project, person=ben).count() == 1


@pytest.mark.parametrize("how", ["revoked", "out of date", "archived", "unknown"])
def test_a_link_that_ended_lets_nobody_in(project, ada, how) -> None:
    invitation, secret = invite(project, ada)
    if how == "revoked":
        revoke_invitation(invitation=invitation)
    elif how == "out of date":
        Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    elif how == "archived":
        archive_project(project=project, by=ada)
    else:
        secret = "guess"
    with pytest.raises(InvitationGone):
        accept_invitation(secret=secret, person=person("Ben"))


def test_the_last_use_of_a_link_goes_to_one_of_two(project, ada, monkeypatch) -> None:
    _, secret = invite(project, ada)
    seen = open_invitation(secret=secret)
    accept_invitation(secret=secret, person=person("Ben"))
    monkeypatch.setattr("labeling.actions.inviting.open_invitation", lambda secret: seen)
    with pytest.raises(InvitationGone, match="Somebody else"):
        accept_invitation(secret=secret, person=person("Cleo"))


@pytest.mark.parametrize("wrong", [{"uses": 0}, {"uses": 1001}, {"days": 0}, {"days": 366}])
def test_a_link_for_nobody_or_for_ever_is_refused(project, ada, wrong) -> None:
    with pytest.raises(ValidationError, match="1 to 1,000 people"):
        invite(project, ada, **wrong)


# --- roles


def test_a_change_of_role_is_kept_with_who(project, ada, ben) -> None:
    change_role(membership=membership(project, ben), role=Role.OWNER, by=ada)
    change_role(membership=membership(project, ben), role=Role.OWNER, by=ada)
    assert membership(project, ben).role == Role.OWNER
    change = ProjectChange.objects.get(field=f"role:{ben.pk}")
    assert (change.old, change.new, change.by) == (Role.ANNOTATOR, Role.OWNER, ada)


def test_the_last_owner_stays_one(project, ada, ben) -> None:
    for step in (
        lambda: change_role(membership=membership(project, ada), role=Role.ANNOTATOR, by=ada),
        lambda: revoke_member(membership=membership(project, ada), by=ada),
    ):
        with pytest.raises(ValidationError, match="at least one owner"):
            step()
    change_role(membership=membership(project, ben), role=Role.OWNER, by=ada)
    revoke_member(membership=membership(project, ada), by=ben)
    revoke_member(membership=membership(project, ada), by=ben)
    assert ProjectChange.objects.filter(field=f"member:{ada.pk}").count() == 1


def test_what_a_revoked_member_holds_goes_back_to_the_queue(project: Any, ada: Any, ben: Any) -> None:
    [comparison] = comparisons(project, 1)
    lease(ben, project)
    revoke_member(membership=membership(project, ben), by=ada)
    comparison.refresh_from_db()
    assert comparison.held == 0 and not ben.leases.filter(ended_at=None).exists()


def test_a_simulated_person_is_made_once_and_nobody_human_becomes_one(project, ben) -> None:
    robot = add_simulated_person(project=project, name="lab-1")
    revoke_member(membership=membership(project, robot), by=ben)
    assert add_simulated_person(project=project, name="lab-1") == robot
    assert robot.simulated and not robot.has_usable_password()
    assert membership(project, robot).revoked_at is None
    with pytest.raises(ValidationError, match="human being"):
        add_simulated_person(project=project, name=ben.username)


# --- tokens and accounts


def test_a_token_names_its_person_until_it_is_revoked(ben) -> None:
    token, secret = create_token(person=ben, name="  ")
    assert (token.name, token.prefix) == ("token", secret[:12]) and secret.startswith("heed_")
    assert person_by_token(secret=secret) == ben
    token.refresh_from_db()
    used = token.last_used_at
    person_by_token(secret=secret)
    token.refresh_from_db()
    assert used is not None and token.last_used_at == used
    revoke_token(token=token)
    assert person_by_token(secret=secret) is None and person_by_token(secret="heed_guess") is None


def test_a_token_of_a_locked_account_is_dead(ben) -> None:
    _, secret = create_token(person=ben, name="laptop")
    Person.objects.filter(pk=ben.pk).update(is_active=False)
    assert person_by_token(secret=secret) is None


def test_an_account_keeps_how_its_person_wants_to_be_called(ben) -> None:
    change_account(person=ben, first_name="Benjamin", last_name="B.", email="b@example.org", single_keys=False)
    ben.refresh_from_db()
    assert (str(ben), ben.email, ben.single_keys) == ("Benjamin B.", "b@example.org", False)


# --- projects


def test_a_new_project_has_an_owner_guidelines_and_a_free_address(project, ada) -> None:
    other = create_project(by=ada, settings={"name": "Cookery"}, guidelines="Be fair.")
    assert project.slug == "cookery" and other.slug == "cookery-2"
    assert other.guidelines.get().text == "Be fair." and membership(other, ada).role == Role.OWNER
    assert create_project(by=ada, settings={"name": "料理"}).slug == "project"


@pytest.mark.parametrize(
    "wrong", [{"colour": "red"}, {"overlap": 0}, {"duel_share": 2.0}, {"policy_source": "directory"}, {"name": ""}]
)
def test_a_setting_that_makes_no_sense_is_refused(db, wrong) -> None:
    with pytest.raises(ValidationError):
        create_project(by=person("Ada"), settings={"name": "Cookery", **wrong})
    assert not Project.objects.exists()


def test_what_really_changed_is_kept(project, ada) -> None:
    changes = change_project(project=project, by=ada, settings={"overlap": 3, "name": "Cookery"})
    assert [(one.field, one.old, one.new, one.by) for one in changes] == [("overlap", 1, 3, ada)]
    project.refresh_from_db()
    assert project.overlap == 3
    with pytest.raises(ValidationError, match="no such setting"):
        change_project(project=project, by=ada, settings={"salt": "x"})


def test_the_held_out_share_is_fixed_once_prompts_were_split_by_it(project, ada) -> None:
    from labeling.actions.queueing import add_prompt
    from tests.labeling.cast import talk

    change_project(project=project, by=ada, settings={"held_out_share": 0.3})
    add_prompt(project=project, messages=talk("Boil an egg."))
    with pytest.raises(ValidationError, match="split by it already"):
        change_project(project=project, by=ada, settings={"held_out_share": 0.2})


def test_pausing_and_archiving_are_kept_once_each(project, ada) -> None:
    for _ in range(2):
        pause_project(project=project, by=ada, reason="Lunch.")
    for _ in range(2):
        resume_project(project=project, by=None)
    for _ in range(2):
        archive_project(project=project, by=ada)
    for _ in range(2):
        unarchive_project(project=project, by=ada)
    kept = ProjectChange.objects.filter(project=project).exclude(field="created").order_by("id")
    assert [(one.field, one.new) for one in kept] == [
        ("paused", True),
        ("paused", False),
        ("archived", True),
        ("archived", False),
    ]
    assert project_of_ada().paused is False
