"""Asking a capable language model: one client for everything that judges, criticises or writes for the trainer."""

from .client import ChatClient, Question
from .endpoint import Endpoint
from .quoting import DATA_RULE, quoted
from .reading import Answer
from .trouble import BudgetSpent, JudgeTrouble, NoUsableAnswer

__all__ = [
    "DATA_RULE",
    "Answer",
    "BudgetSpent",
    "ChatClient",
    "Endpoint",
    "JudgeTrouble",
    "NoUsableAnswer",
    "Question",
    "quoted",
]
