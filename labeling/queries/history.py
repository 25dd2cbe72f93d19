"""A person's own judgments: the list, and one of them as it was shown."""

from django.db.models import QuerySet

from labeling.models import GuidelineVersion, Judgment, Lease, Person, Project
from labeling.queries.next_comparison import JudgingPage, judging_page


def my_judgments(*, person: Person, project: Project) -> QuerySet[Judgment]:
    """The latest word on each comparison that this person judged, newest first."""
    return (
        Judgment.objects.filter(project=project, person=person, amended_by__isnull=True)
        .select_related("comparison__prompt", "reason")
        .order_by("-id")
    )


def judged_page(judgment: Judgment) -> JudgingPage:
    """The comparison of a judgment, on the sides on which it was shown, beside the guidelines of today."""
    guideline = GuidelineVersion.objects.filter(project_id=judgment.project_id).first()
    as_lent = Lease(
        project_id=judgment.project_id,
        comparison_id=judgment.comparison_id,
        person=judgment.person,
        order=judgment.order_shown,
        taken_at=judgment.created_at,
        expires_at=judgment.created_at,
        renewals=Lease.MAX_RENEWALS,
        guideline_id=None if guideline is None else guideline.pk,
    )
    return judging_page(as_lent)
