"""How a page enters a project: signed in, a member, with the role it needs."""

from collections.abc import Callable
from functools import update_wrapper
from typing import Any, Concatenate, ParamSpec, TypeAlias

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

from labeling.access import membership_in
from labeling.models import Membership, Person, Project, Role

Arguments = ParamSpec("Arguments")


class PersonRequest(HttpRequest):
    """A request of somebody signed in."""

    user: Person


class ProjectRequest(PersonRequest):
    """A request inside a project."""

    membership: Membership
    project: Project


View: TypeAlias = Callable[Concatenate[ProjectRequest, Arguments], HttpResponseBase]
Entered: TypeAlias = Callable[..., HttpResponseBase]  # Django calls it with the URL's names


def project_page(role: Role = Role.ANNOTATOR) -> Callable[[View[Arguments]], Entered]:
    """Let a view in only with at least `role` in the project named by the URL's slug."""

    def decorate(view: View[Arguments]) -> Entered:
        def enter(request: Any, slug: str, *args: Arguments.args, **kwargs: Arguments.kwargs) -> HttpResponseBase:
            request.membership = membership_in(request.user, slug, role)
            request.project = request.membership.project
            return view(request, *args, **kwargs)

        update_wrapper(enter, view)
        return login_required(enter)

    return decorate


def project_render(
    request: ProjectRequest, template: str, tab: str, *, status: int = 200, **context: Any
) -> HttpResponse:
    """Render a page of a project: templates/project.html wants the project, the role and the tab."""
    shared = {"project": request.project, "role": request.membership.role, "tab": tab}
    return render(request, template, shared | context, status=status)
