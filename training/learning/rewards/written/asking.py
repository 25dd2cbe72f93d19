"""Asking a language model for reward code: what it may use, what people like, what the last rounds showed."""

from ...judges import DATA_RULE, ChatClient, Question, quoted
from ...judges.client import Listen, ignore
from ...judges.structured import ask_for, fenced
from ...rows import Message
from .code import Program
from .declared import declaration
from .rounds import Rounds, Write, feedback

RULES = """You write reward functions for responses of an assistant: the larger the number, the better the response.
A function is a few lines `name = expression`; the last one is `reward = expression`. Give each consideration a line \
and a name of its own, so that its part in the reward can be seen. An expression may hold numbers, the features below, \
names of earlier lines, + - * / **, < <= > >= == !=, and, or, not, `a if condition else b`, min(a, b), max(a, b), \
abs(a), log(a), exp(a). There is nothing else: no import, no def, no text, no list, no attribute. Guard divisions and \
logarithms, for example words / max(sentences, 1).

Features of a response:
{features}

Answer with one fenced block of code and nothing else.
{rule}"""
WAYS = (
    "Begin with what seems most likely to matter.",
    "Weigh form (length, lists, marks) more than wording.",
    "Weigh wording and tone more than form.",
    "Prefer few lines and a single strong consideration.",
    "Weigh what takes up the prompt and is concrete.",
    "Try what nobody has tried so far.",
)


def writer(client: ChatClient, task: str, seed: int = 0, heard: Listen = ignore) -> Write:
    """Asks the client: each candidate of a round is a draw of its own, another ``seed`` draws others. ``heard`` is
    called as by ``ask_all``.

    What it returns raises NoUsableAnswer (a ValueError) where no code comes.
    """

    def write(rounds: Rounds, number: int) -> Program:
        question = Question(
            messages=messages(task, rounds, number),
            temperature=1.0,
            max_tokens=600,
            draw=10_000 * seed + 100 * len(rounds.done) + number,
        )
        return ask_for(client, question, lambda text: Program.read(fenced(text)), heard=heard)

    return write


def messages(task: str, rounds: Rounds, number: int) -> tuple[Message, ...]:
    """The prompt for one candidate. The project's words, examples of responses and earlier code are quoted as data."""
    told = [f"What the people of this project want:\n{quoted('guideline', task)}"]
    pool = rounds.pools[0]
    examples = "\n---\n".join(pool.responses[:3])
    told.append(f"A prompt and some responses to it:\n{quoted('prompt', pool.prompt)}\n{quoted('responses', examples)}")
    if rounds.done:
        earlier = quoted("earlier", feedback(rounds))
        told.append(f"After round {len(rounds.done)} people looked at what the candidates picked:\n{earlier}")
        told.append("Write a better one: keep what made the best good, leave what made the worst bad.")
    told.append(WAYS[number % len(WAYS)])
    system = RULES.format(features=declaration(), rule=DATA_RULE)
    return {"role": "system", "content": system}, {"role": "user", "content": "\n\n".join(told)}
