"""Erasure: the one door. Who asked, why and what is written down first, then it happens.

A judgment holds no personal data and stays; the person's name and e-mail and the free texts are emptied.
A project is archived at once (`archive_project`) and can be erased 30 days later, with everything in it.
"""

from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from labeling.actions.leasing import release_lease
from labeling.actions.projecting import archive_project
from labeling.models import (
    ApiToken,
    Erasure,
    JudgmentReason,
    Lease,
    Membership,
    Person,
    Project,
    ReasonDraft,
    Report,
    Role,
)

__all__ = ["DAYS_ARCHIVED", "archive_project", "erase_person", "erase_project"]

DAYS_ARCHIVED = 30


@transaction.atomic
def erase_person(*, person: Person, by: Person, why: str) -> Erasure:
    """Empty a person's name, e-mail, password and free texts, and end every way in. The judgments stay.

    Raises ValidationError without a reason, when it was done already, or for a project's only owner.
    """
    why = _reason(why)
    locked = Person.objects.select_for_update(no_key=True).get(pk=person.pk)
    if locked.erased_at is not None:
        raise ValidationError("This person's data was erased already.")
    _refuse_only_owner(locked)
    reasons = JudgmentReason.objects.filter(judgment__person=locked, erased_at__isnull=True).exclude(text="")
    reports = Report.objects.filter(person=locked).exclude(text="")
    drafts = ReasonDraft.objects.filter(person=locked)
    what = {
        "name and e-mail": 1,
        "reasons": reasons.count(),
        "reports": reports.count(),
        "drafts": drafts.count(),
    }
    record = Erasure.objects.create(about=locked, by=by, why=why, what=what)
    reasons.update(text="", erased_at=Now())
    reports.update(text="")
    drafts.delete()
    _shut_out(locked)
    locked.username = f"erased-{locked.pk}"
    told = LogEntry.objects.filter(content_type__model="person", object_id=str(locked.pk))
    told.update(object_repr=locked.username, change_message="")
    locked.first_name = locked.last_name = locked.email = ""
    locked.is_active = False
    locked.erased_at = timezone.now()
    locked.set_unusable_password()
    locked.save()
    return record


def _reason(why: str) -> str:
    if not why.strip():
        raise ValidationError("Say why: it is kept with the record of the erasure.")
    return why.strip()


def _refuse_only_owner(person: Person) -> None:
    owned = Project.objects.filter(memberships__in=_owners().filter(person=person))
    others = _owners().exclude(person=person)
    alone = owned.exclude(memberships__in=others).first()
    if alone is not None:
        raise ValidationError(f"{alone.name} has no other owner. Make somebody else an owner first.")


def _owners() -> QuerySet[Membership]:
    return Membership.objects.filter(role=Role.OWNER, revoked_at__isnull=True)


# What other installed apps keep of a person under a foreign key, by table: e-mail addresses, second factors.
_KEPT_ELSEWHERE = """
SELECT c.conrelid::regclass::text, a.attname
FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
WHERE c.contype = 'f' AND c.confrelid = 'labeling_person'::regclass
    AND (c.conrelid::regclass::text LIKE 'account\\_%' OR c.conrelid::regclass::text LIKE 'mfa\\_%'
        OR c.conrelid::regclass::text LIKE 'socialaccount\\_%')
"""


def _shut_out(person: Person) -> None:
    """End leases, memberships, tokens and sessions, and forget addresses and second factors."""
    for lease in Lease.objects.filter(person=person, ended_at__isnull=True):
        release_lease(person=person, lease_id=lease.pk)
    Membership.objects.filter(person=person, revoked_at__isnull=True).update(revoked_at=Now())
    ApiToken.objects.filter(person=person).update(revoked_at=Now(), name="")
    for session in Session.objects.filter(expire_date__gt=timezone.now()).iterator():
        if session.get_decoded().get("_auth_user_id") == str(person.pk):
            session.delete()
    with connection.cursor() as cursor:
        cursor.execute(_KEPT_ELSEWHERE)
        for table, column in cursor.fetchall():
            cursor.execute(f'DELETE FROM {table} WHERE "{column}" = %s', [person.pk])  # noqa: S608


@transaction.atomic
def erase_project(*, project: Project, by: Person, why: str) -> Erasure:
    """Delete a project and every row that hangs on it, judgments too, and its files that were imported and exported.

    What machines keep of it on disk is the caller's to delete (``training.erasing``). Raises ValidationError
    without a reason, or unless it has been archived for 30 days.
    """
    why = _reason(why)
    locked = Project.objects.select_for_update().get(pk=project.pk)
    if locked.archived_at is None:
        raise ValidationError(f"Archive the project first; it can be erased {DAYS_ARCHIVED} days later.")
    free_at = locked.archived_at + timedelta(days=DAYS_ARCHIVED)
    if free_at > timezone.now():
        raise ValidationError(f"It can be erased from {free_at:%-d %B %Y} on; until then it can be brought back.")
    transfers = _transfers(locked)
    transaction.on_commit(lambda: _unlink(transfers))
    what = _mark_doomed(locked.pk)
    record = Erasure.objects.create(project_name=locked.name, by=by, why=why, what=what)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL heed.erasing = 'on'")  # the one lawful deletion of judgments
        for table in what:
            cursor.execute(
                f"DELETE FROM {table} t USING doomed d WHERE d.tab = %s AND d.id = t.id::text",  # noqa: S608
                [table],
            )
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a row left behind is found here, not at the commit
        cursor.execute("SET LOCAL heed.erasing = 'off'")
    return record


def _transfers(project: Project) -> list[Path]:
    """A project's uploaded and exported files that the site keeps; a file on somebody's own disk is theirs."""
    named = [*project.imports.values_list("path", flat=True), *project.exports.values_list("path", flat=True)]
    ours = [Path(name) for name in named if settings.TRANSFERS in Path(name).parents]
    return [*ours, *(path.with_name(f"{path.name}.manifest.json") for path in ours)]


def _unlink(paths: list[Path]) -> None:
    for path in paths:
        with suppress(OSError):  # what stays goes with `clear_transfers`
            path.unlink(missing_ok=True)


# Every foreign key, so that a table added later is not forgotten.
_KEYS = """
SELECT c.conrelid::regclass::text, a.attname, c.confrelid::regclass::text
FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
WHERE c.contype = 'f' AND c.connamespace = current_schema()::regnamespace
"""


def _mark_doomed(project_id: int) -> dict[str, int]:
    """Collect in a temporary table every row that hangs on a project, however far. Returns their number by table."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE doomed (tab text, id text, PRIMARY KEY (tab, id)) ON COMMIT DROP")
        cursor.execute("INSERT INTO doomed VALUES ('labeling_project', %s)", [project_id])
        cursor.execute(_KEYS)
        keys = cursor.fetchall()
        found = True
        while found:
            found = False
            for child, column, parent in keys:
                cursor.execute(
                    f"INSERT INTO doomed SELECT %s, t.id::text FROM {child} t "  # noqa: S608
                    f'JOIN doomed d ON d.tab = %s AND d.id = t."{column}"::text ON CONFLICT DO NOTHING',
                    [child, parent],
                )
                found = found or cursor.rowcount > 0
        cursor.execute("SELECT tab, count(*) FROM doomed GROUP BY tab ORDER BY tab")
        return {table: int(count) for table, count in cursor.fetchall()}
