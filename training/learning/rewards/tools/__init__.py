"""Tools that a reward model may ask before it judges: a closed list, each bounded in time, input and output."""

from .toolbox import TOOLS, Tool, use

__all__ = ["TOOLS", "Tool", "use"]
