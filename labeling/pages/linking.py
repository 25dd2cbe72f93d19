"""Links that let people in: the owner's one-time link, and invitations. A GET never spends one."""

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from labeling.actions.inviting import InvitationGone, accept_invitation, open_invitation
from labeling.actions.linking import LinkGone, spend_owner_link
from labeling.pages.signing_up import INVITED

BACKEND = "alignment_site.sessions.PersonBackend"


@never_cache
@require_http_methods(["GET", "POST"])
def owner_link(request: HttpRequest, secret: str) -> HttpResponse:
    """Show a button; the POST signs the owner in and spends the link, so that no preview can."""
    if request.method == "GET":
        return render(request, "people/owner_link.html")
    try:
        person = spend_owner_link(secret=secret)
    except LinkGone as gone:
        return render(request, "people/link_gone.html", {"reason": str(gone)}, status=410)
    login(request, person, backend=BACKEND)
    return redirect("home")


@never_cache
@require_http_methods(["GET", "POST"])
def join(request: HttpRequest, secret: str) -> HttpResponse:
    """Show what one is invited to; the POST of somebody signed in joins."""
    try:
        invitation = open_invitation(secret=secret)
    except InvitationGone as gone:
        return render(request, "people/link_gone.html", {"reason": str(gone)}, status=410)
    if request.method == "GET" or not request.user.is_authenticated:
        request.session[INVITED] = True
        return render(request, "people/join.html", {"invitation": invitation, "here": request.path})
    return _join(request, secret)


@login_required
def _join(request: HttpRequest, secret: str) -> HttpResponse:
    try:
        membership = accept_invitation(secret=secret, person=request.user)  # type: ignore[arg-type]
    except InvitationGone as gone:
        return render(request, "people/link_gone.html", {"reason": str(gone)}, status=410)
    messages.success(request, f"Welcome to {membership.project.name}.")
    return redirect(reverse("judge", args=[membership.project.slug]))
