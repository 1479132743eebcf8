"""Every member of the family, each in a tiny instance."""

from __future__ import annotations

__all__ = ["MEMBERS", "Member", "images", "random_model"]

from dataclasses import dataclass, replace

from torch import Tensor

from allograph.likelihoods import LikelihoodConfig
from allograph.models import DeepConfig, GenerativeModel, LinearConfig, ModelConfig
from models.small import small_config, small_draw, small_sequential, some_images, with_random_weights

GREY = LikelihoodConfig("logistic")
COLOUR = LikelihoodConfig("logistic-mixture", channels=3, components=2)
LEVELS = LikelihoodConfig("categorical", levels=4)
DENSE = DeepConfig(image_size=6, latents=(3, 2), units=(7, 6), depth=1)
CONVOLUTIONS = replace(DENSE, network="convolutional", width=2)
LINEAR = LinearConfig(image_size=6, latent=3)


@dataclass(frozen=True)
class Member:
    """A configuration, and the names of the layers from which its posterior and its learned prior come directly."""

    config: ModelConfig
    posterior: tuple[str, ...] = ("posterior.output",)
    prior: tuple[str, ...] = ()

    @property
    def top_down(self) -> bool:
        return isinstance(self.config, DeepConfig) and self.config.posterior == "top-down"


def decided(config: ModelConfig) -> Member:
    return Member(config, prior=("prior.output",) if config.prior == "learned" else ())  # type: ignore[union-attr]


def drawn(**parts: object) -> Member:
    return Member(small_draw(**parts), posterior=("posterior",))


def deep(config: DeepConfig) -> Member:
    layers = range(len(config.latents))
    return Member(config, tuple(f"guesses.{i}" for i in layers), tuple(f"predictors.{i}.1" for i in layers[:-1]))


def linear(config: LinearConfig) -> Member:
    return Member(config, posterior=("encoder", "posterior_log_std"))


MEMBERS: dict[str, Member] = {
    "bending-learned": decided(small_config()),
    "bending-standard": decided(small_config(prior="standard")),
    "bending-grey": decided(small_config(likelihood=GREY)),
    "bending-colour": decided(small_config(likelihood=LikelihoodConfig("gaussian", channels=3, scale=0.3))),
    "sequential-affine-context": decided(small_sequential(context=True)),
    "sequential-gated": decided(
        small_sequential(canvas="gated", canvas_channels=2, attention="zoom", prior="standard")
    ),
    "sequential-gaussian": decided(small_sequential(attention="gaussian", embedding=0, prior="standard")),
    "sequential-inferred-context": decided(small_sequential(context=True, context_by="inference", heads=2)),
    "sequential-whole-context": decided(small_sequential(attention="none", embedding=0, context=True)),
    "sequential-grey": decided(small_sequential(attention="stretch", likelihood=GREY, canvas_channels=2)),
    "sequential-colour-context": decided(
        small_sequential(likelihood=COLOUR, canvas="gated", canvas_channels=3, context=True)
    ),
    "sequential-two-windows": decided(small_sequential(windows=2, read_patch=2, context=True, canvas="gated")),
    "sequential-levels": decided(small_sequential(likelihood=LEVELS, canvas_channels=5)),
    "draw": drawn(),
    "draw-whole": drawn(attention="none", error_image=False),
    "draw-colour": drawn(likelihood=LikelihoodConfig("gaussian", channels=3, scale=0.3)),
    "vae": deep(replace(DENSE, latents=(3,), units=(7,))),
    "deep-bottom-up": deep(DENSE),
    "deep-top-down": deep(replace(DENSE, posterior="top-down")),
    "deep-convolutional": deep(replace(CONVOLUTIONS, posterior="top-down")),
    "deep-grey": deep(replace(CONVOLUTIONS, likelihood=GREY)),
    "pca": linear(replace(LINEAR, noise="isotropic")),
    "factor-analysis": linear(LINEAR),
}


def random_model(name: str) -> GenerativeModel:
    return with_random_weights(MEMBERS[name].config)


def images(model: GenerativeModel, *batch: int, seed: int = 1) -> Tensor:
    levels = getattr(model.likelihood, "levels", 2)
    channels, size = model.likelihood.channels, model.config.image_size
    return some_images(*batch, channels=channels, size=size, levels=levels, seed=seed)
