"""A causal language model written as transformers writes them: masks and positions are made on the
device of the embeddings, and looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The defaults are those of a network of seven billion parameters."""

    layers: int = 32
    width: int = 4096
    heads: int = 32
    hidden: int = 11008
    vocabulary: int = 32000
    window: int | None = None

    @property
    def params(self) -> int:
        """Two tables of tokens; four square and three other matrices and two norms a layer."""
        layer = 4 * self.width**2 + 3 * self.width * self.hidden + 2 * self.width
        return 2 * self.vocabulary * self.width + self.layers * layer + self.width

    def macs(self, tokens: int) -> int:
        """One sequence: every token meets every matrix, and every other token twice."""
        matrices = 4 * self.width**2 + 3 * self.width * self.hidden
        layer = tokens * matrices + 2 * tokens**2 * self.width
        return self.layers * layer + tokens * self.width * self.vocabulary


class _Norm(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        wide = x.to(torch.float32)
        wide = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + 1e-6)
        return self.weight * wide.to(x.dtype)


class _Rotary(nn.Module):
    inv_freq: Tensor

    def __init__(self, extent: int) -> None:
        super().__init__()
        inv_freq = 1 / 10000 ** (torch.arange(0, extent, 2, dtype=torch.int64).float() / extent)
        self.register_buffer("inv_freq", inv_freq, persistent=False)
        self.longest = 64

    @torch.no_grad()
    def forward(self, x: Tensor, position_ids: Tensor) -> tuple[Tensor, Tensor]:
        length = int(torch.max(position_ids)) + 1
        if length > self.longest:  # as frequencies that depend on the length are recomputed
            self.inv_freq = self.inv_freq.to(position_ids.device)
            self.longest = length
        angles = position_ids[:, :, None].float() * self.inv_freq[None, None, :].float().to(
            x.device
        )
        both = torch.cat((angles, angles), dim=-1)
        return both.cos().to(dtype=x.dtype), both.sin().to(dtype=x.dtype)


def _rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    left, right = x.chunk(2, dim=-1)
    return x * cos.unsqueeze(1) + torch.cat((-right, left), dim=-1) * sin.unsqueeze(1)


class _Layer(nn.Module):
    def __init__(self, config: Config) -> None:
        super().__init__()
        self.extent = config.width // config.heads
        self.q_proj, self.k_proj, self.v_proj, self.o_proj = (
            nn.Linear(config.width, config.width, bias=False) for _ in range(4)
        )
        self.gate_proj = nn.Linear(config.width, config.hidden, bias=False)
        self.up_proj = nn.Linear(config.width, config.hidden, bias=False)
        self.down_proj = nn.Linear(config.hidden, config.width, bias=False)
        self.input_norm, self.hidden_norm = _Norm(config.width), _Norm(config.width)

    def forward(self, x: Tensor, mask: Tensor | None, cos: Tensor, sin: Tensor) -> Tensor:
        normed = self.input_norm(x)
        shape = (*x.shape[:-1], -1, self.extent)
        query, key, value = (
            project(normed).view(shape).transpose(1, 2)
            for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        attended = functional.scaled_dot_product_attention(
            _rotated(query, cos, sin), _rotated(key, cos, sin), value, mask, is_causal=mask is None
        )
        x = x + self.o_proj(attended.transpose(1, 2).reshape(x.shape))
        normed = self.hidden_norm(x)
        gated = functional.silu(self.gate_proj(normed)) * self.up_proj(normed)
        down: Tensor = self.down_proj(gated)
        return x + down


class Causal(nn.Module):
    """Logits of the next token at every place of sequences that may be padded."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.window = config.window
        self.embed_tokens = nn.Embedding(config.vocabulary, config.width, padding_idx=0)
        self.layers = nn.ModuleList(_Layer(config) for _ in range(config.layers))
        self.norm, self.rotary = _Norm(config.width), _Rotary(config.width // config.heads)
        self.lm_head = nn.Linear(config.width, config.vocabulary, bias=False)

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        x: Tensor = self.embed_tokens(input_ids)
        if attention_mask is None:
            attention_mask = torch.ones(input_ids.shape, device=x.device)
        attention_mask = attention_mask.to(device=x.device, dtype=torch.bool)
        if attention_mask.device != x.device or input_ids.device != self.norm.weight.device:
            raise ValueError("all tensors must be on one device")
        position_ids = attention_mask.long().cumsum(-1) - 1
        position_ids.masked_fill_(attention_mask == 0, 1)
        mask = self._causal_mask(x, attention_mask)
        cos, sin = self.rotary(x, position_ids)
        for layer in self.layers:
            x = layer(x, mask, cos, sin)
        logits: Tensor = self.lm_head(self.norm(x))
        return logits

    def _causal_mask(self, x: Tensor, attention_mask: Tensor) -> Tensor | None:
        """Floats to be added to scores; None where torch can do without, which is looked at."""
        places = torch.arange(x.shape[1], device=x.device)
        if attention_mask.all() and (self.window is None or x.shape[1] <= self.window):
            return None
        seen = places[None, :] <= places[:, None]
        if self.window is not None:
            seen = seen & (places[None, :] > places[:, None] - self.window)
        seen = seen[None, None] & attention_mask[:, None, None, :]
        lowest = torch.finfo(x.dtype).min
        mask = torch.where(seen, torch.tensor(0.0, device=x.device, dtype=x.dtype), lowest)
        rows = torch.all(mask == lowest, dim=-1, keepdim=True)  # padding that sees nothing
        return mask.mul(~rows) if rows.any() else mask


def large(tokens: int = 4096) -> tuple[nn.Module, tuple[Tensor, Tensor]]:
    """Return seven billion parameters, and one padded sequence."""
    return Causal(Config()), padded(1, tokens, tokens // 4)


def padded(sequences: int, tokens: int, padding: int) -> tuple[Tensor, Tensor]:
    """Return tokens and a mask that leaves out the first ``padding`` of the first sequence."""
    mask = torch.ones(sequences, tokens, dtype=torch.long)
    mask[0, :padding] = 0
    return torch.full((sequences, tokens), 7), mask
