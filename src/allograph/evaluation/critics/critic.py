"""The critic: a small convolutional network that learned on other alphabets which drawings show the same character."""

from __future__ import annotations

__all__ = [
    "SOURCE_SIZE",
    "Critic",
    "CriticConfig",
    "CriticTraining",
    "default_critic",
    "new_critic",
    "train_critic",
    "varied",
]

import hashlib
import json
import math
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors
import torch
from jaxtyping import Float
from safetensors.torch import save as to_bytes
from torch import Tensor, nn
from torch.nn import functional as F

from allograph.errors import AllographError
from allograph.evaluation.critics.fitting import Report, minimise

if TYPE_CHECKING:
    from allograph.data import ConceptDataset

_FORMAT = "allograph-critic-1"
SOURCE_SIZE = 64
"""Side of the drawings for training: twice the side of the default critic."""

_DRAWINGS = 4  # drawings of each character in a batch: each is the support of the other three


@dataclass(frozen=True)
class CriticConfig:
    """Shape of a critic: every image is resized to `size` pixels square; `widths` are the channels of each block."""

    size: int = 32
    widths: tuple[int, ...] = (32, 64, 128, 256)


@dataclass(frozen=True)
class CriticTraining:
    """How a critic is trained: batches of `characters`, `per_alphabet` from each alphabet, four drawings of each."""

    steps: int = 3000
    characters: int = 60
    per_alphabet: int = 20
    learning_rate: float = 3e-3
    weight_decay: float = 0.05
    seed: int = 0


class Critic(nn.Module):
    """Prototypical network: phi(x) is the output of convolution blocks, scaled to length sqrt(D).

    The cosine of their features says how alike two drawings are; a query belongs to the class of the most similar
    support. With features of length sqrt(D) the variance over drawings, averaged over the D dimensions, is the fraction
    of phi that the drawings do not share: between 0 (all equal) and 1.

    Snell, Swersky, Zemel, *Prototypical Networks for Few-shot Learning*, NeurIPS 2017, section 2; four blocks as there,
    but with the cosine (Vinyals et al., 2016), so that drawings with more ink do not count more.
    """

    def __init__(self, config: CriticConfig | None = None) -> None:
        super().__init__()
        self.config = config or CriticConfig()
        layers: list[nn.Module] = []
        channels = 1
        for width in self.config.widths:
            layers += [
                nn.Conv2d(channels, width, 3, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(),
                nn.MaxPool2d(2),
            ]
            channels = width
        self.blocks = nn.Sequential(*layers, nn.Flatten())
        self.log_sharpness = nn.Parameter(torch.tensor(math.log(10.0)))
        self.card: dict[str, Any] = {}
        # Twice as fast on CPUs as the default layout.
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def forward(self, images: Float[Tensor, "B 1 S S"]) -> Float[Tensor, "B D"]:
        """Features of images of any side S (ink 1, background 0), each of length sqrt(D)."""
        features = self.blocks(_resize(images, self.config.size)).float()
        return F.normalize(features, dim=1) * math.sqrt(features.shape[1])

    @torch.inference_mode()
    def features(self, images: Float[Tensor, "... 1 S S"], batch: int = 50) -> Float[Tensor, "... D"]:
        """Features of any number of images, without gradients, in evaluation mode, `batch` at a time."""
        flat = images.reshape(-1, *images.shape[-3:])
        was_training = self.training
        self.eval()
        device = self.log_sharpness.device
        found = torch.cat([self(part.to(device)).cpu() for part in flat.split(batch)])
        self.train(was_training)
        return found.reshape(*images.shape[:-3], -1)

    @property
    def fingerprint(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 over the weights: results name their critic."""
        digest = hashlib.sha256()
        for name, value in sorted(self.state_dict().items()):
            digest.update(name.encode())
            digest.update(value.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]

    def save(self, path: Path | str) -> None:
        """Write weights, configuration and card to one safetensors file, completely or not at all."""
        metadata = {"format": _FORMAT, "config": json.dumps(asdict(self.config)), "card": json.dumps(self.card)}
        content = to_bytes({name: value.contiguous() for name, value in self.state_dict().items()}, metadata)
        target = Path(path)
        partial = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            partial.write_bytes(content)
            os.replace(partial, target)
        except OSError as error:
            raise AllographError(f"cannot write {target}: {error.strerror}; choose another place") from error
        finally:
            partial.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: Path | str) -> Critic:
        """Read a critic that `save` wrote, in evaluation mode; runs no code from the file. Raises AllographError for a
        bad file."""
        if not Path(path).is_file():
            raise AllographError(f"no critic at {path}; give the path of a file that `Critic.save` wrote")
        try:
            with safetensors.safe_open(str(path), framework="pt") as file:
                metadata = file.metadata() or {}
                weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
            if metadata.get("format") != _FORMAT:
                raise AllographError(f"{path} is a safetensors file but not a critic; train one with `train_critic`")
            config = json.loads(metadata["config"])
            critic = new_critic(CriticConfig(size=config["size"], widths=tuple(config["widths"])), seed=0)
            critic.load_state_dict(weights)
            critic.card = json.loads(metadata["card"])
        except (safetensors.SafetensorError, OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise AllographError(
                f"{path} is damaged or not a critic ({reason}); get it again or train it again"
            ) from error
        return critic.eval()


def default_critic() -> Critic:
    """The critic that ships, trained only on the training characters of the 30-20 split."""
    return Critic.load(Path(__file__).with_name("critic.safetensors"))


def _resize(images: Float[Tensor, "B 1 S S"], size: int) -> Float[Tensor, "B 1 s s"]:
    """Resize square images, antialiased so that no thin stroke falls between pixels."""
    if images.shape[-1] == size:
        return images
    return F.interpolate(images, (size, size), mode="bilinear", antialias=True, align_corners=False)


def _episode(dataset: ConceptDataset, training: CriticTraining, step: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (C, 4) and symmetry (C,) 0-7 of one batch, a pure function of (seed, step).

    Characters come from one alphabet at a time, since characters of the same alphabet are the hardest to tell apart.
    Alphabets with more characters come more often. All characters of an alphabet are shown in the same one of the eight
    symmetries of the square, which makes eight alphabets of one.
    """
    rng = np.random.Generator(np.random.Philox(key=(training.seed, step)))
    sizes = np.bincount(dataset.family, minlength=len(dataset.family_names))
    present = np.flatnonzero(sizes)
    order = rng.choice(present, len(present), replace=False, p=sizes[present] / sizes.sum())
    concepts: list[int] = []
    symmetry: list[int] = []
    for family in order:
        members = np.flatnonzero(dataset.family == family)
        room = min(training.per_alphabet, training.characters - len(concepts), len(members))
        concepts += list(rng.choice(members, room, replace=False))
        symmetry += [int(rng.integers(8))] * room
        if len(concepts) == training.characters:
            break
    images = np.stack([rng.choice(dataset.images_of(concept), _DRAWINGS, replace=False) for concept in concepts])
    return images, np.asarray(symmetry)


def varied(
    drawings: Float[Tensor, "B 1 s s"],
    symmetry: Float[Tensor, " B"],
    size: int,
    generator: torch.Generator,
    crop: float = 1.0,
) -> Float[Tensor, "B 1 S S"]:
    """Show each drawing in its class's symmetry, slightly moved and turned, and rendered in its own way.

    How a drawing is rendered (thick or thin, grey or binary strokes) must not tell classes apart, nor real drawings
    from generated ones. With ``crop`` below 1 only a part of each is shown: a square of at least that share of the
    side, anywhere.
    """
    count = len(drawings)

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(count, generator=generator) * (high - low) + low

    def matrix(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
        return torch.stack([a, b, c, d], -1).unflatten(-1, (2, 2))

    angle = uniform(-0.2, 0.2) + (symmetry % 4) * (math.pi / 2)
    flip = torch.where(symmetry >= 4, -1.0, 1.0)
    turn = matrix(angle.cos() * flip, -angle.sin(), angle.sin() * flip, angle.cos())
    shear = matrix(uniform(0.85, 1.2), uniform(-0.2, 0.2), uniform(-0.2, 0.2), uniform(0.85, 1.2))
    shift = torch.stack([uniform(-0.12, 0.12), uniform(-0.12, 0.12)], -1)
    linear = turn @ shear
    if crop < 1:
        part = uniform(crop, 1.0)
        place = torch.stack([uniform(-1.0, 1.0), uniform(-1.0, 1.0)], -1)
        shift = shift + place * (1 - part)[:, None]
        linear = linear * part[:, None, None]
    grid = F.affine_grid(torch.cat([linear, shift[..., None]], -1), list(drawings.shape), align_corners=False)
    moved = F.grid_sample(drawings, grid, padding_mode="zeros", align_corners=False)

    # Strokes are about two pixels wide here; blurred by up to one and thresholded at `level`, they are one and a half
    # to four.
    blurred = moved + uniform(0.0, 1.0)[:, None, None, None] * (F.avg_pool2d(moved, 3, 1, 1) - moved)
    level = uniform(0.25, 0.55)[:, None, None, None]
    sharpness = torch.exp(uniform(math.log(5.0), math.log(40.0)))[:, None, None, None]
    return _resize(torch.sigmoid((blurred - level) * sharpness) - torch.sigmoid(-level * sharpness), size)


def _episode_loss(
    features: Float[Tensor, "C n D"], sharpness: Float[Tensor, ""]
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """One-shot cross entropy and accuracy; every drawing is once the support of all others of its class."""
    classes, drawings, dimensions = features.shape
    alike = torch.einsum("cid,kjd->cijk", features, features) / dimensions * sharpness  # query (c, i), support (k, j)
    target = torch.arange(classes)[:, None, None].expand(classes, drawings, drawings)
    other = ~torch.eye(drawings, dtype=torch.bool).expand(classes, -1, -1)
    chosen, labels = alike[other], target[other]
    return F.cross_entropy(chosen, labels), (chosen.argmax(-1) == labels).float().mean()


def new_critic(config: CriticConfig | None, seed: int) -> Critic:
    """A critic with the random weights of this seed; does not change global random state."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Critic(config)


def train_critic(
    dataset: ConceptDataset,
    training: CriticTraining | None = None,
    config: CriticConfig | None = None,
    *,
    report: Report | None = None,
) -> Critic:
    """Train a critic on one-shot episodes of `dataset`, which must hold training characters only.

    Loss: cross entropy of exp(s cos(phi(x), phi(x'_k))) over all characters k of the batch, x'_k one drawing of each.
    Data and noise depend only on (seed, step).
    """
    training = training or CriticTraining()
    counts = dataset.drawings_per_concept
    if len(counts) == 0 or counts.min() < _DRAWINGS:
        raise AllographError(
            f"{dataset.name}: a critic needs {_DRAWINGS} drawings of every character; leave out the rest"
        )
    sources = dataset.drawings(np.arange(len(dataset)), SOURCE_SIZE).to(torch.uint8)
    critic = new_critic(config, training.seed)

    def episode_loss(step: int) -> tuple[Tensor, Tensor]:
        images, symmetry = _episode(dataset, training, step)
        generator = torch.Generator().manual_seed(training.seed * 1_000_003 + step)
        drawings = sources[torch.from_numpy(images.ravel())].float()
        shown = varied(drawings, torch.from_numpy(symmetry).repeat_interleave(_DRAWINGS), critic.config.size, generator)
        with torch.autocast("cpu", torch.bfloat16):
            features = critic(shown)
        return _episode_loss(features.unflatten(0, images.shape), critic.log_sharpness.exp())

    minimise(
        critic,
        episode_loss,
        steps=training.steps,
        learning_rate=training.learning_rate,
        weight_decay=training.weight_decay,
        report=report,
    )
    critic.card = {
        "data": dataset.name,
        "data_fingerprint": dataset.fingerprint(),
        "characters": dataset.concepts,
        "training": asdict(training),
    }
    return critic.eval()
