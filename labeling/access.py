"""The only doors to a project and to everything in it.

A stranger gets a 404, so that nothing tells whether a project exists; a member without the role gets a 403.
"""

from typing import TypeVar

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404

from labeling.models import Membership, Person, Project, Role

Row = TypeVar("Row", bound=Model)
RANK = {Role.ANNOTATOR: 0, Role.RESEARCHER: 1, Role.OWNER: 2}
ARCHIVED = "This project is archived. An owner can bring it back on its settings page."


def projects_of(person: Person | AnonymousUser) -> QuerySet[Project]:
    """The projects that a person is a member of, archived ones included."""
    if not isinstance(person, Person):
        return Project.objects.none()
    return Project.objects.filter(memberships__person=person, memberships__revoked_at__isnull=True)


def membership_in(person: Person | AnonymousUser, slug: str, role: Role = Role.ANNOTATOR) -> Membership:
    """A person's membership in a project, with the project and at least the role.

    Raises Http404 for strangers and PermissionDenied for members whose role is too low.
    """
    if not isinstance(person, Person):
        raise Http404("There is no such project, or you are not a member.")
    membership = (
        Membership.objects.select_related("project")
        .filter(project__slug=slug, person=person, revoked_at__isnull=True)
        .first()
    )
    if membership is None:
        raise Http404("There is no such project, or you are not a member.")
    if RANK[Role(membership.role)] < RANK[role]:
        raise PermissionDenied(f"This needs the role {role.label.lower()}; yours is {membership.role}.")
    if membership.project.archived_at and role is not Role.OWNER:
        raise PermissionDenied(ARCHIVED)
    return membership


def project_of(person: Person | AnonymousUser, slug: str, role: Role = Role.ANNOTATOR) -> Project:
    """The project behind `membership_in`."""
    return membership_in(person, slug, role).project


def may(person: Person | AnonymousUser, project_id: int, role: Role = Role.ANNOTATOR) -> bool:
    """Whether a person has at least a role in a project: for sockets, which answer yes or no."""
    if not isinstance(person, Person):
        return False
    membership = Membership.objects.filter(
        project_id=project_id, person=person, revoked_at__isnull=True, project__archived_at__isnull=True
    ).first()
    return membership is not None and RANK[Role(membership.role)] >= RANK[role]


def object_in(project: Project, rows: QuerySet[Row], *, field: str = "project", **lookup: object) -> Row:
    """One row of a project; `field` is the path from the row to it. Raises Http404."""
    row = rows.filter(**{field: project}, **lookup).first()
    if row is None:
        raise Http404("There is no such thing in this project.")
    return row
