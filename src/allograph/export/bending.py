"""The two passes of the model that bends its exemplar as graphs, in the letters of `allograph.models.bending`.

Drawings are those that `allograph write` makes: the exemplar bent, crisp, nothing written beside it.
"""

from __future__ import annotations

__all__ = ["likelihood_pass", "sampling_pass"]

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from allograph.attention import WindowNetwork
from allograph.attention.bending import FLAT
from allograph.canvas import BentCanvas
from allograph.export.graph import Graph, Value
from allograph.export.parts import Gaussian, cell, encode, head, kl, linear, log_prob
from allograph.export.places import grid_sample, invert, sample_points, window
from allograph.models import BendingModel


@dataclass(frozen=True)
class _Seen:
    """The exemplars, and what is computed from them once."""

    exemplar: Value
    embedding: Value
    filtered: Value

    def repeat(self, times: Value, model: BendingModel) -> _Seen:
        size = model.config.image_size
        bells = len(model.config.bells)
        return _Seen(
            self.exemplar.repeat(times, [1, size, size]),
            self.embedding.repeat(times, [model.config.embedding]),
            self.filtered.repeat(times, [bells, size, size]),
        )


def sampling_pass(g: Graph, model: BendingModel) -> None:
    """Exemplars (batch, count, 1, S, S) and noise (batch, n, T, latent) to canvases and windows of the steps that
    bend."""
    config, (steps, latent) = model.config, model.noise_shape
    size, bends = config.image_size, config.bends
    exemplars = g.input("exemplars", ["batch", "count", 1, size, size])
    noise = g.input("noise", ["batch", "n", steps, latent])
    temperature = g.input("temperature", [])
    batch, n = noise.length(0), noise.length(1)
    seen = _see(g, model, exemplars).repeat(n, model)
    eps = (noise.slice(0, bends, 2) * temperature).reshape(-1, bends, latent)
    trace = _run(g, model, seen, eps, None)
    looks, after = trace["noticed"].slice(-6, np.iinfo(np.int64).max, -1), trace["after"]
    windows = _windows(g, model, looks, after)
    field = _bend(g, model, after, windows)
    sums = g.constant(np.tri(bends, dtype=np.float32)) @ field.reshape(0, bends, -1)
    displacement = _enlarged(g, model, sums.reshape(-1, 2, config.field_size, config.field_size))
    canvas = model.canvas
    assert isinstance(canvas, BentCanvas)
    profile = seen.filtered.slice(canvas.narrowest, canvas.narrowest + 1, 1)
    profile = profile.repeat(g.integers([bends]), [1, size, size])
    empty = g.weight(canvas.empty)
    canvases = empty + 2.0 * empty.abs() * _bent_strokes(g, profile, displacement, size)
    canvases = canvases.reshape(batch, n, bends, 1, size, size)
    g.output(
        "parameters", g("Gather", canvases, g.constant(np.array(bends - 1)), axis=2), ["batch", "n", 1, size, size]
    )
    g.output("canvases", canvases, ["batch", "n", bends, 1, size, size])
    for name, shown in (("write_windows", windows), ("read_windows", looks)):
        g.output(name, shown.reshape(batch, n, bends, 2, 3), ["batch", "n", bends, 2, 3])


def likelihood_pass(g: Graph, model: BendingModel) -> None:
    """Images (batch, 1, S, S), exemplars and noise (batch, k, T, latent) to log likelihood, KL and log weights, nats;
    of all pairs, ink is written beside the exemplar."""
    config, (steps, latent) = model.config, model.noise_shape
    size, canvas = config.image_size, model.canvas
    assert isinstance(canvas, BentCanvas)
    x = g.input("images", ["batch", 1, size, size])
    exemplars = g.input("exemplars", ["batch", "count", 1, size, size])
    noise = g.input("noise", ["batch", "k", steps, latent])
    batch, k = noise.length(0), noise.length(1)
    seen = _see(g, model, exemplars)
    together = encode(g, model.encode_target, g.concat(x, seen.exemplar, axis=1))
    for_posterior = linear(g, model.posterior.constant, g.concat(together, seen.embedding))
    for_posterior = for_posterior.repeat(k, [config.decision])
    seen, x = seen.repeat(k, model), x.repeat(k, [1, size, size])
    trace = _run(g, model, seen, noise.reshape(-1, steps, latent), (x, for_posterior))
    for_prior = _for_prior(g, model, seen)
    prior = head(
        g, model.prior, [trace["noticed"], trace["before"]], None if for_prior is None else for_prior.unsqueeze(1)
    )
    posterior = Gaussian(trace["mean"], trace["log_std"])
    after, looks = trace["after"], trace["noticed"].slice(-6, np.iinfo(np.int64).max, -1)
    windows = _windows(g, model, looks, after)
    sprites = linear(g, model.ink_sprite, after).reshape(-1, 1, config.patch, config.patch)
    ink = grid_sample(g, sprites, invert(g, windows.reshape(-1, 6)), size).reshape(-1, steps, 1, size, size).sum(1)
    bending = after.slice(0, config.bends, 1)
    displacement = _enlarged(g, model, _bend(g, model, bending, windows.slice(0, config.bends, 1)).sum(1))
    gains = g("Softplus", g.weight(canvas.base) + linear(g, model.gain, bending).sum(1)).unsqueeze(2, 3)
    mixed = (gains * seen.filtered).sum(1, keep=True)
    logits = g.weight(canvas.empty) + ink + _bent(g, mixed, displacement, size)
    log_likelihood = (x * logits - g("Softplus", logits)).sum(1, 2, 3)
    log_weight = log_likelihood + log_prob(prior, trace["latents"]) - log_prob(posterior, trace["latents"])
    g.output("log_likelihood", log_likelihood.reshape(batch, k), ["batch", "k"])
    g.output("kl", kl(posterior, prior).reshape(batch, k, steps), ["batch", "k", steps])
    g.output("log_weight", log_weight.reshape(batch, k), ["batch", "k"])


# -------------------------------------------------------------------- what is done once


def _see(g: Graph, model: BendingModel, exemplars: Value) -> _Seen:
    size = model.config.image_size
    assert isinstance(model.canvas, BentCanvas)
    images = exemplars.reshape(-1, 1, size, size)
    embedding = encode(g, model.encode_context, images)
    embedding = embedding.reshape(exemplars.length(0), -1, model.config.embedding).mean(1)
    exemplar, blur = exemplars.mean(1), g.weight(model.canvas.blur)
    return _Seen(exemplar, embedding, blur @ exemplar @ blur.transpose(0, 2, 1))


def _for_prior(g: Graph, model: BendingModel, seen: _Seen) -> Value | None:
    if model.config.prior == "standard":
        return None
    return linear(g, model.prior.constant, seen.embedding)  # type: ignore[arg-type]


# -------------------------------------------------------------------- the loop over t


def _run(
    g: Graph, model: BendingModel, seen: _Seen, noise: Value, target: tuple[Value, Value] | None
) -> dict[str, Value]:
    """What the steps leave behind, each (rows, T, ...); z from the posterior of a target, else from the prior."""
    patch = model.config.patch
    hidden, remembered = linear(g, model.first_state, seen.embedding).halves(-1)
    for_core, for_prior = linear(g, model.core.constant, seen.embedding), _for_prior(g, model, seen)

    def look(network: WindowNetwork, h: Value, plan: Value | None) -> Value:
        raw = linear(g, network.linear, h)
        return g.concat(*window(g, network, raw if plan is None else raw + plan))

    def seen_at(image: Value, where: Value) -> Value:
        return g("Flatten", grid_sample(g, image, where, patch), axis=1)

    def step(state: list[Value], given: list[Value]) -> tuple[list[Value], list[Value]]:
        h, remembered = state
        eps, plan = given
        where = look(model.look_context, h, plan)
        v = g.concat(seen_at(seen.exemplar, where), where)
        if target is not None:
            x, for_posterior = target
            own, beside = (seen_at(x, at) for at in (look(model.look_target, h, None), where))
            distribution = head(g, model.posterior, [own, beside, v, h], for_posterior)
        else:
            distribution = head(g, model.prior, [v, h], for_prior)
        z = distribution.mean + distribution.log_std.exp() * eps
        after = cell(g, model.core, [z, v], for_core, h, remembered)
        return list(after), [z, *distribution, v, h, after[0]]

    plan = g.weight(model.plan)
    if target is None:  # later steps than those that bend would change nothing
        plan = plan.slice(0, model.config.bends, 0)
    results = g.loop(step, [hidden.tanh(), remembered], [(noise, 1), (plan, 0)])[1]
    return dict(zip(("latents", "mean", "log_std", "noticed", "before", "after"), results, strict=True))


# -------------------------------------------------------------------- the canvas


def _windows(g: Graph, model: BendingModel, looks: Value, after: Value) -> Value:
    """Where the steps write, (rows, T, 6): a window inside the window read from."""
    a, b, x, c, d, y = looks.split(1, 1, 1, 1, 1, 1)
    i, j, u, k, m, v = window(g, model.move, linear(g, model.move.linear, after))
    return g.concat(a * i + b * k, a * j + b * m, a * u + b * v + x, c * i + d * k, c * j + d * m, c * u + d * v + y)


def _bend(g: Graph, model: BendingModel, bending: Value, windows: Value) -> Value:
    """What each step bends, (rows, bends, 2, field, field)."""
    control, side = model.config.control, model.config.field_size
    sprites = linear(g, model.bend_sprite, bending).reshape(-1, 2, control, control)
    written = grid_sample(g, sprites, invert(g, windows.reshape(-1, 6)), side)
    return written.reshape(-1, model.config.bends, 2, side, side)


def _enlarged(g: Graph, model: BendingModel, field: Value) -> Value:
    """A displacement as large as the image: bilinear interpolation, as two matrix products."""
    side, size = model.config.field_size, model.config.image_size
    lines = F.interpolate(torch.eye(side)[None], size=size, mode="linear", align_corners=False)[0].T.numpy()
    return g.constant(lines) @ field @ g.constant(np.ascontiguousarray(lines.T))


def _bent(g: Graph, image: Value, displacement: Value, size: int) -> Value:
    return sample_points(g, image, displacement.transpose(0, 2, 3, 1), size)


def _bent_strokes(g: Graph, profile: Value, displacement: Value, size: int) -> Value:
    """See `allograph.attention.bend_strokes`; slopes as products with a matrix of differences."""
    differences = np.asarray(np.gradient(np.eye(size), axis=0), np.float32)
    down, across = g.constant(differences), g.constant(np.ascontiguousarray(differences.T))
    bent = _bent(g, g.concat(profile, profile @ across, down @ profile, axis=1), displacement, size)
    bent, slope = bent.split(1, 2, axis=1)
    rows = (
        size / 2 * (displacement @ across) + g.constant(np.array([1, 0], np.float32)[:, None, None]),
        size / 2 * (down @ displacement) + g.constant(np.array([0, 1], np.float32)[:, None, None]),
    )
    (pulled_x, everywhere_x), (pulled_y, everywhere_y) = (
        ((row * slope).sum(1, keep=True), (row * row).sum(1, keep=True)) for row in rows
    )
    pulled = pulled_x * pulled_x + pulled_y * pulled_y
    steepness, flat = (slope * slope).sum(1, keep=True), FLAT * (bent * bent) + 1e-12
    exponent = (steepness + flat) / (pulled + flat * (0.5 * (everywhere_x + everywhere_y)))
    return g("Pow", g("Clip", bent, 0.0, 1.0), g("Clip", exponent, 1 / 3, 3.0))
