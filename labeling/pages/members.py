"""Members and invitation links."""

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from labeling.access import object_in
from labeling.actions.inviting import change_role, create_invitation, revoke_invitation, revoke_member
from labeling.forms import InvitationForm
from labeling.models import Invitation, Membership, Role
from labeling.pages.doors import ProjectRequest, project_page, project_render


@project_page(Role.RESEARCHER)
def members(request: ProjectRequest) -> HttpResponse:
    """Who is here, who is invited."""
    return _members(request, InvitationForm())


@require_POST
@project_page(Role.OWNER)
def invite(request: ProjectRequest) -> HttpResponse:
    """Make an invitation link and show it, this once."""
    form = InvitationForm(request.POST)
    if not form.is_valid():
        return _members(request, form, status=422)
    data = form.cleaned_data
    _, secret = create_invitation(
        project=request.project,
        by=request.user,
        role=Role(data["role"]),
        uses=data["uses"],
        days=data["days"],
    )
    return _members(request, InvitationForm(), link=settings.HEED_URL + reverse("join", args=[secret]))


@require_POST
@project_page(Role.OWNER)
def end_invitation(request: ProjectRequest, invitation_id: int) -> HttpResponse:
    """End a link."""
    revoke_invitation(invitation=object_in(request.project, Invitation.objects.all(), pk=invitation_id))
    return redirect("members", request.project.slug)


@require_POST
@project_page(Role.OWNER)
def change_member(request: ProjectRequest, membership_id: int) -> HttpResponse:
    """Change a member's role, or revoke the membership where the form says `revoke`."""
    membership = object_in(request.project, Membership.objects.select_related("person"), pk=membership_id)
    try:
        if "revoke" in request.POST:
            revoke_member(membership=membership, by=request.user)
        elif request.POST.get("role") in Role.values:
            change_role(membership=membership, role=Role(request.POST["role"]), by=request.user)
    except ValidationError as error:
        messages.error(request, error.messages[0])
    return redirect("members", request.project.slug)


def _members(request: ProjectRequest, form: InvitationForm, *, link: str = "", status: int = 200) -> HttpResponse:
    people = request.project.memberships.filter(revoked_at__isnull=True).select_related("person").order_by("joined_at")
    invitations = [row for row in request.project.invitations.order_by("-created_at") if row.open]
    return project_render(
        request,
        "projects/members.html",
        "members",
        status=status,
        people=people,
        invitations=invitations,
        form=form,
        link=link,
        roles=Role.choices,
    )
