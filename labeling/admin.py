"""Administration for operators: look at everything, change what is safe to change, never a judgment."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.db import models
from django.http import HttpRequest

from labeling import models as nouns

if TYPE_CHECKING:
    AnyAdmin = admin.ModelAdmin[Any]
    AccountAdmin = UserAdmin[nouns.Person]
else:
    AnyAdmin, AccountAdmin = admin.ModelAdmin, UserAdmin


class ReadOnlyAdmin(AnyAdmin):
    """Rows that only the loop and people's own actions write: operators look."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nothing is added by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Nothing is changed by hand."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Erasing has one door, and it is not this one."""
        return False


@admin.register(nouns.Person)
class PersonAdmin(AccountAdmin):
    """Accounts; Django's own pages for users, and whether the lab drives this one."""

    list_display = ("username", "email", "is_active", "is_staff", "simulated", "erased_at")
    list_filter = ("is_active", "is_staff", "simulated")
    readonly_fields = ("erased_at", "simulated", "last_login", "date_joined")


@admin.register(nouns.Membership)
class MembershipAdmin(AnyAdmin):
    """Who is in which project as what."""

    list_display = ("project", "person", "role", "joined_at", "revoked_at")
    list_filter = ("role",)
    list_select_related = ("project", "person")
    autocomplete_fields = ("project", "person")


@admin.register(nouns.Project)
class ProjectAdmin(ReadOnlyAdmin):
    """Projects are changed on their own page, where each change is kept with who and when."""

    list_display = ("name", "slug", "paused", "created_at", "archived_at")
    search_fields = ("name", "slug")


@admin.register(nouns.Prompt)
class PromptAdmin(ReadOnlyAdmin):
    """Prompts, with their side of the held-out line."""

    list_display = ("id", "project", "split", "active", "origin", "created_at")
    list_filter = ("split", "active")
    list_select_related = ("project",)
    search_fields = ("=id", "digest")
    show_full_result_count = False


@admin.register(nouns.Response)
class ResponseAdmin(ReadOnlyAdmin):
    """Responses, with what made them."""

    list_display = ("id", "prompt_id", "policy_version_id", "stopped", "origin", "dropped_at", "created_at")
    search_fields = ("=id", "=prompt__id")
    show_full_result_count = False


@admin.register(nouns.Comparison)
class ComparisonAdmin(ReadOnlyAdmin):
    """The queue, and what has been through it."""

    list_display = ("id", "project", "kind", "arm", "state", "score", "rank", "needs", "taken", "held", "method")
    list_filter = ("kind", "state", "arm")
    list_select_related = ("project",)
    search_fields = ("=id", "=prompt__id")
    show_full_result_count = False


@admin.register(nouns.Judgment)
class JudgmentAdmin(ReadOnlyAdmin):
    """Judgments are append-only, here as everywhere."""

    list_display = ("id", "project", "comparison_id", "person_id", "answer", "strength", "source", "created_at")
    list_filter = ("source", "late")
    list_select_related = ("project",)
    search_fields = ("=id", "=comparison__id")
    show_full_result_count = False


@admin.register(nouns.Lease)
class LeaseAdmin(ReadOnlyAdmin):
    """What is lent to whom, and how it ended."""

    list_display = ("id", "project", "comparison_id", "person_id", "taken_at", "expires_at", "ending")
    list_filter = ("ending",)
    list_select_related = ("project",)
    show_full_result_count = False


@admin.register(nouns.Report)
class ReportAdmin(ReadOnlyAdmin):
    """Skips and flags; an owner decides on them in the project."""

    list_display = ("id", "comparison_id", "person_id", "kind", "reason", "decision", "at")
    list_filter = ("kind", "decision")


@admin.register(nouns.ImportJob, nouns.ExportJob)
class TransferAdmin(ReadOnlyAdmin):
    """Files on their way in and out."""

    list_display = ("id", "project", "state", "rows", "created_at", "finished_at")
    list_filter = ("state",)
    list_select_related = ("project",)


@admin.register(nouns.Erasure)
class ErasureAdmin(ReadOnlyAdmin):
    """What was erased, by whom and why."""

    list_display = ("id", "about_id", "project_name", "by", "at")
    list_select_related = ("by",)


@admin.register(nouns.ProjectChange)
class ProjectChangeAdmin(ReadOnlyAdmin):
    """Every change of a setting."""

    list_display = ("project", "field", "by", "at", "reason")
    list_select_related = ("project", "by")
