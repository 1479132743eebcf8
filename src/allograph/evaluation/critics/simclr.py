"""The embedding that measures diversity: SimCLR, which has learned without labels what makes drawings alike."""

from __future__ import annotations

__all__ = ["SimCLRTraining", "contrastive_loss", "default_embedding", "train_simclr"]

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from allograph.errors import AllographError
from allograph.evaluation.critics.critic import SOURCE_SIZE, Critic, CriticConfig, new_critic, varied
from allograph.evaluation.critics.fitting import Report, minimise

if TYPE_CHECKING:
    from allograph.data import ConceptDataset


@dataclass(frozen=True)
class SimCLRTraining:
    """How the embedding is trained: batches of ``images`` drawings, two views of each, seen through a head of
    ``hidden`` and ``projection`` units that is dropped afterwards; ``crop`` is the smallest share of a side that a view
    shows."""

    steps: int = 2400
    images: int = 128
    temperature: float = 0.2
    crop: float = 0.6
    hidden: int = 256
    projection: int = 128
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    seed: int = 0


def default_embedding() -> Critic:
    """The embedding that ships, trained only on the training alphabets of the 30-20 split."""
    return Critic.load(Path(__file__).with_name("simclr.safetensors"))


def contrastive_loss(
    one: Float[Tensor, "B D"], other: Float[Tensor, "B D"], temperature: float
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """NT-Xent: ``-log(exp(s_ij / t) / sum_{k != i} exp(s_ik / t))``, s the cosine and i, j two views of one drawing,
    averaged over all 2B views; and how often a view's nearest neighbour is its partner."""
    views = F.normalize(torch.cat([one, other]).float(), dim=1)
    alike = (views @ views.T / temperature).fill_diagonal_(-torch.inf)
    partner = torch.arange(len(views)).roll(len(one))
    return F.cross_entropy(alike, partner), (alike.argmax(1) == partner).float().mean()


def train_simclr(
    dataset: ConceptDataset,
    training: SimCLRTraining | None = None,
    config: CriticConfig | None = None,
    *,
    report: Report | None = None,
) -> Critic:
    """Train an embedding on the drawings of ``dataset``, which must hold training alphabets only; it sees no labels.

    The features come from the critic's four convolution blocks; views are crops, turned, sheared, moved, and drawn with
    another pen. Data and noise depend only on (seed, step).

    Chen, Kornblith, Norouzi, Hinton, *A Simple Framework for Contrastive Learning of Visual Representations*, ICML
    2020, algorithm 1.
    """
    training = training or SimCLRTraining()
    if len(dataset) < training.images:
        raise AllographError(
            f"{dataset.name} has {len(dataset)} drawings, but a batch {training.images}: add drawings or use smaller "
            "batches"
        )
    sources = dataset.drawings(np.arange(len(dataset)), SOURCE_SIZE).to(torch.uint8)
    critic = new_critic(config, training.seed)
    width = critic.config.widths[-1] * (critic.config.size >> len(critic.config.widths)) ** 2
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(training.seed)
        head = nn.Sequential(
            nn.Linear(width, training.hidden), nn.ReLU(), nn.Linear(training.hidden, training.projection)
        )

    def loss_of(step: int) -> tuple[Tensor, Tensor]:
        rng = np.random.Generator(np.random.Philox(key=(training.seed, step)))
        chosen = torch.from_numpy(rng.choice(len(sources), training.images, replace=False))
        # Each drawing in one of the eight symmetries of the square, the same for both views: eight times as many
        # symbols.
        symmetry = torch.from_numpy(rng.integers(8, size=training.images))
        generator = torch.Generator().manual_seed(training.seed * 1_000_003 + step)
        twice, turned = sources[chosen].float().repeat(2, 1, 1, 1), symmetry.repeat(2)
        views = varied(twice, turned, critic.config.size, generator, training.crop)
        with torch.autocast("cpu", torch.bfloat16):
            one, other = head(critic(views)).chunk(2)
        return contrastive_loss(one, other, training.temperature)

    minimise(
        nn.ModuleList([critic, head]),
        loss_of,
        steps=training.steps,
        learning_rate=training.learning_rate,
        weight_decay=training.weight_decay,
        report=report,
    )
    critic.card = {
        "kind": "SimCLR",
        "data": dataset.name,
        "data_fingerprint": dataset.fingerprint(),
        "characters": dataset.concepts,
        "training": asdict(training),
    }
    return critic.eval()
