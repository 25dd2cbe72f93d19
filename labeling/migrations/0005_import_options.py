"""What an import was asked to do, and what an imported prompt needs to be given back as it came."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Add the columns."""

    dependencies = [("labeling", "0004_leases_keep_their_guidelines")]

    operations = [
        migrations.AddField(
            "prompt",
            "extra",
            models.JSONField(blank=True, default=dict, help_text="An imported row's shape and other fields."),
        ),
        migrations.AddField(
            "importjob",
            "format",
            models.CharField(blank=True, default="", help_text="Empty: told by each row's fields.", max_length=16),
            preserve_default=False,
        ),
        migrations.AddField(
            "importjob",
            "own_ids",
            models.BooleanField(default=True, help_text="A row's id or idx is its own: it says which row it is."),
        ),
        migrations.AddField(
            "importjob",
            "sample",
            models.BooleanField(default=False, help_text="Policies answer the prompts of its comparisons too."),
        ),
    ]
