"""The judging page: shows a leased comparison, takes the verdict, answers with the next one.

With scripts a reply is a fragment; without, a whole page. Both come from the same POST, so that a verdict always
costs one request. A whole page sent in reply to a POST may be loaded again: the verdict's id makes it one row.
"""

import math
import time
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from labeling.actions import judging
from labeling.actions.errors import Conflict, Refusal
from labeling.actions.preferring import set_single_keys
from labeling.models import Lease
from labeling.pages.desk import Recorded, desk_of, label_of
from labeling.pages.doors import ProjectRequest, project_page
from labeling.queries.history import my_judgments
from labeling.queries.next_comparison import judging_page, why_empty

Arguments = ParamSpec("Arguments")
View = Callable[Concatenate[ProjectRequest, Arguments], HttpResponseBase]


def is_fragment(request: HttpRequest) -> bool:
    """Whether the page itself asks and will put the reply in place."""
    return request.headers.get("HX-Request") == "true"


def refusals_in_words(view: View[Arguments]) -> View[Arguments]:
    """Answer 400 or 409 with the reason, as a notice in the verdict bar or as a page."""

    @wraps(view)
    def guarded(request: ProjectRequest, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except Conflict as conflict:
            standing = {"judgment": conflict.judgment, "label": label_of(conflict.judgment.answer)}
            return _refused(request, str(conflict), 409, **standing)
        except Refusal as refusal:
            return _refused(request, str(refusal), 400)

    return guarded


def _refused(request: ProjectRequest, message: str, status: int, **more: Any) -> HttpResponse:
    template = "judging/_alert.html" if is_fragment(request) else "judging/refused.html"
    context = {"project": request.project, "role": request.membership.role, "message": message} | more
    return render(request, template, context, status=status)


def desk_reply(request: ProjectRequest, lease: Lease | None, recorded: Recorded | None = None) -> HttpResponse:
    """The comparison of a lease, or the reason why there is none."""
    context: dict[str, Any] = {"project": request.project, "role": request.membership.role, "recorded": recorded}
    if lease is None:
        context["empty"] = why_empty(project=request.project, person=request.user)
    else:
        desk = desk_of(judging_page(lease))
        context["desk"] = desk
        context["new_guideline"] = request.POST.get("guideline", "") != str(desk.guideline_number)
    fragment = is_fragment(request)
    return render(request, "judging/_reply.html" if fragment else "judging/judge.html", context)


@never_cache
@require_GET
@project_page()
def judge(request: ProjectRequest) -> HttpResponse:
    """The comparison that this person holds, else the next one. Loading the page again changes nothing."""
    lease = judging.lease_next(person=request.user, project=request.project)
    return desk_reply(request, lease, _last(request))


@never_cache
@project_page()
@refusals_in_words
def verdict(request: ProjectRequest, lease_id: UUID) -> HttpResponseBase:
    """Record a verdict; the reply is the next comparison."""
    if request.method == "GET":  # the address of a page that was sent in reply to a verdict
        return redirect("judge", request.project.slug)
    if request.method != "POST":
        return HttpResponseNotAllowed(["GET", "POST"])
    submitted = judging.submit_verdict(person=request.user, lease_id=lease_id, **read_verdict(request))
    done = Recorded(label_of(submitted.judgment.answer), submitted.judgment.lease_id)
    return desk_reply(request, submitted.next_lease, done)


def read_verdict(request: HttpRequest) -> dict[str, Any]:
    """The fields of a verdict form. Raises Refusal where one cannot be read."""
    sent = request.POST
    try:
        return {
            "uuid": UUID(sent.get("uuid", "")),
            "answer": int(sent.get("answer", "")),
            "seconds": _seconds(sent.get("seconds", ""), sent.get("shown", "")),
            "reason": sent.get("reason", ""),
        }
    except ValueError:
        raise Refusal("This verdict is incomplete. Load the page again; nothing you judged before is lost.") from None


def _seconds(measured: str, shown: str) -> float | None:
    """What the page measured; without scripts, the time since the server sent it."""
    if measured:
        return float(measured)
    since = time.time() - float(shown) if shown else math.nan
    return since if since >= 0 else None


@require_POST
@project_page()
@refusals_in_words
def skip(request: ProjectRequest, lease_id: UUID) -> HttpResponse:
    """Pass a comparison over, with a reason."""
    judging.skip_comparison(person=request.user, lease_id=lease_id, **_said(request))
    return _after_passing(request, "Skipped")


@require_POST
@project_page()
@refusals_in_words
def flag(request: ProjectRequest, lease_id: UUID) -> HttpResponse:
    """Report a comparison to the owner, and pass it over."""
    judging.flag_comparison(person=request.user, lease_id=lease_id, **_said(request))
    return _after_passing(request, "Flagged")


@require_POST
@project_page()
def release(request: ProjectRequest, lease_id: UUID) -> HttpResponse:
    """Give a comparison back for a newer one."""
    judging.release_lease(person=request.user, lease_id=lease_id)
    return _after_passing(request, "Given back")


def _said(request: HttpRequest) -> dict[str, str]:
    return {"reason": request.POST.get("reason", ""), "text": request.POST.get("text", "")}


def _after_passing(request: ProjectRequest, verb: str) -> HttpResponse:
    lease = judging.lease_next(person=request.user, project=request.project)
    if not is_fragment(request):
        return redirect("judge", request.project.slug)
    return desk_reply(request, lease, Recorded("", None, verb))


def _last(request: ProjectRequest) -> Recorded | None:
    """The last judgment of this person, so that undo also works on a page that was just loaded."""
    last = my_judgments(person=request.user, project=request.project).first()
    return None if last is None else Recorded(label_of(last.answer), last.lease_id, "Last")


@require_POST
@project_page()
@refusals_in_words
def renew(request: ProjectRequest, lease_id: UUID) -> HttpResponse:
    """More time, at most three times."""
    lease = judging.renew_lease(person=request.user, lease_id=lease_id)
    if not is_fragment(request):
        return redirect("judge", request.project.slug)
    left = (lease.expires_at - timezone.now()).total_seconds()
    return JsonResponse({"seconds_left": round(left), "renewals_left": Lease.MAX_RENEWALS - lease.renewals})


@require_POST
@project_page()
@refusals_in_words
def draft(request: ProjectRequest, lease_id: UUID) -> HttpResponse:
    """Keep an unfinished reason."""
    judging.save_draft(person=request.user, lease_id=lease_id, text=request.POST.get("reason", ""))
    return HttpResponse(status=204) if is_fragment(request) else redirect("judge", request.project.slug)


@require_GET
@project_page()
def notice(request: ProjectRequest, lease_id: UUID) -> HttpResponse:
    """Whether a newer model is ready, asked by the page when something has changed."""
    superseded = Lease.objects.filter(
        pk=lease_id, person=request.user, ended_at__isnull=True, comparison__superseded_at__isnull=False
    ).exists()
    context = {"project": request.project, "superseded": superseded, "lease_id": lease_id}
    return render(request, "judging/_notice.html", context)


@require_POST
@project_page()
def single_keys(request: ProjectRequest) -> HttpResponse:
    """Switch verdicts by single keys on or off; it is remembered with the person."""
    set_single_keys(person=request.user, on=request.POST.get("on") == "1")
    return HttpResponse(status=204) if is_fragment(request) else redirect("judge", request.project.slug)
