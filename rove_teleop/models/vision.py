"""What a mini-VLA sees: images and an instruction become one vector, which the actor reads beside the joints."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from .checkpoint import VisionHeader
from .images import as_input

STEM = (32, 64)
"""Channels of the convolutions before the tokens; with the third layer each halves the picture, 8 pixels a token."""


class VisionEncoder(nn.Module):
    """Images (b, height, width, 3) uint8 by camera and instructions (b,) to features (b, width).

    Convolutions make a token of every 8 x 8 pixels; cameras share them and are told apart by a learned offset.
    Transformer blocks mix the tokens with one of the instruction, which is what the actor reads.
    """

    def __init__(self, header: VisionHeader) -> None:
        super().__init__()
        self.header = header
        layers: list[nn.Module] = []
        channels = 3
        for wide in STEM:
            layers += [nn.Conv2d(channels, wide, 3, stride=2, padding=1), nn.SiLU()]
            channels = wide
        self.stem = nn.Sequential(*layers, nn.Conv2d(channels, header.width, 3, stride=2, padding=1))
        self.camera = nn.Parameter(0.02 * torch.randn(len(header.cameras), header.width))
        self.instruction = nn.Embedding(len(header.instructions), header.width)
        self.blocks = nn.ModuleList(Block(header.width, header.heads) for _ in range(header.blocks))
        self.norm = nn.LayerNorm(header.width)

    def forward(self, images: Mapping[str, Tensor], instruction: Tensor) -> Tensor:
        """Features (b, width)."""
        tokens = [self.instruction(instruction)[:, None]]
        for name, offset in zip(self.header.cameras, self.camera, strict=True):
            seen = self.stem(as_input(images[name]))
            place = positions(seen.shape[2], seen.shape[3], seen.shape[1]).to(seen)
            tokens.append(seen.flatten(2).transpose(1, 2) + place + offset)
        mixed = torch.cat(tokens, dim=1)
        for block in self.blocks:
            mixed = block(mixed)
        features: Tensor = self.norm(mixed[:, 0])
        return features


class Block(nn.Module):
    """Attention and a two-layer network on tokens (b, t, width), each added to what came in, norms first."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention, self.before_network = nn.LayerNorm(width), nn.LayerNorm(width)
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.network = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens of the same shape."""
        count, length, width = tokens.shape
        parts = self.queries_keys_values(self.before_attention(tokens)).view(count, length, 3, self.heads, -1)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        mixed = nn.functional.scaled_dot_product_attention(query, key, value)
        tokens = tokens + self.out(mixed.transpose(1, 2).reshape(count, length, width))
        result: Tensor = tokens + self.network(self.before_network(tokens))
        return result


def positions(rows: int, columns: int, width: int) -> Tensor:
    """Sines and cosines (rows * columns, width) of a token's place: half of them its row, half its column."""
    quarter = width // 4
    frequency = torch.exp(-math.log(1000.0) * torch.arange(quarter) / quarter)
    angles = [torch.arange(count)[:, None] * frequency for count in (rows, columns)]
    row, column = (torch.cat([angle.sin(), angle.cos()], dim=1) for angle in angles)
    both = torch.cat([row[:, None].expand(-1, columns, -1), column[None].expand(rows, -1, -1)], dim=2)
    return both.reshape(rows * columns, 4 * quarter)
