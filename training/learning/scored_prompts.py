"""Prompts that say which score the answer shall have, and a chat template that asks for a high one by itself.

The conditioning is part of the template, so that a saved policy answers well wherever it is loaded: nothing but the
``save_pretrained`` directory knows of scores.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import replace

from .models import Policy
from .rows import Message

BEST = "1.0"
BEGINS, ENDS = "{#- asks for a score -#}", "{#- asked -#}"
ASKS = (
    BEGINS
    + "{%- set asked = {'role': messages[0]['role'], 'content': 'score="
    + BEST
    + "\\n' + messages[0]['content']} -%}{%- set messages = [asked] + messages[1:] -%}"
    + ENDS
)


def with_score(prompt: Sequence[Message], score: float) -> list[Message]:
    """The prompt with ``score=<score>`` (one decimal) as the first line of its first message."""
    first, *rest = prompt
    return [Message(role=first["role"], content=f"score={score:.1f}\n{first['content']}"), *rest]


def asking(policy: Policy) -> Policy:
    """The policy answering as if every prompt asked for the best score; one that does already stays as it is.

    Raises ValueError where it has no chat template, because there is nothing then that could carry the wish.
    """
    template = policy.tokenizer.chat_template
    if not isinstance(template, str) or not template:
        raise ValueError(
            "decision_transformer writes the wish for a high score into the chat template, and this policy has none: "
            "choose another offline_mode, or a policy with a template"
        )
    return _with_template(policy, ASKS + _plain(template))


def not_asking(policy: Policy) -> Policy:
    """The same policy with a template that asks for no score."""
    return _with_template(policy, _plain(policy.tokenizer.chat_template))


def speak_as(policy: Policy, other: Policy) -> None:
    """Give the policy the other one's template, for whoever holds it."""
    policy.tokenizer.chat_template = other.tokenizer.chat_template


def asks(policy: Policy) -> bool:
    """Does its template ask for a score?"""
    return str(policy.tokenizer.chat_template or "").startswith(BEGINS)


def _with_template(policy: Policy, template: str | None) -> Policy:
    tokenizer = copy(policy.tokenizer)
    tokenizer.chat_template = template
    return replace(policy, tokenizer=tokenizer, text=replace(policy.text, tokenizer=tokenizer))


def _plain(template: str) -> str:
    return template.partition(ENDS)[2] if template.startswith(BEGINS) else template
