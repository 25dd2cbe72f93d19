"""Keys and values of a batch whose rows end one by one: written in place, finished rows given back."""

from typing import Any

import torch
from transformers.cache_utils import Cache, CacheLayerMixin

COLUMNS_AT_ONCE = 64


class RowsLayer(CacheLayerMixin):  # type: ignore[no-untyped-call]
    """One layer's keys and values, [rows, heads, columns, width], in buffers with columns to spare.

    transformers' own growing cache copies everything for every token; this one writes a column.
    """

    is_sliding = False

    def __init__(self) -> None:
        """Empty until the first update."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.columns = 0

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """Make room for the prompt and the first tokens."""
        self.keys, self.values = key_states[:, :, :0], value_states[:, :, :0]
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append columns and return all that are filled."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        start, self.columns = self.columns, self.columns + key_states.shape[2]
        assert self.keys is not None and self.values is not None  # noqa: S101 - for the type checker
        if self.columns > self.keys.shape[2]:
            self.keys = _widened(self.keys, start, self.columns + COLUMNS_AT_ONCE)
            self.values = _widened(self.values, start, self.columns + COLUMNS_AT_ONCE)
        self.keys[:, :, start : self.columns] = key_states
        self.values[:, :, start : self.columns] = value_states
        return self.keys[:, :, : self.columns], self.values[:, :, : self.columns]

    def keep_rows(self, holes: torch.Tensor, movers: torch.Tensor, count: int) -> None:
        """Copy the rows ``movers`` into ``holes`` and keep the first ``count`` rows: costs only what moves."""
        for buffer in (self.keys, self.values):
            assert buffer is not None  # noqa: S101 - for the type checker
            buffer[holes, :, : self.columns] = buffer[movers, :, : self.columns]
        self.keys, self.values = self.keys[:count], self.values[:count]  # type: ignore[index]

    def reorder_cache(self, beam_idx: torch.Tensor) -> None:
        """Take rows in a new order, some perhaps several times."""
        assert self.keys is not None and self.values is not None  # noqa: S101 - for the type checker
        self.keys = self.keys[:, :, : self.columns].index_select(0, beam_idx)
        self.values = self.values[:, :, : self.columns].index_select(0, beam_idx)

    def get_seq_length(self) -> int:
        """How many columns are filled."""
        return self.columns

    def get_max_length(self) -> int:
        """Without a limit."""
        return -1

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Length and offset of the keys that a query of this length sees."""
        return self.columns + query_length, 0


def _widened(buffer: torch.Tensor, filled: int, columns: int) -> torch.Tensor:
    rows, heads, _, width = buffer.shape
    wider = buffer.new_empty(rows, heads, columns, width)
    wider[:, :, :filled] = buffer[:, :, :filled]
    return wider


class RowsCache(Cache):
    """A cache of ``RowsLayer``, one per layer of the model."""

    def __init__(self, layers: int) -> None:
        """``layers`` as the model's configuration says."""
        self.rows_layers = [RowsLayer() for _ in range(layers)]
        super().__init__(layers=list(self.rows_layers))

    def keep_rows(self, kept: torch.Tensor) -> torch.Tensor:
        """Give back all rows but ``kept`` (ascending). Returns which old row each new row is."""
        count = len(kept)
        order = torch.arange(count, device=kept.device)
        taken = torch.zeros(count, dtype=torch.bool, device=kept.device)
        taken[kept[kept < count]] = True
        holes, movers = order[~taken], kept[kept >= count]
        order[holes] = movers
        for layer in self.rows_layers:
            layer.keep_rows(holes, movers, count)
        return order
