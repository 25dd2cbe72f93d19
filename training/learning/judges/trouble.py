"""What can go wrong with a language model behind an address, in words that say what to do."""


class JudgeTrouble(RuntimeError):
    """The endpoint gave no usable answer; the message says why, and never holds the key."""


class BudgetSpent(JudgeTrouble):
    """A run asked for more requests or tokens than it was given."""


class NoUsableAnswer(JudgeTrouble, ValueError):
    """The endpoint answers, but not this question, or not in a form that can be read; others it may answer well."""
