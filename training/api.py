"""Runs and versions over REST: what machines did, read only."""

from typing import Any

from django.http import HttpResponseBase
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from labeling.access import object_in
from labeling.api.doors import ProjectView
from labeling.api.shapes import Refused
from labeling.models import Role
from training.models import PolicyVersion, RewardVersion, Run
from training.pages.downloads import archive_of


class ShownRun(serializers.ModelSerializer[Run]):
    """A run in a list."""

    class Meta:
        model = Run
        fields = (
            *("id", "kind", "state", "stage", "step", "total", "attempts", "error"),
            *("created_at", "started_at", "finished_at"),
        )


class WholeRun(ShownRun):
    """A run with what decided its result, and its figures."""

    metrics = serializers.SerializerMethodField(help_text="{name: [[step, value], …]}")

    class Meta(ShownRun.Meta):
        fields = (*ShownRun.Meta.fields, "recipe", "environment", "result", "snapshot", "metrics")  # type: ignore[assignment]

    def get_metrics(self, run: Run) -> dict[str, list[tuple[int, float]]]:
        """Each series by its name."""
        series: dict[str, list[tuple[int, float]]] = {}
        for name, step, value in run.metrics.order_by("name", "step").values_list("name", "step", "value"):
            series.setdefault(name, []).append((step, value))
        return series


class ShownPolicy(serializers.ModelSerializer[PolicyVersion]):
    """A version of the policy."""

    class Meta:
        model = PolicyVersion
        fields = (
            *("number", "state", "state_reason", "current", "anchor", "parent", "run", "digest", "bytes"),
            *("kl", "kl_standard_error", "created_at", "promoted_at", "deleted_at"),
        )


class ShownReward(serializers.ModelSerializer[RewardVersion]):
    """A version of the reward model."""

    class Meta:
        model = RewardVersion
        fields = (
            *("number", "state", "run", "digest", "bytes", "shadow_judgments", "shadow_log_ratio", "result"),
            *("created_at", "decided_at", "deleted_at"),
        )


class ResearchView(ProjectView):
    """A view for those who look after a project."""

    role = Role.RESEARCHER


class RunsView(ResearchView):
    """Runs."""

    @extend_schema(responses=ShownRun(many=True), operation_id="runs")
    def get(self, request: Request, slug: str) -> Response:
        """The project's runs, newest first."""
        return self.listed(Run.objects.filter(project=self.project), ShownRun)


class RunView(ResearchView):
    """One run."""

    @extend_schema(responses={200: WholeRun, 404: Refused}, operation_id="run")
    def get(self, request: Request, slug: str, run_id: int) -> Response:
        """A run with its recipe, environment, result and figures."""
        return Response(WholeRun(object_in(self.project, Run.objects.all(), pk=run_id)).data)


class PoliciesView(ResearchView):
    """Policies."""

    @extend_schema(responses=ShownPolicy(many=True), operation_id="policies")
    def get(self, request: Request, slug: str) -> Response:
        """The project's policies, newest first."""
        return self.listed(PolicyVersion.objects.filter(project=self.project), ShownPolicy)


class RewardsView(ResearchView):
    """Reward models."""

    @extend_schema(responses=ShownReward(many=True), operation_id="rewards")
    def get(self, request: Request, slug: str) -> Response:
        """The project's reward models, newest first."""
        return self.listed(RewardVersion.objects.filter(project=self.project), ShownReward)


ARCHIVE: dict[Any, Any] = {(200, "application/zip"): OpenApiTypes.BINARY, 404: Refused}


class PolicyArchiveView(ResearchView):
    """A policy's checkpoint."""

    @extend_schema(responses=ARCHIVE, operation_id="policy_archive")
    def get(self, request: Request, slug: str, number: int) -> HttpResponseBase:
        """A `save_pretrained` directory with its model card, as a zip archive."""
        version = object_in(self.project, PolicyVersion.objects.all(), number=number)
        return archive_of(version.directory, f"{self.project.slug}-policy-{number}")


class RewardArchiveView(ResearchView):
    """A reward model's checkpoint."""

    @extend_schema(responses=ARCHIVE, operation_id="reward_archive")
    def get(self, request: Request, slug: str, number: int) -> HttpResponseBase:
        """A directory that `AutoModelForSequenceClassification` loads, as a zip archive."""
        version = object_in(self.project, RewardVersion.objects.all(), number=number)
        return archive_of(version.directory, f"{self.project.slug}-reward-{number}")


PROJECT = "projects/<slug:slug>/"
urlpatterns = [
    path(PROJECT + "runs/", RunsView.as_view(), name="api_runs"),
    path(PROJECT + "runs/<int:run_id>/", RunView.as_view(), name="api_run"),
    path(PROJECT + "policies/", PoliciesView.as_view(), name="api_policies"),
    path(PROJECT + "policies/<int:number>/archive/", PolicyArchiveView.as_view(), name="api_policy_archive"),
    path(PROJECT + "rewards/", RewardsView.as_view(), name="api_rewards"),
    path(PROJECT + "rewards/<int:number>/archive/", RewardArchiveView.as_view(), name="api_reward_archive"),
]
