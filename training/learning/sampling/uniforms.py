"""Random numbers that belong to a sample, not to its batch."""

from collections.abc import Sequence

import numpy as np
import torch


def uniforms(seeds: Sequence[int], count: int) -> torch.Tensor:
    """Numbers in [0, 1), [samples, count] fp64: row i is a function of seed i alone, its start of nothing else.

    Philox is counter-based, so a longer row begins with the shorter one. Raises ValueError for a seed outside
    0..2**64 - 1.
    """
    rows = np.empty((len(seeds), count))
    for row, seed in zip(rows, seeds, strict=True):
        if not 0 <= seed < 2**64:
            raise ValueError(f"a seed is an integer from 0 to 2**64 - 1, not {seed}")
        np.random.Generator(np.random.Philox(key=seed)).random(out=row)
    return torch.from_numpy(rows)
