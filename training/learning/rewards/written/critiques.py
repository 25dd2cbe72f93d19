"""A reward model that criticises before it scores: critiques by people, else by a judge, teach it to write its own.

Zhang et al. 2025, MM-RLHF, arXiv:2502.10391. When it scores it reads its own critique, not the people's; that is
what the judgments kept back are predicted with, so the accuracy of a run is that of its own critiques.
"""

from collections.abc import Sequence
from pathlib import Path

from ...judges import DATA_RULE, Question, quoted
from ...judges.quoting import conversation
from ...models import Policy
from ...recipes import SamplerSettings
from ...rows import Message, PreferenceRow
from ...sampling import sample
from ..fast.states import Pair
from ..lesson import Lesson
from .hearing import Hearing, whole_sentences
from .writing import Form, Writing, WritingReward, about
from .writing_lesson import Written, sides_of, train_writing

METHOD = "critique_based"
QUESTION = "What is good and what is bad about this answer?"
LONGEST = 1_000  # characters of a critique that is learned
ASKED = (
    "You criticise answers of an assistant. Say in one to three short sentences what is good and what is bad about "
    "the answer: whether it does what was asked, whether it is right, how it is written. Give no score. " + DATA_RULE
)


def train_critic(lesson: Lesson) -> WritingReward:
    """One member. Rows without critiques get them from the judge where one is configured; else, and where its answer
    cannot be used, they teach the score alone."""
    recipe = lesson.recipe
    form = Form(METHOD, QUESTION, recipe.longest_writing, 0, recipe.max_length)
    model = WritingReward(lesson.policy, form, write_critiques)
    written = _critiques(lesson)
    return train_writing(lesson, model, written, [(not _said(row, 0), not _said(row, 1)) for row in lesson.train])


def load_critic(directory: Path, device: str = "cpu") -> WritingReward:
    """Read a saved member back. Raises NoModel in words."""
    return WritingReward.load(directory, device, write_critiques)


def write_critiques(policy: Policy, form: Form, pairs: Sequence[Pair]) -> list[Writing]:
    """The model's own critiques, greedily."""
    settings = SamplerSettings(temperature=0.0, max_new_tokens=form.longest)
    asked = [about(pair, form.question) for pair in pairs]
    return [critique(one.text) for one in sample(policy, asked, settings, range(len(asked)))]


def critique(text: str) -> Writing:
    """A critique as the turn that answers the question; none for an empty text."""
    kept = text.strip()[:LONGEST]
    return [Message(role="assistant", content=kept)] if kept else []


def _said(row: PreferenceRow, side: int) -> str:
    """What people said of one response; nothing where nobody did."""
    return row.critiques[side].strip() if row.critiques else ""


def _critiques(lesson: Lesson) -> list[Written]:
    """People's critiques, and the judge's where they gave none."""
    rows = lesson.train
    given: list[list[str]] = [[_said(row, 0), _said(row, 1)] for row in rows]
    if lesson.client is not None:
        wanted = [(n, k) for n, both in enumerate(given) for k in (0, 1) if not both[k]]
        hearing = Hearing(lesson.client, len(wanted), lesson.should_stop)
        asked = hearing.texts([ask_about(sides_of(rows[n])[k]) for n, k in wanted], whole_sentences)
        for (n, k), text in zip(wanted, asked, strict=True):
            given[n][k] = text or ""
        hearing.tell(lesson)
    return [(critique(both[0]), critique(both[1])) for both in given]


def ask_about(pair: Pair) -> Question:
    """What the judge is asked about one response; prompt and response are quoted as data."""
    prompt, response = pair
    told = f"{quoted('conversation', conversation(prompt))}\n{quoted('answer', conversation(response))}"
    messages = (Message(role="system", content=ASKED), Message(role="user", content=told))
    return Question(messages, max_tokens=200)
