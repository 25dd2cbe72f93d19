"""What owners make of flags and skips."""

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models.functions import Now

from labeling.actions.telling import tell_project
from labeling.models import Comparison, Lease, Person, Report, Response, State

DECISIONS = ("kept", "withdrawn", "response_dropped")


@transaction.atomic
def decide_report(
    *, report: Report, by: Person, decision: str, response_id: int | None = None, note: str = ""
) -> Report:
    """Decide a flag or a skip: keep asking, withdraw the comparison, or drop one of its responses everywhere.

    Raises ValidationError where it was decided already or the response is not in the comparison.
    """
    if decision not in DECISIONS:
        raise ValidationError(f"A decision is one of {', '.join(DECISIONS)}.")
    locked = Report.objects.select_for_update(no_key=True).select_related("comparison").get(pk=report.pk)
    if locked.decision:
        raise ValidationError("This was decided already.")
    if decision == "withdrawn":
        _withdraw([locked.comparison_id], f"{locked.get_kind_display()}: {locked.reason}")
    if decision == "response_dropped":
        response = Response.objects.filter(pk=response_id or 0, comparisons=locked.comparison_id).first()
        if response is None:
            raise ValidationError("Say which response of the comparison is to be dropped.")
        drop_response(response=response)
    locked.decision, locked.note, locked.decided_by = decision, note.strip(), by
    locked.save(update_fields=["decision", "note", "decided_by"])
    Report.objects.filter(pk=locked.pk).update(decided_at=Now())
    tell_project(locked.comparison.project_id)
    return locked


@transaction.atomic
def drop_response(*, response: Response) -> int:
    """Take a response out of every open comparison, held ones too. Returns how many were withdrawn.

    What was judged stays, and a verdict that somebody is about to send on it is kept as an extra judgment.
    """
    Response.objects.filter(pk=response.pk, dropped_at__isnull=True).update(dropped_at=Now())
    open_ones = Comparison.objects.filter(entries__response=response, state=State.OPEN)
    count = _withdraw(list(open_ones.values_list("pk", flat=True)), "A response was dropped.")
    tell_project(response.prompt.project_id)
    return count


HELD_ANEW = """
UPDATE labeling_comparison c SET state = 'withdrawn', withdrawn_reason = %s, held =
    (SELECT count(*) FROM labeling_lease l WHERE l.comparison_id = c.id AND l.ended_at IS NULL)
WHERE c.id = ANY(%s) AND c.state = 'open'
"""


def _withdraw(ids: list[int], reason: str) -> int:
    """Withdraw open comparisons and end their leases: leases are locked first, as judging does.

    A lease taken between the two locks stays out, and its judgment counts; so what is held is counted anew.
    """
    leases = Lease.objects.filter(comparison__in=ids, ended_at__isnull=True)
    held = list(leases.order_by("pk").select_for_update(no_key=True).values_list("pk", flat=True))
    rows = Comparison.objects.filter(pk__in=ids).order_by("pk")
    list(rows.select_for_update(no_key=True).values_list("pk", flat=True))
    Lease.objects.filter(pk__in=held, ended_at__isnull=True).update(ended_at=Now(), ending="withdrawn")
    with connection.cursor() as cursor:
        cursor.execute(HELD_ANEW, [reason[:200], ids])
        return int(cursor.rowcount)
