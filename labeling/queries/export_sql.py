"""The statements of an export. Each gives one line per comparison or prompt: a JSON list of what became of it and
where it belongs (`[fate, split, arm, origin]`), and the row itself as JSON, NULL where it was left out.

PostgreSQL writes the JSON, because no loop in Python keeps up with it. Values are put in by `psycopg.sql`, because
COPY takes no parameters.
"""

from typing import Final

from psycopg.sql import SQL, Composable, Composed, Identifier

from labeling.models import Response

KEPT: Final = "kept"

# Nothing is sorted or hashed but ids: texts are fetched by their keys in the order of comparisons, so that neither
# side holds more than a few rows, however many there are. No parallel workers: gathering rows from other processes
# costs more than they save (a fifth, measured).
PLANNER: Final = (
    "SET LOCAL enable_hashjoin = off",
    "SET LOCAL random_page_cost = 1.1",
    "SET LOCAL work_mem = '64MB'",
    "SET LOCAL max_parallel_workers_per_gather = 0",
)

# Whether a judgment's source is one that pairs count. An imported simulation is a simulation.
COUNTS: Final = SQL("""CASE WHEN j.source <> 'import' THEN j.source
            WHEN j.origin LIKE 'model:simulation%' THEN 'simulation'
            WHEN j.origin LIKE 'model:reward_model%' THEN 'reward_model'
            ELSE 'import' END = ANY({sources})""")

LATEST: Final = SQL("""{frozen}
        AND NOT EXISTS (SELECT FROM labeling_judgment a WHERE a.amends_id = j.id AND {frozen_amendment})""")

# What most people said last: the first response, the second, or neither.
VOTES: Final = SQL("""
latest AS MATERIALIZED (
    SELECT j.comparison_id, j.answer, j.strength,
        CASE j.source WHEN 'import' THEN j.origin ELSE j.source END COLLATE "C" AS who,
        {counts} AS counts
    FROM labeling_judgment j
    WHERE j.project_id = {project} AND {latest}
),
votes AS MATERIALIZED (
    SELECT comparison_id, bool_or(counts) AS counted,
        count(*) FILTER (WHERE counts AND strength > 0) AS first,
        count(*) FILTER (WHERE counts AND strength < 0) AS second,
        count(*) FILTER (WHERE counts AND (strength = 0 OR answer = 9)) AS neither,
        avg(strength) FILTER (WHERE counts AND strength > 0) AS first_strength,
        -avg(strength) FILTER (WHERE counts AND strength < 0) AS second_strength,
        avg(coalesce(strength, 0)) FILTER (WHERE counts AND answer <> 0) AS lean,
        CASE WHEN min(who) FILTER (WHERE counts) = max(who) FILTER (WHERE counts)
            THEN min(who) FILTER (WHERE counts) ELSE 'mixed' END AS origin
    FROM latest GROUP BY comparison_id
)
""")

PAIRS: Final = SQL("""
WITH {votes}, pairs AS (
    SELECT c.id, c.arm, c.criterion, p.split, v.*, coalesce(v.origin, '') AS whose,
        p.messages AS prompt, a.messages AS one, b.messages AS other,
        CASE WHEN v.first > v.second THEN a.messages ELSE b.messages END AS chosen,
        CASE WHEN v.first > v.second THEN b.messages ELSE a.messages END AS rejected,
        CASE
            WHEN v.comparison_id IS NULL THEN 'unjudged'
            WHEN a.dropped_at IS NOT NULL OR b.dropped_at IS NOT NULL OR EXISTS (
                SELECT FROM labeling_report r WHERE r.comparison_id = c.id AND r.decision = 'withdrawn'
            ) THEN 'withdrawn'
            WHEN p.split = 'held_out' AND NOT {held_out} THEN 'held_out'
            WHEN NOT v.counted THEN 'other_source'
            WHEN v.first + v.second + v.neither = 0 THEN 'cannot_tell'
            {decided}
        END AS fate
    FROM labeling_comparison c
    JOIN labeling_prompt p ON p.id = c.prompt_id
    LEFT JOIN votes v ON v.comparison_id = c.id
    JOIN labeling_comparisonresponse ea ON ea.comparison_id = c.id AND ea.position = 0
    JOIN labeling_response a ON a.id = ea.response_id
    JOIN labeling_comparisonresponse eb ON eb.comparison_id = c.id AND eb.position = 1
    JOIN labeling_response b ON b.id = eb.response_id
    WHERE c.project_id = {project} AND c.kind = 'pair'
)
SELECT json_build_array(fate, split, arm, whose), CASE WHEN fate = 'kept' THEN concat('{{', {body}, {more}, '}}') END
FROM pairs {sides} ORDER BY id
""")

# A row has a better response, which a tie and a split vote have not; HelpSteer2's rows have a mean strength.
BY_MAJORITY: Final = SQL("""WHEN v.first > v.second AND v.first > v.neither THEN 'kept'
            WHEN v.second > v.first AND v.second > v.neither THEN 'kept'
            WHEN v.neither > v.first AND v.neither > v.second THEN 'tie'
            ELSE 'split_vote'""")
BY_MEAN: Final = SQL("ELSE 'kept'")

# What tells of one response is no pair: it is left out and counted, by a small index of its own.
OTHER_KINDS: Final = SQL("""
SELECT json_build_array('other_kind', p.split, c.arm, c.origin), NULL
FROM labeling_comparison c JOIN labeling_prompt p ON p.id = c.prompt_id
WHERE c.project_id = {project} AND c.kind <> 'pair'
""")

BOTH_SIDES: Final = SQL("""
CROSS JOIN LATERAL (VALUES (true, chosen), (false, rejected)) AS side (label, completion)
WHERE fate = 'kept' OR label
""")

COLUMNS: Final = SQL("""
', "strength": ', round(greatest(first_strength, 0) * (first > second)::int
    + greatest(second_strength, 0) * (second > first)::int, 2),
', "n_for": ', greatest(first, second), ', "n_against": ', least(first, second),
', "split": "', split, '", "arm": "', arm, '", "origin": ', to_json(whose),
', "criterion": ', CASE WHEN criterion = '' THEN '""' ELSE to_json(criterion)::text END
""")

# The mean strength towards the chosen response over everybody who could tell, ties as 0.
MARGIN: Final = SQL("""', "margin": ', round(abs(lean), 2)""")

# Above 0 where the second response is better, and the first reason that somebody gave.
STRENGTH: Final = SQL("""'"preference_strength": ', (-round(lean))::int""")
STATEMENT: Final = SQL("""'"preference_statement": ', coalesce((
    SELECT to_json(y.text)::text FROM labeling_judgment j JOIN labeling_judgmentreason y ON y.judgment_id = j.id
    WHERE j.comparison_id = pairs.id AND y.text <> '' AND {counts} AND {latest} ORDER BY j.id LIMIT 1), '""')""")

# One message each is written as it is; anything longer as a transcript, in which a continuation follows its prompt.
SINGLE: Final = "jsonb_array_length(prompt) = 1 AND jsonb_array_length(chosen) = 1 AND jsonb_array_length(rejected) = 1"
TRANSCRIPT: Final = """(
    SELECT string_agg(E'\\n\\n' || CASE turn ->> 'role' WHEN 'user' THEN 'Human' ELSE initcap(turn ->> 'role') END
        || ': ' || (turn ->> 'content'), '' ORDER BY place)
    FROM jsonb_array_elements({messages}) WITH ORDINALITY AS turns (turn, place)
)"""


def conversation(key: str, messages: str) -> SQL:
    """A key whose value is a list of messages."""
    return SQL(f"""'"{key}": ', ({messages})::text""")


def plain(key: str, messages: str) -> SQL:
    """A key whose value is a text: the only message's, or a transcript."""
    transcript = TRANSCRIPT.format(messages=messages)
    return SQL(
        f"""'"{key}": ', CASE WHEN {SINGLE} THEN ({messages} -> 0 -> 'content')::text
        ELSE to_json({transcript})::text END"""
    )


def transcript(key: str, messages: str) -> SQL:
    """A key whose value is a transcript of a whole conversation."""
    return SQL(f"""'"{key}": ', to_json({TRANSCRIPT.format(messages=messages)})::text""")


# The turns of a text in HelpSteer2's way: a mark before each but the first, where that is whose it must be.
MARKED: Final = """(
    SELECT string_agg(CASE WHEN place = 1 AND turn ->> 'role' = '{role}' THEN '' ELSE concat(
        CASE WHEN place > 1 THEN E'\\n' END, CASE turn ->> 'role' WHEN 'system' THEN '<extra_id_0>'
        ELSE '<extra_id_1>' END, initcap(turn ->> 'role'), E'\\n') END || (turn ->> 'content'), '' ORDER BY place)
    FROM jsonb_array_elements({messages}) WITH ORDINALITY AS turns (turn, place)
)"""


def marked(key: str, messages: str, role: str) -> SQL:
    """A key whose value is a text: the only message's, or several turns with marks between them."""
    turns = MARKED.format(messages=messages, role=role)
    return SQL(
        f"""'"{key}": ', CASE WHEN jsonb_array_length({messages}) = 1 THEN ({messages} -> 0 -> 'content')::text
        ELSE to_json({turns})::text END"""
    )


def _object(values: dict[str, str], loose: bool) -> str:
    """An expression for a JSON object's text. Each value says how its column becomes JSON: `text:`, `word:` (a text
    of letters only), `bare:` (numbers, booleans, JSON), `array:`, `any:` (a value of any shape) or `json:` (ready).
    Joining texts costs the server a quarter less than `json_build_object`."""
    parts: list[str] = []
    for key, value in values.items():
        how, _, column = value.partition(":")
        shown = {
            "text": f"to_json({column})::text",
            "word": f"""'"' || {column} || '"'""",
            "bare": f"({column})::text",
            "array": f"array_to_json({column})::text",
            "json": column,
            "any": f"({column})::text" if loose else f"to_json(({column})::text)::text",
        }[how]
        parts += [f"""'{", " if parts else "{"}"{key}": '""", f"coalesce({shown}, 'null')"]
    return f"concat({', '.join(parts)}, '}}')"


def _list(element: str, rows: str, order: str) -> str:
    """An expression for the text of a JSON list of objects."""
    return f"(SELECT '[' || coalesce(string_agg({element}, ', ' ORDER BY {order}), '') || ']' FROM {rows})"


RESPONSES: Final = """labeling_comparisonresponse e JOIN labeling_response r ON r.id = e.response_id
    LEFT JOIN {policies} v ON v.id = r.policy_version_id WHERE e.comparison_id = c.id"""
JUDGMENTS: Final = """labeling_judgment j LEFT JOIN labeling_judgmentreason y ON y.judgment_id = j.id
    LEFT JOIN labeling_guidelineversion g ON g.id = j.guideline_id WHERE j.comparison_id = c.id AND {frozen}"""
REPORTS: Final = "labeling_report r WHERE r.comparison_id = c.id"
COMPARISONS: Final = """FROM labeling_comparison c JOIN labeling_prompt p ON p.id = c.prompt_id
    WHERE c.project_id = {project}"""

# What goes into a full row, by `_object`'s words. `any:` is a value of any shape.
RESPONSE: Final = {
    "id": "bare:r.id",
    "messages": "bare:r.messages",
    "policy": "text:'policy-' || v.number",
    "sampler": "any:r.sampler",
    "seed": "bare:r.seed",
    "token_ids": "array:r.token_ids",
    "token_logprobs": "array:r.token_logprobs",
    "stopped": "bare:r.stopped",
    "origin": "text:r.origin",
    "dropped_at": "text:r.dropped_at",
    "created_at": "text:r.created_at",
}
JUDGMENT: Final = {
    "id": "bare:j.id",
    "uuid": "word:j.uuid",
    "rater": """text:CASE WHEN j.person_id IS NULL THEN j.rater ELSE 'person-' || left(encode(sha256(
    convert_to({salt} || ':' || j.person_id, 'UTF8')), 'hex'), 12) END""",
    "answer": "bare:j.answer",
    "order_shown": "array:j.order_shown",
    "strength": "bare:j.strength",
    "seconds": "bare:j.seconds",
    "guideline": "bare:g.number",
    "source": "word:j.source",
    "origin": "text:j.origin",
    "weight": "bare:j.weight",
    "late": "bare:j.late",
    "amends": "bare:j.amends_id",
    "reason": "text:y.text",
    "created_at": "text:j.created_at",
}
REPORT: Final = {
    "kind": "word:r.kind",
    "reason": "text:r.reason",
    "text": "text:r.text",
    "at": "text:r.at",
    "decision": "text:r.decision",
    "note": "text:r.note",
    "decided_at": "text:r.decided_at",
}
PROMPT: Final = {
    "id": "bare:p.id",
    "messages": "bare:p.messages",
    "tags": "array:p.tags",
    "difficulty": "bare:p.difficulty",
    "origin": "text:p.origin",
    "source_key": "text:p.source_key",
    "extra": "any:p.extra",
    "active": "bare:p.active",
    "created_at": "text:p.created_at",
}
COMPARISON: Final = {
    "heed": "bare:1",
    "id": "text:{prefix} || c.id",
    "kind": "text:c.kind",
    "criterion": "text:c.criterion",
    "details": "any:c.details",
    "arm": "word:c.arm",
    "split": "word:p.split",
    "state": "word:c.state",
    "needs": "bare:c.needs",
    "repeats": "text:{prefix} || c.repeats_id",
    "method": "text:c.method",
    "score": "bare:c.score",
    "rank": "bare:c.rank",
    "model_version": "text:c.model_version",
    "withdrawn_reason": "text:c.withdrawn_reason",
    "superseded_at": "text:c.superseded_at",
    "origin": "text:c.origin",
    "source_key": "text:c.source_key",
    "extra": "any:c.extra",
    "created_at": "text:c.created_at",
}


def full(*, loose: bool) -> SQL:
    """Heed's full rows. With `loose` a value of any shape goes out as JSON; else as its text, because a column of
    Parquet has one type."""
    whole = _object(
        {
            **COMPARISON,
            "prompt": "json:" + _object(PROMPT, loose),
            "responses": "json:" + _list(_object(RESPONSE, loose), RESPONSES, "e.position"),
            "judgments": "json:" + _list(_object(JUDGMENT, loose), JUDGMENTS, "j.id"),
            "reports": "json:" + _list(_object(REPORT, loose), REPORTS, "r.id"),
        },
        loose,
    )
    whole = whole.replace("'{\"", "'{{\"").replace("'}'", "'}}'")  # `format` takes single braces for its own
    return SQL(f"SELECT json_build_array('kept', p.split, c.arm, c.origin), {whole} {COMPARISONS} ORDER BY c.id")


ORIGINAL: Final = SQL("""
SELECT json_build_array(CASE WHEN c.source_key IS NULL THEN 'not_imported' ELSE 'kept' END, p.split, c.arm, c.origin),
CASE WHEN c.source_key IS NOT NULL THEN json_build_object(
    'extra', c.extra, 'prompt', p.messages, 'responses', (
        SELECT ('[' || string_agg(json_build_object(
            'messages', r.messages, 'sampler', r.sampler, 'seed', r.seed, 'token_ids', r.token_ids,
            'token_logprobs', r.token_logprobs, 'stopped', r.stopped)::text, ', ' ORDER BY e.position) || ']')::json
        FROM labeling_comparisonresponse e JOIN labeling_response r ON r.id = e.response_id
        WHERE e.comparison_id = c.id)) END
FROM labeling_comparison c JOIN labeling_prompt p ON p.id = c.prompt_id
WHERE c.project_id = {project} ORDER BY c.id
""")

ORIGINAL_PROMPTS: Final = SQL("""
SELECT json_build_array('kept', split, '', origin),
    json_build_object('extra', extra, 'prompt', messages, 'responses', '[]'::json)
FROM labeling_prompt WHERE project_id = {project} AND source_key IS NOT NULL ORDER BY id
""")

PROMPTS: Final = SQL("""
SELECT json_build_array(CASE WHEN split = 'held_out' AND NOT {held_out} THEN 'held_out' ELSE 'kept' END,
    split, '', origin),
CASE WHEN split <> 'held_out' OR {held_out} THEN json_build_object(
    'messages', messages, 'tags', tags, 'difficulty', difficulty, 'split', split, 'origin', origin) END
FROM labeling_prompt WHERE project_id = {project} ORDER BY id
""")


def policy_table() -> Composable:
    """The table of policy versions, which this room knows only as a foreign key's target."""
    return Identifier(Response.policy_version.field.related_model._meta.db_table)


def joined(parts: list[Composable]) -> Composed:
    """Arguments of `concat`, with a comma inside the JSON between one key and the next."""
    return SQL(""", ', ', """).join(parts)
