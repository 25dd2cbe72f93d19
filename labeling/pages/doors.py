"""How a page enters a project: signed in, a member, with the role it needs."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

from labeling.access import membership_in
from labeling.models import Membership, Person, Project, Role

Arguments = ParamSpec("Arguments")


class PersonRequest(HttpRequest):
    """A request of somebody signed in."""

    user: Person  # type: ignore[assignment]


class ProjectRequest(PersonRequest):
    """A request inside a project."""

    membership: Membership
    project: Project


def project_page(
    role: Role = Role.ANNOTATOR,
) -> Callable[
    [Callable[Concatenate[ProjectRequest, Arguments], HttpResponseBase]],
    Callable[Concatenate[HttpRequest, str, Arguments], HttpResponseBase],
]:
    """Let a view in only with at least `role` in the project named by the URL's slug."""

    def decorate(
        view: Callable[Concatenate[ProjectRequest, Arguments], HttpResponseBase],
    ) -> Callable[Concatenate[HttpRequest, str, Arguments], HttpResponseBase]:
        @login_required
        @wraps(view)
        def enter(request: Any, slug: str, *args: Arguments.args, **kwargs: Arguments.kwargs) -> HttpResponseBase:
            request.membership = membership_in(request.user, slug, role)
            request.project = request.membership.project
            return view(request, *args, **kwargs)

        return enter

    return decorate


def project_render(
    request: ProjectRequest, template: str, tab: str, *, status: int = 200, **context: Any
) -> HttpResponse:
    """Render a page of a project: templates/project.html wants the project, the role and the tab."""
    shared = {"project": request.project, "role": request.membership.role, "tab": tab}
    return render(request, template, shared | context, status=status)
