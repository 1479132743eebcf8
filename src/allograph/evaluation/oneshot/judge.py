"""The judge of the Turing test: a small network that sees an exemplar and a drawing, and says who drew the drawing."""

from __future__ import annotations

__all__ = ["Judge", "JudgeTraining", "scores_of", "train_judge"]

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional as F

from allograph.evaluation.critics.fitting import minimise

_LARGE = 80
"""From this side on, the first convolution takes every second pixel."""

_AT_ONCE = 100


@dataclass(frozen=True)
class JudgeTraining:
    """How a judge is made and trained: in each step it sees ``pairs`` drawings by people and as many others."""

    steps: int = 400
    pairs: int = 32
    widths: tuple[int, ...] = (16, 32, 64)
    learning_rate: float = 1e-2
    weight_decay: float = 0.05


class Judge(nn.Module):
    """Blocks of convolution, batch norm, ReLU and pooling, then the mean over the remaining pixels and a linear
    layer."""

    def __init__(self, size: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 2
        for width in widths:
            if not layers and size >= _LARGE:
                layers += [nn.Conv2d(channels, width, 5, stride=2, padding=2, bias=False)]
                layers += [nn.BatchNorm2d(width), nn.ReLU()]
            else:
                layers += [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
                layers += [nn.MaxPool2d(2)]
            channels = width
        self.blocks = nn.Sequential(*layers)
        self.decide = nn.Linear(channels, 1)
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def forward(self, pairs: Float[Tensor, "n 2 S S"]) -> Float[Tensor, " n"]:
        """The logit that no person drew the second image of each pair."""
        return self.decide(self.blocks(pairs).mean((2, 3)).float())[:, 0]


def train_judge(
    people: UInt8[Tensor, "n 2 S S"],
    others: UInt8[Tensor, "n 2 S S"],
    training: JudgeTraining,
    seed: int,
    progress: Callable[[int], None] = lambda step: None,
) -> Judge:
    """Train on pairs of an exemplar and a drawing, the i-th of both kinds with the same exemplar; exemplars alone tell
    nothing. Each step shows its pairs in one of the eight symmetries of the square. Equal seeds give equal judges."""
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        judge = Judge(people.shape[-1], training.widths)
    labels = torch.tensor([0.0, 1.0]).repeat_interleave(training.pairs)

    def loss_of(step: int) -> tuple[Tensor, Tensor]:
        chosen = torch.randint(len(people), (training.pairs,), generator=generator)
        symmetry = int(torch.randint(8, (), generator=generator))
        pairs = torch.cat([people[chosen], others[chosen]]).float().rot90(symmetry % 4, (2, 3))
        pairs = pairs.flip(3) if symmetry >= 4 else pairs
        with torch.autocast("cpu", torch.bfloat16):
            logits = judge(pairs.contiguous(memory_format=torch.channels_last))
        progress(step + 1)
        return F.binary_cross_entropy_with_logits(logits, labels), ((logits > 0) == (labels > 0)).float().mean()

    minimise(
        judge,
        loss_of,
        steps=training.steps,
        learning_rate=training.learning_rate,
        weight_decay=training.weight_decay,
    )
    return judge.eval()


@torch.inference_mode()
def scores_of(judge: Judge, pairs: UInt8[Tensor, "n 2 S S"]) -> Float[Tensor, " n"]:
    """The logits of the pairs."""
    return torch.cat([judge(part.float()) for part in pairs.split(_AT_ONCE)])
