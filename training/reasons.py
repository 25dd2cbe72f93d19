"""People's reasons on their way to a run that learns from them, and away again.

They are personal free text, so they lie in the run's own folder only while it lives. Whatever becomes of the run, its
project or the person, `clear_reasons` takes them away within minutes; what a running child has read already stays in
its memory until it ends.
"""

from pathlib import Path

from django.conf import settings

from training.learning.rationales import FILE, Reason, forget_reasons, read_reasons, write_reasons
from training.models import Run
from training.snapshot import training_reasons

LIVING = (Run.State.QUEUED, Run.State.RUNNING)


def lay_out_reasons(folder: Path, judgments: list[int]) -> int:
    """Write what people said of these judgments into a run's folder. Returns how many reasons that are."""
    return write_reasons(folder, (Reason(*row) for row in training_reasons(judgments)))


def clear_reasons() -> int:
    """Delete the reasons of runs that ended or are gone with their project, and those that were erased or amended.

    Returns how many files changed.
    """
    changed = 0
    for path in sorted(settings.HEED_HOME.glob(f"projects/*/runs/*/{FILE}*")):
        folder = path.parent
        if not Run.objects.filter(pk=folder.name, state__in=LIVING).exists():
            forget_reasons(folder)
            changed += 1
            continue
        before = read_reasons(folder)
        still = {row[1] for row in training_reasons([reason.judgment_id for reason in before])}
        if len(still) < len(before):
            write_reasons(folder, (reason for reason in before if reason.judgment_id in still))
            changed += 1
    return changed
