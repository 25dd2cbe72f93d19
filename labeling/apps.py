"""What people do: prompts, responses, comparisons and the judgments on them."""

from django.apps import AppConfig


class LabelingConfig(AppConfig):
    """The room of people's work."""

    name = "labeling"
    verbose_name = "Labeling"
    default_auto_field = "django.db.models.BigAutoField"
