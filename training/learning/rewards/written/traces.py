"""A reward model that uses tools before it scores: Thought, Action, Observation, Rationale.

Li et al. 2023, "Tool-Augmented Reward Modeling" (Themis), arXiv:2310.01045. A model speaks in turns of few lines. It
either names a tool of the closed list and its input, and is told what the tool says, or it closes with a rationale.
What it writes is data: it can choose among the tools and what to put into them, and nothing else.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from ...judges import DATA_RULE, Answer, NoUsableAnswer, Question, quoted
from ...judges.quoting import conversation
from ...models import Policy
from ...recipes import SamplerSettings
from ...rows import Message
from ...sampling import sample
from ..fast.states import Pair
from ..lesson import Lesson
from ..tools import TOOLS, use
from .hearing import Hearing, whole_sentences
from .writing import Form, Writing, WritingReward, about
from .writing_lesson import Written, sides_of, train_writing

METHOD = "tool_augmented"
QUESTION = "Check this answer with tools if that helps, then say how good it is."
LONGEST_TURN = 600  # characters of a turn that are kept
STEP = re.compile(
    r"^(?:Thought:[ \t]*(?P<thought>[^\n]*)\n)?Action:[ \t]*(?P<tool>[\w-]+)[ \t]*(?:\nInput:[ \t]*(?P<input>[^\n]*))?",
    re.MULTILINE,
)
ASKED = f"""You examine an assistant's answer. You work in turns, each of which has one of two forms.
To use a tool, answer with exactly three lines:
Thought: what you want to find out
Action: the tool's name
Input: what you give to it
You are then told what it says, as a line that begins with Observation. The tools are:
{chr(10).join(f"{name}: {tool.meaning}" for name, tool in TOOLS.items())}
To close, answer with one line:
Rationale: in one to three sentences what is good and bad about the answer, and what the tools showed
Give no score. {DATA_RULE}"""

Speak = Callable[[Sequence[Sequence[Message]]], Sequence[str | None]]  # the next turns; None: there is no trace


def traces(speak: Speak, openings: Sequence[list[Message]], pairs: Sequence[Pair], tool_steps: int) -> list[Writing]:
    """A trace for each pair, as the turns that follow its opening. After ``tool_steps`` uses the next turn closes.
    Where a turn cannot be had nothing of the trace is kept."""
    found: list[list[Message]] = [[] for _ in pairs]
    open_ones = list(range(len(pairs)))
    for step in range(tool_steps + 1):
        if not open_ones:
            break
        said = speak([[*openings[place], *found[place]] for place in open_ones])
        still = []
        for place, text in zip(open_ones, said, strict=True):
            turns = [] if text is None else _turns(text, pairs[place], may_use=step < tool_steps)
            found[place] = [*found[place], *turns] if turns else []
            if len(turns) == 2:
                still.append(place)
        open_ones = still
    return [list(turns) for turns in found]


def _turns(text: str, pair: Pair, *, may_use: bool) -> list[Message]:
    """One turn as it is kept: a tool's use with its observation, or the rationale. Lines that a model wrote after its
    input, such as an observation of its own making, are not kept."""
    asked = STEP.search(text[: 4 * LONGEST_TURN]) if may_use else None
    if asked is None:
        closing = " ".join(text.split()).removeprefix("Rationale:").strip()[:LONGEST_TURN]
        return [Message(role="assistant", content=f"Rationale: {closing}")]
    thought, tool, given = ((asked[name] or "").strip()[:LONGEST_TURN] for name in ("thought", "tool", "input"))
    seen = use(tool, given, "\n".join(message["content"] for message in pair[1]))
    return [
        Message(role="assistant", content=f"Thought: {thought}\nAction: {tool}\nInput: {given}"),
        Message(role="user", content=f"Observation: {seen}"),
    ]


def write_traces(policy: Policy, form: Form, pairs: Sequence[Pair]) -> list[Writing]:
    """The model's own traces, greedily, with real observations."""
    settings = SamplerSettings(temperature=0.0, max_new_tokens=form.longest)

    def speak(conversations: Sequence[Sequence[Message]]) -> list[str]:
        return [one.text for one in sample(policy, conversations, settings, range(len(conversations)))]

    return traces(speak, [about(pair, form.question) for pair in pairs], pairs, form.tool_steps)


def asked_traces(hearing: Hearing, pairs: Sequence[Pair], tool_steps: int) -> list[Writing]:
    """Traces by the judge; prompt and response are quoted as data. None for a pair whose answers cannot be used."""

    def speak(conversations: Sequence[Sequence[Message]]) -> list[str | None]:
        return hearing.texts([Question(tuple(messages), max_tokens=300) for messages in conversations], whole_turn)

    return traces(speak, [_opening(pair) for pair in pairs], pairs, tool_steps)


def whole_turn(answer: Answer) -> str:
    """A turn's text; of one that was cut, a tool's use whose lines were finished, or a rationale's whole sentences.

    Raises NoUsableAnswer where neither is there.
    """
    if not answer.cut or not STEP.search(answer.text):
        return whole_sentences(answer)
    lines = answer.text.rpartition("\n")[0]
    used = STEP.search(lines)
    if used is None or used["input"] is None:
        raise NoUsableAnswer("an answer was cut at its limit of tokens before it named a tool and its input")
    return lines


def _opening(pair: Pair) -> list[Message]:
    prompt, response = pair
    told = f"{quoted('conversation', conversation(prompt))}\n{quoted('answer', conversation(response))}"
    return [Message(role="system", content=ASKED), Message(role="user", content=told)]


def train_tool_user(lesson: Lesson) -> WritingReward:
    """One member: the judge writes a trace for every response, the model learns to write such traces and to score
    after them. A response whose trace cannot be had teaches the score alone."""
    recipe = lesson.recipe
    form = Form(METHOD, QUESTION, recipe.longest_writing, recipe.tool_steps, recipe.max_length)
    model = WritingReward(lesson.policy, form, write_traces)
    pairs = [pair for row in lesson.train for pair in sides_of(row)]
    hearing = Hearing(lesson.asked(), len(pairs), lesson.should_stop)
    found = asked_traces(hearing, pairs, recipe.tool_steps)
    hearing.tell(lesson)
    written: list[Written] = list(zip(found[0::2], found[1::2], strict=True))
    return train_writing(lesson, model, written, [(True, True)] * len(written))


def load_tool_user(directory: Path, device: str = "cpu") -> WritingReward:
    """Read a saved member back. Raises NoModel in words."""
    return WritingReward.load(directory, device, write_traces)
