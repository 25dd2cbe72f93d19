"""Try it: a prompt that an owner types, and what becomes of it. The worker answers; see `steering.py`."""

from django.db import transaction
from django.utils import timezone

from labeling.actions.queueing import add_prompt
from labeling.actions.telling import tell_project
from labeling.models import Person, Project
from training.models import TryOut

WAITING, DONE, FAILED = "waiting", "done", "failed"
KEPT = 50  # tryouts a project remembers; older ones that were not kept as a prompt go


def ask(*, project: Project, by: Person, text: str, seed: int) -> TryOut:
    """Ask for the three answers to a prompt. The worker writes them within seconds."""
    asked = TryOut.objects.create(project=project, by=by, text=text, seed=seed)
    recent = project.tryouts.order_by("-pk").values_list("pk", flat=True)[:KEPT]
    project.tryouts.filter(kept_as__isnull=True).exclude(pk__in=list(recent)).delete()
    tell_project(project.pk)
    return asked


@transaction.atomic
def keep(*, tryout: TryOut, by: Person) -> TryOut:
    """Make the prompt one of the project's; one that says the same is found, not added again."""
    messages = [{"role": "user", "content": tryout.text}]
    tryout.kept_as = add_prompt(project=tryout.project, messages=messages, origin=f"tried by {by}")
    tryout.save(update_fields=["kept_as"])
    tell_project(tryout.project_id)
    return tryout


def enter(*, tryout: TryOut, answers: dict[str, object]) -> None:
    """Store the answers."""
    TryOut.objects.filter(pk=tryout.pk).update(answers=answers, state=DONE, answered_at=timezone.now())
    tell_project(tryout.project_id)


def give_up(*, tryout: TryOut, error: str) -> None:
    """Store why there are none."""
    TryOut.objects.filter(pk=tryout.pk).update(error=error, state=FAILED, answered_at=timezone.now())
    tell_project(tryout.project_id)
