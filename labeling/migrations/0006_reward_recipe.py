"""What a project's reward model is trained by."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Add the column."""

    dependencies = [("labeling", "0005_import_options")]

    operations = [
        migrations.AddField(
            "project",
            "reward_recipe",
            models.JSONField(blank=True, default=dict, help_text="Changes to the named reward recipe."),
        ),
    ]
