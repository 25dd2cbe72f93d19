"""The statements of an import."""

# Foreign keys are checked statement by statement: deferred to the end, a queue of checks would grow with the file.
BEGIN = """
SET CONSTRAINTS ALL IMMEDIATE;
DROP TABLE IF EXISTS import_seen;
CREATE TEMPORARY TABLE import_seen (key text PRIMARY KEY, content text NOT NULL, number integer NOT NULL)
    ON COMMIT DROP
"""

# How often each key was seen in this file before these rows, and the content it had the first time.
SEE = """
INSERT INTO import_seen AS seen (key, content, number)
SELECT key, content, number FROM unnest(%s::text[], %s::text[], %s::integer[]) AS now (key, content, number)
ON CONFLICT (key) DO UPDATE SET number = seen.number + excluded.number
RETURNING key, content, number
"""

KNOWN = """
SELECT source_key, extra->>'content' FROM labeling_comparison
WHERE project_id = %(project)s AND source_key = ANY(%(keys)s::text[])
UNION ALL
SELECT source_key, extra->>'content' FROM labeling_prompt
WHERE project_id = %(project)s AND source_key = ANY(%(keys)s::text[])
"""

PROMPTS = "SELECT digest, id FROM labeling_prompt WHERE project_id = %s AND digest = ANY(%s::text[])"

# A prompt that is imported by itself is sampled from now on, whoever brought it first, and is given back as it came.
ADOPT_PROMPTS = """
UPDATE labeling_prompt AS here SET
    active = here.active OR new.active,
    difficulty = coalesce(here.difficulty, new.difficulty),
    tags = CASE WHEN here.tags = '{}' THEN new.tags ELSE here.tags END,
    extra = CASE WHEN here.source_key IS NULL AND new.source_key IS NOT NULL THEN new.extra::jsonb ELSE here.extra END,
    source_key = coalesce(here.source_key, new.source_key)
FROM jsonb_to_recordset(%s::jsonb) AS new (
    digest text, tags text[], difficulty double precision, source_key text, extra text, active boolean)
WHERE here.project_id = %s AND here.digest = new.digest
"""

TELL = """
UPDATE labeling_importjob SET state = %(state)s, rows = %(rows)s, added = %(added)s, known = %(known)s,
    refused = %(refused)s, warnings = %(warnings)s, bytes_done = %(bytes_done)s
WHERE id = %(id)s
"""
