"""Judgments are append-only: the database itself refuses to change or delete one."""

from django.db import migrations

# Erasing a whole project is the one lawful deletion: its action sets `heed.erasing` for its own transaction.
FORBID = """
CREATE FUNCTION forbid_judgment_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('heed.erasing', true) = 'on' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'judgments are append-only: add an amendment instead of a % ', TG_OP
        USING ERRCODE = 'restrict_violation';
END;
$$;
CREATE TRIGGER judgments_are_append_only BEFORE UPDATE OR DELETE ON labeling_judgment
    FOR EACH ROW EXECUTE FUNCTION forbid_judgment_change();
"""
ALLOW = """
DROP TRIGGER judgments_are_append_only ON labeling_judgment;
DROP FUNCTION forbid_judgment_change();
"""


class Migration(migrations.Migration):
    """Add the trigger. There is none on TRUNCATE: tests must flush."""

    dependencies = [("labeling", "0002_initial")]

    operations = [migrations.RunSQL(FORBID, ALLOW)]
