"""The small classifier that shows what augmentation is worth, trained on a few drawings of each class."""

from __future__ import annotations

__all__ = ["Classifier", "ClassifierTraining", "accuracy_of", "train_classifier"]

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from allograph.evaluation.critics.fitting import minimise


@dataclass(frozen=True)
class ClassifierTraining:
    """How a classifier is made and trained, on any data: ``steps`` steps with ``per_class`` images of each class."""

    steps: int = 400
    per_class: int = 2
    widths: tuple[int, ...] = (32, 64, 64)
    learning_rate: float = 3e-3
    weight_decay: float = 0.05


class Classifier(nn.Module):
    """Blocks of convolution, batch norm, ReLU and pooling, then the mean over the remaining pixels and a linear
    layer."""

    def __init__(self, ways: int, channels: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for width in widths:
            layers += [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
            layers += [nn.MaxPool2d(2)]
            channels = width
        self.blocks = nn.Sequential(*layers)
        self.decide = nn.Linear(channels, ways)
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def forward(self, images: Float[Tensor, "n c size size"]) -> Float[Tensor, "n ways"]:
        """Logits of the classes."""
        return self.decide(self.blocks(images).mean((2, 3)).float())


def train_classifier(
    batch: Callable[[int], Float[Tensor, "ways m c size size"]],
    ways: int,
    channels: int,
    training: ClassifierTraining,
    seed: int,
) -> Classifier:
    """Train on ``batch(step)``, m images of each class; equal seeds start with equal weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        classifier = Classifier(ways, channels, training.widths)

    def loss_of(step: int) -> tuple[Tensor, Tensor]:
        images = batch(step)
        labels = torch.arange(ways).repeat_interleave(images.shape[1])
        with torch.autocast("cpu", torch.bfloat16):
            logits = classifier(images.flatten(0, 1).contiguous(memory_format=torch.channels_last))
        return F.cross_entropy(logits.float(), labels), (logits.argmax(1) == labels).float().mean()

    minimise(
        classifier,
        loss_of,
        steps=training.steps,
        learning_rate=training.learning_rate,
        weight_decay=training.weight_decay,
    )
    return classifier.eval()


@torch.inference_mode()
def accuracy_of(classifier: Classifier, images: Float[Tensor, "ways m c size size"]) -> float:
    """How often the classifier names the right class of an image; row w belongs to class w."""
    labels = torch.arange(len(images)).repeat_interleave(images.shape[1])
    return float((classifier(images.flatten(0, 1)).argmax(1) == labels).double().mean())
