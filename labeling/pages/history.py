"""My judgments: the list, and each of them opened again to be amended."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from labeling.access import object_in
from labeling.actions import judging
from labeling.models import Judgment
from labeling.pages.desk import Recorded, desk_of, label_of
from labeling.pages.doors import ProjectRequest, project_page, project_render
from labeling.pages.judging import desk_reply, is_fragment, read_verdict, refusals_in_words
from labeling.queries.history import judged_page, my_judgments
from labeling.text.render import excerpt

PAGE = 50


@never_cache
@require_GET
@project_page()
def history(request: ProjectRequest) -> HttpResponse:
    """What I said, newest first."""
    page = Paginator(my_judgments(person=request.user, project=request.project), PAGE).get_page(request.GET.get("page"))
    rows = [
        {
            "judgment": judgment,
            "label": label_of(judgment.answer),
            "prompt": excerpt(str(judgment.comparison.prompt)),
            "reason": excerpt(getattr(getattr(judgment, "reason", None), "text", "")),
        }
        for judgment in page
    ]
    return project_render(request, "judging/history.html", "history", page=page, rows=rows)


@never_cache
@project_page()
@refusals_in_words
def amend(request: ProjectRequest, judgment_id: int) -> HttpResponseBase:
    """Show a judged comparison again; a POST says something else about it."""
    judgment = _mine(request, pk=judgment_id)
    if request.method != "POST":
        return _opened(request, judging.latest(judgment))
    amended = judging.amend_judgment(person=request.user, judgment_id=judgment.pk, **read_verdict(request))
    if request.POST.get("back") == "judge":
        lease = judging.lease_next(person=request.user, project=request.project)
        done = Recorded(label_of(amended.answer), amended.lease_id, "Changed to")
        return desk_reply(request, lease, done)
    messages.success(request, f"Changed to “{label_of(amended.answer)}”.")
    return redirect("history", request.project.slug)


@require_POST
@project_page()
@refusals_in_words
def undo(request: ProjectRequest, lease_id: UUID) -> HttpResponseBase:
    """Open the judgment made on a lease again. What was said stands until something else is said."""
    judgment = judging.latest(_mine(request, lease_id=lease_id, amends__isnull=True))
    if is_fragment(request):
        return _opened(request, judgment)
    return redirect("amend", request.project.slug, judgment.pk)


def _mine(request: ProjectRequest, **lookup: Any) -> Judgment:
    rows = Judgment.objects.select_related("reason").filter(person=request.user)
    return object_in(request.project, rows, **lookup)


def _opened(request: ProjectRequest, judgment: Judgment) -> HttpResponse:
    """The comparison of a judgment with what was said about it."""
    desk = desk_of(judged_page(judgment), amending=judgment)
    context = {
        "project": request.project,
        "role": request.membership.role,
        "desk": desk,
        "amending": judgment,
        "said": label_of(judgment.answer),
        "back": "judge" if is_fragment(request) or request.GET.get("back") == "judge" else "history",
    }
    fragment = is_fragment(request)
    return render(request, "judging/_reply.html" if fragment else "judging/judge.html", context)
