"""Flags and skips, as an owner works through them."""

from django.db.models import F, Prefetch, QuerySet

from labeling.models import ComparisonResponse, Project, Report


def report_list(project: Project, *, kind: str = "") -> QuerySet[Report]:
    """Undecided ones first, newest first, with their comparison's prompt and responses in a fixed number of
    queries. `kind` is flag or skip; anything else is both."""
    entries = Prefetch("comparison__entries", ComparisonResponse.objects.select_related("response"))
    rows = (
        Report.objects.filter(comparison__project=project)
        .select_related("person", "decided_by", "comparison__prompt")
        .prefetch_related(entries)
        .order_by(F("decided_at").desc(nulls_first=True), "-id")
    )
    return rows.filter(kind=kind) if kind in Report.Kind.values else rows


def undecided_reports(project: Project) -> int:
    """How many wait for a decision."""
    return Report.objects.filter(comparison__project=project, decision="").count()
