"""A row of each format as a file holds it, for people who are about to write one."""

from typing import NamedTuple


class Example(NamedTuple):
    """What somebody has, the format that reads it (empty: any), a line of such a file, and what to know of it."""

    title: str
    format: str
    row: str
    note: str = ""


EXAMPLES = (
    Example("A prompt", "prompts", '{"prompt": "Why is the sky blue?", "tags": ["physics"]}', "A text or messages."),
    Example(
        "Two answers, the better one named",
        "trl",
        '{"prompt": "Why is the sky blue?", "chosen": "Air scatters blue light most.", "rejected": "It is the sea."}',
        "Texts or messages; the prompt may stand inside both answers instead.",
    ),
    Example(
        "Two transcripts",
        "hh",
        r'{"chosen": "\n\nHuman: Why?\n\nAssistant: Because.", "rejected": "\n\nHuman: Why?\n\nAssistant: No."}',
    ),
    Example(
        "Two answers and how much better one is",
        "helpsteer2",
        '{"prompt": "2 + 2?", "response_1": "4.", "response_2": "5.", "preference_strength": -3, '
        '"preference_statement": "Only the first is right."}',
        "From -3, the first is much better, over 0 to 3.",
    ),
    Example(
        "Two answers and several people",
        "annotators",
        '{"instruction": "Add.", "input": "2 + 2", "response1": "4.", "response2": "5.", '
        '"annotator1": 1, "annotator2": 0}',
        "1 or 2 names the better answer, 0 is a tie.",
    ),
    Example(
        "More than a verdict",
        "",
        r'{"prompt": "9 × 7?", "chosen": "54 + 9.\nSo 63.", "rejected": "72.", "criterion": "correctness", '
        '"ratings": [{"correct": 4, "brief": 3}, {"correct": 0}], "steps": [[true, true], [0.1]], '
        '"critiques": ["Shows why.", "A slip."]}',
        "Any pair may carry these, with an entry for each answer in their order. Ratings are numbers by attribute. "
        "Steps say of each line that is not blank whether it is right: true, false, or 0 to 1. UltraFeedback’s "
        "score_chosen and score_rejected are ratings too.",
    ),
    Example(
        "One answer and what was said of it",
        "rated",
        '{"prompt": "2 + 2?", "response": "4.", "ratings": {"helpfulness": 4, "verbosity": 1}, "critique": "Right."}',
        "Ratings, steps or a critique; HelpSteer2’s five columns are ratings.",
    ),
    Example(
        "One answer in steps",
        "stepwise",
        '{"prompt": "9.11 or 9.9?", "completions": ["9 is 9.", "11 is more than 9.", "So 9.11."], '
        '"labels": [true, false, false]}',
    ),
    Example(
        "One answer that was found good or bad",
        "kto",
        '{"prompt": "2 + 2?", "completion": "5.", "label": false}',
        "True or false, or 0 to 1; texts or messages.",
    ),
    Example(
        "An answer that shows how",
        "demonstrations",
        '{"prompt": "Why is the sky blue?", "completion": "Air scatters blue light most."}',
        "Texts or messages.",
    ),
)
BESIDE = (
    "A pair of any format may also carry criterion (a text), and ratings (objects of numbers by attribute), steps "
    "(lists of marks, one for each line that is not blank) and critiques (texts), each a list with an entry for each "
    "response. null is none; what has another shape is kept and named in a warning."
)
