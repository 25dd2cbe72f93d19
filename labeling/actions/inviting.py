"""Members come by invitation links, change roles, and are revoked."""

from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from labeling.actions.leasing import release_lease
from labeling.actions.secrets import hashed, new_secret
from labeling.models import Invitation, Lease, Membership, Person, Project, ProjectChange, Role

INVITATION_DAYS = 14


class InvitationGone(Exception):
    """The link is unknown, used up, revoked or out of date."""


def create_invitation(
    *, project: Project, by: Person, role: Role, uses: int = 1, days: int = INVITATION_DAYS
) -> tuple[Invitation, str]:
    """Make an invitation. Returns it and its secret, which nothing else keeps."""
    if not 1 <= uses <= 1000 or not 1 <= days <= 365:
        raise ValidationError("A link works for 1 to 1,000 people and 1 to 365 days.")
    secret = new_secret()
    invitation = Invitation.objects.create(
        project=project,
        role=role,
        secret_hash=hashed(secret),
        created_by=by,
        expires_at=timezone.now() + timedelta(days=days),
        uses_left=uses,
    )
    return invitation, secret


def open_invitation(*, secret: str) -> Invitation:
    """The invitation behind a link. Raises InvitationGone when nobody can join by it."""
    invitation = Invitation.objects.select_related("project").filter(secret_hash=hashed(secret)).first()
    if invitation is None or not invitation.open or invitation.project.archived_at:
        raise InvitationGone("This link no longer works. Ask the project's owner for a new one.")
    return invitation


@transaction.atomic
def accept_invitation(*, secret: str, person: Person) -> Membership:
    """Make `person` a member. A member with at least that role keeps it, and the link is not used up."""
    found = open_invitation(secret=secret)
    invitation = Invitation.objects.select_for_update().select_related("project").get(pk=found.pk)
    if not invitation.open:
        raise InvitationGone("Somebody else has just used this link. Ask the project's owner for a new one.")
    membership = Membership.objects.filter(project=invitation.project, person=person).first()
    if membership and membership.revoked_at is None:
        return membership
    if membership:
        membership.role, membership.revoked_at = invitation.role, None
        membership.save(update_fields=["role", "revoked_at"])
    else:
        membership = Membership.objects.create(project=invitation.project, person=person, role=invitation.role)
    invitation.uses_left -= 1
    invitation.save(update_fields=["uses_left"])
    _keep(membership, "member", None, membership.role, person)
    return membership


@transaction.atomic
def add_simulated_person(*, project: Project, name: str) -> Person:
    """A simulated annotator of a project, by account name; made where there is none yet. Nobody can sign in as it.

    Raises ValidationError when the name is a human being's account.
    """
    person, made = Person.objects.get_or_create(username=name, defaults={"simulated": True})
    if made:
        person.set_unusable_password()
        person.save(update_fields=["password"])
    if not person.simulated:
        raise ValidationError(f"{name} is the account of a human being.")
    values = {"role": Role.ANNOTATOR, "revoked_at": None}
    Membership.objects.update_or_create(project=project, person=person, defaults=values)
    return person


def revoke_invitation(*, invitation: Invitation) -> None:
    """End a link at once."""
    Invitation.objects.filter(pk=invitation.pk, revoked_at__isnull=True).update(revoked_at=timezone.now())


@transaction.atomic
def change_role(*, membership: Membership, role: Role, by: Person) -> None:
    """Give a member another role. The last owner stays one."""
    if membership.role == role:
        return
    _keep_an_owner(membership)
    old, membership.role = membership.role, role
    membership.save(update_fields=["role"])
    _keep(membership, "role", old, role, by)


@transaction.atomic
def revoke_member(*, membership: Membership, by: Person) -> None:
    """End a membership at once; what the member judged stays, what the member holds goes back to the queue."""
    if membership.revoked_at is not None:
        return
    _keep_an_owner(membership)
    for lease in Lease.objects.filter(
        person=membership.person_id, project=membership.project_id, ended_at__isnull=True
    ):
        release_lease(person=membership.person, lease_id=lease.pk)
    membership.revoked_at = timezone.now()
    membership.save(update_fields=["revoked_at"])
    _keep(membership, "member", membership.role, None, by)


def _keep_an_owner(membership: Membership) -> None:
    if membership.role != Role.OWNER:
        return
    # The project's row is locked so that two owners cannot remove each other at one instant.
    Project.objects.select_for_update().get(pk=membership.project_id)
    owners = Membership.objects.filter(project=membership.project_id, role=Role.OWNER, revoked_at__isnull=True)
    if not owners.exclude(pk=membership.pk).exists():
        raise ValidationError("A project keeps at least one owner. Make somebody else an owner first.")


def _keep(membership: Membership, field: str, old: str | None, new: str | None, by: Person) -> None:
    ProjectChange.objects.create(
        project=membership.project, field=f"{field}:{membership.person_id}", old=old, new=new, by=by
    )
