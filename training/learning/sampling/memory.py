"""What a model remembers between tokens: the fastest kind that its architecture is found to work with."""

from typing import Any, Protocol
from weakref import WeakKeyDictionary

import torch
from transformers import DynamicCache

from .rows_cache import RowsCache


class Memory(Protocol):
    """The state of a batch of sequences that are read token by token."""

    def inputs(self, ids: torch.Tensor) -> dict[str, Any]:
        """The model's arguments to read on with ``ids`` [rows, new tokens]."""

    def take(self, rows: torch.Tensor) -> None:
        """Go on with these rows, some perhaps several times."""

    def keep(self, kept: torch.Tensor) -> torch.Tensor:
        """Drop all rows but ``kept`` (ascending). Returns which old row each new row is."""


class Rows:
    """Keys and values in place (``RowsCache``); for models that take a mask of their own."""

    def __init__(self, model: Any) -> None:
        """Empty, for any number of rows."""
        self.cache = RowsCache(int(model.config.num_hidden_layers))

    def inputs(self, ids: torch.Tensor) -> dict[str, Any]:
        """Only the new tokens."""
        return {"input_ids": ids, "past_key_values": self.cache, "use_cache": True}

    def take(self, rows: torch.Tensor) -> None:
        """Copy rows of every layer."""
        self.cache.reorder_cache(rows)  # type: ignore[arg-type]

    def keep(self, kept: torch.Tensor) -> torch.Tensor:
        """Move as few rows as possible: their order changes."""
        return self.cache.keep_rows(kept)


class Growing:
    """transformers' own cache, which knows windows and hybrid layers."""

    def __init__(self, model: Any) -> None:
        """Empty, with the layers that the configuration names."""
        self.cache = DynamicCache(config=model.config)

    def inputs(self, ids: torch.Tensor) -> dict[str, Any]:
        """Only the new tokens."""
        return {"input_ids": ids, "past_key_values": self.cache, "use_cache": True}

    def take(self, rows: torch.Tensor) -> None:
        """Copy rows of every layer."""
        self.cache.reorder_cache(rows)  # type: ignore[arg-type]

    def keep(self, kept: torch.Tensor) -> torch.Tensor:
        """Copy the kept rows."""
        self.take(kept)
        return kept


class Rereading:
    """No cache: everything is read again for every token. Slow, and right for every architecture."""

    def __init__(self, model: Any) -> None:
        """Nothing read yet."""
        self.ids = torch.zeros(0, 0, dtype=torch.long, device=model.device)

    def inputs(self, ids: torch.Tensor) -> dict[str, Any]:
        """All tokens so far."""
        self.ids = torch.cat([self.ids, ids], dim=1) if len(self.ids) else ids
        return {"input_ids": self.ids, "use_cache": False}

    def take(self, rows: torch.Tensor) -> None:
        """Take the rows' tokens."""
        self.ids = self.ids[rows]

    def keep(self, kept: torch.Tensor) -> torch.Tensor:
        """Take the kept rows' tokens."""
        self.take(kept)
        return kept


_kinds: "WeakKeyDictionary[Any, type[Memory]]" = WeakKeyDictionary()


def memory(model: Any, *, takes_mask: bool) -> Memory:
    """A fresh memory of the fastest kind; which one is found out by trying, once per model."""
    if model not in _kinds:
        kinds: tuple[type[Memory], ...] = (Rows, Growing) if takes_mask else (Growing,)
        _kinds[model] = next((kind for kind in kinds if _remembers(model, kind)), Rereading)
    made: Memory = _kinds[model](model)  # type: ignore[call-arg]
    return made


@torch.no_grad()
def _remembers(model: Any, kind: type[Memory]) -> bool:
    """Do two prompts read in pieces, in another order, give the logits of reading them whole?"""
    ids = torch.arange(3, 11, device=model.device).view(2, 4) % int(model.config.vocab_size)
    swapped = torch.tensor([1, 0], device=model.device)
    whole = model(input_ids=ids[swapped], use_cache=False).logits[:, -1].float()
    tolerance = 1e-4 if model.dtype in (torch.float32, torch.float64) else 6e-2
    try:
        state = kind(model)  # type: ignore[call-arg]
        model(**state.inputs(ids[:, :3]))
        state.take(swapped)
        pieces = model(**state.inputs(ids[swapped, 3:])).logits[:, -1].float()
    except (TypeError, ValueError, RuntimeError, AttributeError, NotImplementedError):
        return False  # the architecture keeps its state elsewhere
    gap = (whole.log_softmax(-1) - pieces.log_softmax(-1)).abs().max()
    return bool(gap < tolerance * max(1.0, float(whole.abs().max())))
