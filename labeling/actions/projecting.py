"""Creating and changing projects. Every change is kept with who and when."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.text import slugify

from labeling.models import GuidelineVersion, Membership, Person, Project, ProjectChange, Role

SETTINGS = (
    *("name", "description", "question", "policy_source", "policy_ref", "overlap", "lease_seconds"),
    *("random_share", "repeat_share", "duel_share", "duel_budget", "duel_days", "queue_target"),
    *(
        "train_every_judgments",
        "train_every_minutes",
        "kl_budget",
        "disk_budget_bytes",
        "held_out_share",
        "recipe",
        "reward_recipe",
    ),
)
# What a prompt's split and a response's origin were decided by cannot be changed under them.
FIXED_ONCE_PROMPTS_EXIST = ("held_out_share",)


def free_slug(name: str) -> str:
    """A slug for a new project: the name's, with a number where that is taken."""
    stem = slugify(name)[:60] or "project"
    taken = set(Project.objects.filter(slug__startswith=stem).values_list("slug", flat=True))
    return next(slug for slug in (stem, *(f"{stem}-{n}" for n in range(2, len(taken) + 3))) if slug not in taken)


@transaction.atomic
def create_project(*, by: Person, settings: Mapping[str, Any], guidelines: str = "") -> Project:
    """Create a project with `by` as its owner.

    Raises ValidationError, by field, where a setting is unknown or out of its range.
    """
    unknown = set(settings) - set(SETTINGS)
    if unknown:
        raise ValidationError(dict.fromkeys(unknown, "There is no such setting."))
    project = Project(slug=free_slug(str(settings.get("name", ""))), **settings)
    project.full_clean()
    project.save()
    Membership.objects.create(project=project, person=by, role=Role.OWNER)
    GuidelineVersion.objects.create(project=project, number=1, text=guidelines, created_by=by)
    ProjectChange.objects.create(project=project, field="created", new=project.name, by=by)
    return project


@transaction.atomic
def change_project(*, project: Project, by: Person, settings: Mapping[str, Any]) -> list[ProjectChange]:
    """Change settings and keep each change. Returns what really changed.

    Raises ValidationError where a value is out of its range, or can no longer be changed.
    """
    project = Project.objects.select_for_update().get(pk=project.pk)
    changes = []
    for field, new in settings.items():
        if field not in SETTINGS:
            raise ValidationError({field: "There is no such setting."})
        old = getattr(project, field)
        if old != new:
            changes.append(ProjectChange(project=project, field=field, old=old, new=new, by=by))
            setattr(project, field, new)
    fixed = [change.field for change in changes if change.field in FIXED_ONCE_PROMPTS_EXIST]
    if fixed and project.prompts.exists():
        raise ValidationError(dict.fromkeys(fixed, "Prompts have been split by it already; it is fixed now."))
    project.full_clean()
    project.save()
    ProjectChange.objects.bulk_create(changes)
    return changes


@transaction.atomic
def write_guidelines(*, project: Project, by: Person | None, text: str) -> GuidelineVersion:
    """Add a version of the guidelines; the same text again adds none."""
    Project.objects.select_for_update().get(pk=project.pk)
    latest = project.guidelines.first()
    if latest and latest.text == text:
        return latest
    highest = project.guidelines.aggregate(highest=Max("number"))["highest"] or 0
    return GuidelineVersion.objects.create(project=project, number=highest + 1, text=text, created_by=by)


@transaction.atomic
def pause_project(*, project: Project, by: Person | None, reason: str) -> None:
    """Stop the loop from starting anything; judging goes on. `by` is None when the loop pauses itself."""
    _set_paused(project, by, paused=True, reason=reason)


@transaction.atomic
def resume_project(*, project: Project, by: Person | None, reason: str = "") -> None:
    """Let the loop go on."""
    _set_paused(project, by, paused=False, reason=reason)


def _set_paused(project: Project, by: Person | None, *, paused: bool, reason: str) -> None:
    locked = Project.objects.select_for_update().get(pk=project.pk)
    if locked.paused == paused:
        return
    locked.paused, locked.paused_reason = paused, reason if paused else ""
    locked.save(update_fields=["paused", "paused_reason"])
    ProjectChange.objects.create(project=locked, field="paused", old=not paused, new=paused, by=by, reason=reason)


@transaction.atomic
def archive_project(*, project: Project, by: Person) -> None:
    """Take a project out of sight at once. It can be brought back for 30 days, then it may be erased."""
    locked = Project.objects.select_for_update().get(pk=project.pk)
    if locked.archived_at is None:
        locked.archived_at = timezone.now()
        locked.save(update_fields=["archived_at"])
        ProjectChange.objects.create(project=locked, field="archived", old=False, new=True, by=by)


@transaction.atomic
def unarchive_project(*, project: Project, by: Person) -> None:
    """Bring an archived project back."""
    locked = Project.objects.select_for_update().get(pk=project.pk)
    if locked.archived_at is not None:
        locked.archived_at = None
        locked.save(update_fields=["archived_at"])
        ProjectChange.objects.create(project=locked, field="archived", old=True, new=False, by=by)
