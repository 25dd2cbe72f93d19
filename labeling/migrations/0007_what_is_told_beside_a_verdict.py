"""By which standard responses are compared, and what imports tell beside a verdict or instead of one."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Add the columns, and the index that finds the few rows which fill them."""

    dependencies = [
        ("labeling", "0006_reward_recipe"),
    ]

    operations = [
        migrations.AddField(
            model_name="comparison",
            name="criterion",
            field=models.CharField(blank=True, help_text="The standard that its judgments go by.", max_length=200),
        ),
        migrations.AddField(
            model_name="comparison",
            name="details",
            field=models.JSONField(blank=True, default=dict, help_text="Ratings, steps and critiques, by response."),
        ),
        migrations.AlterField(
            model_name="comparison",
            name="kind",
            field=models.CharField(
                choices=[
                    ("pair", "Which of two"),
                    ("assessment", "What was said of one response"),
                    ("demonstration", "A response that shows how to answer"),
                ],
                default="pair",
                max_length=32,
            ),
        ),
        migrations.AddIndex(
            model_name="comparison",
            index=models.Index(
                condition=models.Q(
                    models.Q(("kind", "pair"), _negated=True),
                    models.Q(("details", {}), _negated=True),
                    models.Q(("criterion", ""), _negated=True),
                    _connector="OR",
                ),
                fields=["project", "kind"],
                name="comparison_told",
            ),
        ),
    ]
