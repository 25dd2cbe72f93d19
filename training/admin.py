"""Administration for operators: what machines did. Nothing here is changed by hand."""

from django.contrib import admin

from labeling.admin import ReadOnlyAdmin
from training import models as nouns


@admin.register(nouns.Run)
class RunAdmin(ReadOnlyAdmin):
    """Runs, newest first."""

    list_display = ("id", "project", "kind", "state", "stage", "step", "total", "attempts", "created_at")
    list_filter = ("kind", "state")
    list_select_related = ("project",)
    ordering = ("-id",)


@admin.register(nouns.Snapshot)
class SnapshotAdmin(ReadOnlyAdmin):
    """Training sets; the judgments in one are on its page, not in the list."""

    list_display = ("id", "project", "digest", "rows", "watermark", "created_at")
    list_select_related = ("project",)
    exclude = ("judgment_ids",)


@admin.register(nouns.PolicyVersion)
class PolicyVersionAdmin(ReadOnlyAdmin):
    """Policies and what became of them."""

    list_display = ("project", "number", "state", "current", "anchor", "kl", "promoted_at", "deleted_at")
    list_filter = ("state", "current")
    list_select_related = ("project",)


@admin.register(nouns.RewardVersion)
class RewardVersionAdmin(ReadOnlyAdmin):
    """Reward models and their record in shadow."""

    list_display = ("project", "number", "state", "shadow_judgments", "shadow_log_ratio", "decided_at")
    list_filter = ("state",)
    list_select_related = ("project",)


@admin.register(nouns.Trial)
class TrialAdmin(ReadOnlyAdmin):
    """Trials at the gate."""

    list_display = ("id", "project", "purpose", "candidate", "state", "settled", "log_e_better", "closes_at")
    list_filter = ("purpose", "state")
    list_select_related = ("project", "candidate__project")


@admin.register(nouns.Duel)
class DuelAdmin(ReadOnlyAdmin):
    """Duels: each a bet with its stake and outcome."""

    list_display = ("id", "trial_id", "number", "comparison_id", "stake_better", "outcome", "settled_at")
    search_fields = ("=trial__id",)


@admin.register(nouns.Posterior)
class PosteriorAdmin(ReadOnlyAdmin):
    """The fast posteriors; their state itself is 256 numbers and a matrix, not for reading."""

    list_display = ("project", "judgments", "waiting", "since_refit", "version", "watermark", "updated_at")
    list_select_related = ("project",)
    exclude = ("state",)


@admin.register(nouns.TryOut)
class TryOutAdmin(ReadOnlyAdmin):
    """Prompts that were tried."""

    list_display = ("id", "project", "state", "by", "created_at", "answered_at")
    list_select_related = ("project", "by")
