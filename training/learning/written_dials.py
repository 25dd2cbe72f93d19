"""The dials of rewards that a language model writes: as text before a score, or as code."""

from dataclasses import dataclass


@dataclass(frozen=True)
class WrittenDials:
    """``writing_weight`` weighs the language model's loss on a critique or trace (mean per token) beside the score's.
    ``longest_writing`` is tokens that the reward model writes before a score; ``tool_steps`` how often it may use a
    tool first. ``code_rounds`` of ``candidates`` reward functions each are written; ``wanted`` says in words what
    people want, for the one who writes them.
    """

    writing_weight: float = 1.0
    longest_writing: int = 64
    tool_steps: int = 2
    code_rounds: int = 5
    candidates: int = 6
    wanted: str = ""

    def check_written(self) -> None:
        """Refuse dials without a meaning."""
        if self.writing_weight < 0.0:
            raise ValueError(f"writing_weight is at least 0, not {self.writing_weight}")
        for name, least, most in (
            ("longest_writing", 1, 1024),
            ("tool_steps", 0, 8),
            ("code_rounds", 1, 20),
            ("candidates", 2, 16),
        ):
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name} is from {least} to {most}, not {getattr(self, name)}")
        if len(self.wanted) > 4000:
            raise ValueError("wanted is at most 4000 characters")
