"""Leases, verdicts and amendments: what the judging page does, for programs."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from labeling.access import object_in
from labeling.actions import judging
from labeling.api import shapes
from labeling.api.doors import ProjectView
from labeling.models import Judgment, Lease
from labeling.queries.history import my_judgments
from labeling.queries.next_comparison import judging_page, why_empty

REFUSALS = {400: shapes.Refused, 404: shapes.Refused}


class JudgingView(ProjectView):
    """A view of somebody who judges in a project."""

    def next_task(self, lease: Lease | None) -> dict[str, Any]:
        """The comparison of a lease, or why there is none."""
        if lease is None:
            return {"task": None, "empty": why_empty(project=self.project, person=self.person)}
        return {"task": judging_page(lease), "empty": None}

    def own_lease(self, lease_id: UUID) -> UUID:
        """A lease of this person's in this project. Raises Http404."""
        return object_in(self.project, Lease.objects.filter(person=self.person), pk=lease_id).pk


class LeaseView(JudgingView):
    """The next comparison."""

    @extend_schema(request=None, responses=shapes.NextTask, operation_id="lease")
    def post(self, request: Request, slug: str) -> Response:
        """Lease the next comparison; whoever holds one gets that one again."""
        lease = judging.lease_next(person=self.person, project=self.project)
        return Response(shapes.NextTask(self.next_task(lease)).data)


class VerdictView(JudgingView):
    """A verdict."""

    @extend_schema(
        request=shapes.Verdict,
        responses={200: shapes.Recorded, 409: shapes.Standing, **REFUSALS},
        operation_id="submit",
    )
    def post(self, request: Request, slug: str, lease_id: UUID) -> Response:
        """Record a verdict and lease the next comparison. The same uuid and payload again changes nothing; another
        payload is a 409 that names what stands."""
        verdict = _checked(shapes.Verdict, request)
        done = judging.submit_verdict(person=self.person, lease_id=self.own_lease(lease_id), **verdict)
        found = {"judgment": done.judgment, "repeated": done.repeated, "next": self.next_task(done.next_lease)}
        return Response(shapes.Recorded(found).data)


class RenewView(JudgingView):
    """More time."""

    @extend_schema(request=None, responses={200: shapes.Renewed, **REFUSALS}, operation_id="renew")
    def post(self, request: Request, slug: str, lease_id: UUID) -> Response:
        """Give a lease its full span again, at most three times."""
        lease = judging.renew_lease(person=self.person, lease_id=self.own_lease(lease_id))
        return Response(shapes.Renewed(lease).data)


class ReleaseView(JudgingView):
    """Back into the queue."""

    @extend_schema(request=None, responses={204: None, 404: shapes.Refused}, operation_id="release")
    def post(self, request: Request, slug: str, lease_id: UUID) -> Response:
        """Give a comparison back unjudged."""
        judging.release_lease(person=self.person, lease_id=self.own_lease(lease_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class SkipView(JudgingView):
    """Not by me."""

    @extend_schema(request=shapes.Passed, responses={204: None, **REFUSALS}, operation_id="skip")
    def post(self, request: Request, slug: str, lease_id: UUID) -> Response:
        """Pass a comparison over, and say why."""
        passed = _checked(shapes.Passed, request)
        judging.skip_comparison(person=self.person, lease_id=self.own_lease(lease_id), **passed)
        return Response(status=status.HTTP_204_NO_CONTENT)


class FlagView(JudgingView):
    """Not by anybody, perhaps."""

    @extend_schema(request=shapes.Passed, responses={204: None, **REFUSALS}, operation_id="flag")
    def post(self, request: Request, slug: str, lease_id: UUID) -> Response:
        """Report a comparison to the owner, and pass it over."""
        passed = _checked(shapes.Passed, request)
        judging.flag_comparison(person=self.person, lease_id=self.own_lease(lease_id), **passed)
        return Response(status=status.HTTP_204_NO_CONTENT)


class JudgmentsView(ProjectView):
    """My judgments."""

    @extend_schema(responses=shapes.ShownJudgment(many=True), operation_id="judgments")
    def get(self, request: Request, slug: str) -> Response:
        """My latest word on each comparison, newest first."""
        return self.listed(my_judgments(person=self.person, project=self.project), shapes.ShownJudgment)


class AmendView(ProjectView):
    """A change of mind."""

    @extend_schema(
        request=shapes.Verdict,
        responses={200: shapes.ShownJudgment, 409: shapes.Standing, **REFUSALS},
        operation_id="amend",
    )
    def post(self, request: Request, slug: str, judgment_id: int) -> Response:
        """Say something else; the answer is read on the sides as they were shown. A 409 names the newer judgment."""
        mine = object_in(self.project, Judgment.objects.filter(person=self.person), pk=judgment_id)
        verdict = _checked(shapes.Verdict, request)
        judgment = judging.amend_judgment(person=self.person, judgment_id=mine.pk, **verdict)
        return Response(shapes.ShownJudgment(judgment).data)


def _checked(shape: type[shapes.Verdict] | type[shapes.Passed], request: Request) -> dict[str, Any]:
    sent = shape(data=request.data)
    sent.is_valid(raise_exception=True)
    return dict(sent.validated_data)
