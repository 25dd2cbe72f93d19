"""Reading a reward model back: its ``reward.json`` says by which method it was trained, and so what it is."""

import json
from pathlib import Path
from typing import Any

from ..models import NoModel
from .interface import RewardModel
from .methods import REWARD_METHODS
from .robust.adjusted import with_adjustments


def load_reward(directory: Path, device: str = "cpu") -> RewardModel:
    """One member, whatever its method. Raises NoModel in words."""
    try:
        about: Any = json.loads((directory / "reward.json").read_text(encoding="utf-8"))
        method = str(about.get("method", "davidson"))  # the first reward models named none
    except (OSError, ValueError, AttributeError) as error:
        raise NoModel(f"{directory.name} holds no reward model that Heed saved: train it again ({error})") from error
    if method not in REWARD_METHODS:
        raise NoModel(f"{directory.name} was trained by {method!r}, which this Heed does not know: train it again")
    return with_adjustments(REWARD_METHODS[method].load(directory, device), directory)
