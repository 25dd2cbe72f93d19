"""What machines do: runs, snapshots, reward models, policies and the gate."""

from django.apps import AppConfig


class TrainingConfig(AppConfig):
    """The room of the machines' work."""

    name = "training"
    verbose_name = "Training"
    default_auto_field = "django.db.models.BigAutoField"
