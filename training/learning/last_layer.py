"""The last layer, computed only where somebody reads its result.

What follows the last attention works on each place by itself: where no state is read (prompts, padding, and for a
reward head all but the ends) the feed-forward and the projections around the attention need not run. Saves up to a
fifth of a four-layer model's step and a thirtieth of a thirty-layer one's. Whether a model allows it is tried out, not
known by name: a caller compares the states with those of a plain pass.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

# Parts of a layer that map each place by itself, as Llama, Qwen, SmolLM and GPT-2 call them.
BY_PLACE = ("self_attn.q_proj", "self_attn.o_proj", "attn.c_proj", "mlp")


@contextmanager
def last_layer_at(backbone: Any, read_P: torch.Tensor) -> Iterator[None]:
    """Within, the last layer's states are right only at ``read_P``, flat places of the batch, each named once.

    Raises AttributeError for a backbone without a list of layers that have such parts.
    """
    parts = list(_parts(backbone))
    if not parts:
        raise AttributeError(f"{type(backbone).__name__} has no layers whose parts are known")
    with ExitStack() as hooks:
        for part in parts:
            _narrow(part, read_P, hooks)
        yield


def _parts(backbone: Any) -> Iterator[Any]:
    lists = [child for child in backbone.children() if isinstance(child, torch.nn.ModuleList)]
    known = dict(lists[0][-1].named_modules()) if len(lists) == 1 else {}
    yield from (known[name] for name in BY_PLACE if name in known)


def _narrow(part: Any, read_P: torch.Tensor, hooks: ExitStack) -> None:
    """Let a part see only those places, and put what it makes of them back, with zeros elsewhere."""
    shape: list[int] = []

    def gather(_: Any, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        shape[:] = inputs[0].shape[:2]
        return (inputs[0].flatten(0, 1)[read_P],)

    def scatter(_: Any, inputs: Any, output_PX: torch.Tensor) -> torch.Tensor:
        full_NX = output_PX.new_zeros(shape[0] * shape[1], output_PX.shape[-1])
        return full_NX.index_copy(0, read_P, output_PX).view(*shape, -1)

    hooks.callback(part.register_forward_pre_hook(gather).remove)
    hooks.callback(part.register_forward_hook(scatter).remove)
