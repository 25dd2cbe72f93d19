"""What the API takes and gives, beyond single fields."""

from typing import Any

from rest_framework import serializers

from labeling.models import ExportJob, ImportJob, Judgment, Project
from labeling.queries.export_rows import FILES, FORMATS, PROMPT_PLACES, STYLES, BadOptions, ExportOptions


class Refused(serializers.Serializer[Any]):
    """Why not."""

    detail = serializers.CharField()


class Standing(Refused):
    """Why not, and what stands instead."""

    judgment = serializers.IntegerField()
    answer = serializers.IntegerField()


class Turn(serializers.Serializer[Any]):
    """One message."""

    role = serializers.CharField()
    content = serializers.CharField()


class Side(serializers.Serializer[Any]):
    """A response as it is shown. Nothing tells which model wrote it."""

    side = serializers.CharField()
    messages = Turn(many=True)


class Task(serializers.Serializer[Any]):
    """A leased comparison."""

    lease = serializers.UUIDField(source="lease_id")
    question = serializers.CharField()
    kind = serializers.CharField()
    prompt = Turn(many=True)
    responses = Side(many=True)
    guideline = serializers.CharField()
    guideline_number = serializers.IntegerField()
    draft = serializers.CharField()
    taken_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    renewals_left = serializers.IntegerField()
    superseded = serializers.BooleanField()


class Nothing(serializers.Serializer[Any]):
    """Why there is nothing to judge."""

    why = serializers.CharField()
    expected = serializers.CharField()
    reason = serializers.CharField()
    back_at = serializers.DateTimeField(allow_null=True)


class NextTask(serializers.Serializer[Any]):
    """A comparison, or why there is none."""

    task = Task(allow_null=True)
    empty = Nothing(allow_null=True)


class Verdict(serializers.Serializer[Any]):
    """A verdict: 1 to 7 from "A is much better" to "B is much better", 9 both bad, 0 can't tell."""

    uuid = serializers.UUIDField(help_text="The client's own id: sent twice it is one row.")
    answer = serializers.IntegerField(min_value=0, max_value=9)
    seconds = serializers.FloatField(required=False, allow_null=True, default=None, min_value=0)
    reason = serializers.CharField(required=False, allow_blank=True, default="")


class ShownJudgment(serializers.ModelSerializer[Judgment]):
    """A judgment of one's own."""

    reason = serializers.SerializerMethodField()

    class Meta:
        model = Judgment
        fields = ("id", "uuid", "answer", "seconds", "reason", "late", "amends", "created_at")

    def get_reason(self, judgment: Judgment) -> str:
        """The reason's text, which is a row of its own."""
        reason = getattr(judgment, "reason", None)
        return "" if reason is None else str(reason.text)


class Recorded(serializers.Serializer[Any]):
    """A verdict that is in, and what comes next."""

    judgment = ShownJudgment()
    repeated = serializers.BooleanField()
    next = NextTask()


class Passed(serializers.Serializer[Any]):
    """Why a comparison is passed over."""

    reason = serializers.CharField(max_length=64)
    text = serializers.CharField(required=False, allow_blank=True, default="")


class Renewed(serializers.Serializer[Any]):
    """A lease with its span anew."""

    expires_at = serializers.DateTimeField()
    renewals = serializers.IntegerField()


class ShownProject(serializers.ModelSerializer[Project]):
    """A project."""

    class Meta:
        model = Project
        fields = ("slug", "name", "description", "question", "overlap", "paused", "created_at", "archived_at")


class NewImport(serializers.Serializer[Any]):
    """A file and how to read it."""

    file = serializers.FileField(help_text="JSON Lines, plain or gzip.")
    origin = serializers.CharField(default="unknown", help_text="person, model:NAME or unknown")
    format = serializers.CharField(default="", allow_blank=True, help_text="Empty: told by each row's fields.")
    skip_bad = serializers.BooleanField(default=False)
    own_ids = serializers.BooleanField(default=True)
    sample = serializers.BooleanField(default=False)


class Problem(serializers.Serializer[Any]):
    """What is wrong with a line."""

    line = serializers.IntegerField(help_text="0: of the whole file.")
    reason = serializers.CharField()
    level = serializers.ChoiceField(choices=["error", "warning", "note"])


class ShownImport(serializers.ModelSerializer[ImportJob]):
    """An import: how far it is, and its report."""

    report = Problem(many=True, read_only=True)

    class Meta:
        model = ImportJob
        fields = (
            *("id", "name", "origin", "format", "skip_bad", "own_ids", "sample", "state", "bytes_total", "bytes_done"),
            *("rows", "added", "known", "refused", "warnings", "report", "error", "created_at", "finished_at"),
        )


class NewExport(serializers.Serializer[Any]):
    """What to take out and how to write it."""

    format = serializers.ChoiceField(choices=list(FORMATS), default="trl")
    file = serializers.ChoiceField(choices=list(FILES), default="jsonl")
    style = serializers.ChoiceField(choices=list(STYLES), default="conversational")  # type: ignore[assignment]
    prompt = serializers.ChoiceField(choices=list(PROMPT_PLACES), default="explicit")
    columns = serializers.BooleanField(default=True)
    margin = serializers.BooleanField(default=False)
    held_out = serializers.BooleanField(default=False)
    simulated = serializers.BooleanField(default=False)
    frozen = serializers.CharField(default="", allow_blank=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse what does not go together."""
        try:
            ExportOptions(**attrs)
        except BadOptions as problem:
            raise serializers.ValidationError(str(problem)) from problem
        return attrs


class ShownExport(serializers.ModelSerializer[ExportJob]):
    """An export; its file and manifest have addresses of their own once it is done."""

    class Meta:
        model = ExportJob
        fields = ("id", "format", "options", "state", "rows", "manifest", "error", "created_at", "finished_at")
