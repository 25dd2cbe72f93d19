"""Asking a capable language model: one client for everything that judges, criticises or writes for the trainer."""

from .client import Answer, ChatClient, Question
from .endpoint import Endpoint
from .quoting import DATA_RULE, quoted
from .trouble import BudgetSpent, JudgeTrouble

__all__ = ["DATA_RULE", "Answer", "BudgetSpent", "ChatClient", "Endpoint", "JudgeTrouble", "Question", "quoted"]
