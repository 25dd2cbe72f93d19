"""Results as plain JSON values, which a database takes whatever the figures came to."""

import math
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import Any

import numpy as np


def jsonable(told: Any) -> Any:
    """Dataclasses as objects, sequences as lists, and null for what is not finite."""
    if is_dataclass(told) and not isinstance(told, type):
        return jsonable(asdict(told))
    if isinstance(told, Mapping):
        return {str(key): jsonable(value) for key, value in told.items()}
    if isinstance(told, (list, tuple, np.ndarray)):
        return [jsonable(value) for value in told]
    if isinstance(told, np.generic):
        return jsonable(told.item())
    return None if isinstance(told, float) and not math.isfinite(told) else told
