"""A Llama written out, with nothing that this race's model does not need: what the hardware allows in plain torch."""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch.nn import functional as F
from transformers import LlamaConfig


class BareLlama:
    """Weights as a flat dictionary; queries, keys and values are one product, gate and up another."""

    def __init__(self, directory: Path) -> None:
        config = LlamaConfig.from_pretrained(directory)
        self.layers, self.heads, self.epsilon = (
            config.num_hidden_layers,
            config.num_attention_heads,
            config.rms_norm_eps,
        )
        stored = load_file(directory / "model.safetensors")
        kept = {name.removeprefix("model."): value for name, value in stored.items()}
        for layer in range(self.layers):
            for joined, parts in (("self_attn.qkv", "qkv"), ("mlp.gate_up", ("gate", "up"))):
                block = f"layers.{layer}.{joined.partition('.')[0]}."
                kept[f"layers.{layer}.{joined}"] = torch.cat([kept.pop(f"{block}{part}_proj.weight") for part in parts])
        self.weights = {name: value.float().requires_grad_() for name, value in kept.items()}
        width = config.hidden_size // config.num_attention_heads
        rates = 10_000.0 ** (-torch.arange(0, width, 2) / width)
        angles_PE = torch.outer(torch.arange(config.max_position_embeddings).float(), rates).repeat(1, 2)
        self.cosine_PE, self.sine_PE = angles_PE.cos(), angles_PE.sin()

    @property
    def head(self) -> torch.Tensor:
        """The last product: the vocabulary's rows, or a reward's single one."""
        return self.weights["score.weight" if "score.weight" in self.weights else "lm_head.weight"]

    def states(self, ids_RL: torch.Tensor, position_RL: torch.Tensor, mask_R1LL: torch.Tensor) -> torch.Tensor:
        """[R, L, hidden] after the last norm."""
        angles = self.cosine_PE[position_RL][:, None], self.sine_PE[position_RL][:, None]
        x_RLD = F.embedding(ids_RL, self.weights["embed_tokens.weight"])
        for layer in range(self.layers):
            x_RLD = self._layer(x_RLD, f"layers.{layer}.", angles, mask_R1LL)
        return self._norm(x_RLD, "norm")

    def _layer(
        self, x_RLD: torch.Tensor, at: str, angles: tuple[torch.Tensor, torch.Tensor], mask_R1LL: torch.Tensor
    ) -> torch.Tensor:
        weights, (rows, length, width) = self.weights, x_RLD.shape
        joined = F.linear(self._norm(x_RLD, f"{at}input_layernorm"), weights[f"{at}self_attn.qkv"])
        query, key, value = joined.view(rows, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(_turned(query, *angles), _turned(key, *angles), value, mask_R1LL)
        mixed_RLD = seen.transpose(1, 2).reshape(rows, length, width)
        x_RLD = x_RLD + F.linear(mixed_RLD, weights[f"{at}self_attn.o_proj.weight"])
        gate, up = F.linear(self._norm(x_RLD, f"{at}post_attention_layernorm"), weights[f"{at}mlp.gate_up"]).chunk(
            2, -1
        )
        return x_RLD + F.linear(F.silu(gate) * up, weights[f"{at}mlp.down_proj.weight"])

    def _norm(self, x_RLD: torch.Tensor, name: str) -> torch.Tensor:
        return F.rms_norm(x_RLD, x_RLD.shape[-1:], self.weights[f"{name}.weight"], self.epsilon)


def _turned(x: torch.Tensor, cosine: torch.Tensor, sine: torch.Tensor) -> torch.Tensor:
    """Rotary positions."""
    first, second = x.chunk(2, -1)
    return x * cosine + torch.cat([-second, first], -1) * sine
