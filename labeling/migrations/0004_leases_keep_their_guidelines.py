"""Leases remember the guidelines shown; the hot tables lose indexes that others cover and keep room for updates."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# A lease and a verdict rewrite the row of their comparison: room on its page keeps such an update off the indexes,
# and the queue's head stays short only where dead rows are swept soon.
ROOM = """
ALTER TABLE labeling_comparison SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
ALTER TABLE labeling_lease SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
"""
NO_ROOM = """
ALTER TABLE labeling_comparison RESET (fillfactor, autovacuum_vacuum_scale_factor);
ALTER TABLE labeling_lease RESET (fillfactor, autovacuum_vacuum_scale_factor);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("labeling", "0003_append_only_judgments"),
    ]

    operations = [
        migrations.AddField(
            model_name="lease",
            name="guideline",
            field=models.ForeignKey(
                db_index=False,
                help_text="The guidelines shown beside it.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="labeling.guidelineversion",
            ),
        ),
        migrations.AlterField(
            model_name="comparison",
            name="project",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="comparisons",
                to="labeling.project",
            ),
        ),
        migrations.AlterField(
            model_name="judgment",
            name="guideline",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="labeling.guidelineversion",
            ),
        ),
        migrations.AlterField(
            model_name="judgment",
            name="late",
            field=models.BooleanField(
                default=False, help_text="Came when its lease had ended and its place was taken: an extra judgment."
            ),
        ),
        migrations.AlterField(
            model_name="judgment",
            name="person",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="judgments",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="judgment",
            name="project",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="judgments",
                to="labeling.project",
            ),
        ),
        migrations.AlterField(
            model_name="lease",
            name="ending",
            field=models.CharField(
                blank=True, help_text="judged, skipped, flagged, released, expired, withdrawn", max_length=10
            ),
        ),
        migrations.AlterField(
            model_name="lease",
            name="person",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="leases",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            model_name="comparison",
            constraint=models.CheckConstraint(
                condition=models.Q(("arm__in", ["chosen", "imported"]), ("score__isnull", True), _connector="OR"),
                name="only_chosen_arms_are_scored",
            ),
        ),
        migrations.RunSQL(ROOM, NO_ROOM),
    ]
