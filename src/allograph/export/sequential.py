"""The two passes of the sequential model as graphs, in the letters of `allograph.models.sequential`."""

from __future__ import annotations

__all__ = ["likelihood_pass", "sampling_pass"]

from dataclasses import dataclass

import numpy as np

from allograph.attention import Attention
from allograph.export.graph import Graph, Value
from allograph.export.painting import history, observed
from allograph.export.parts import Gaussian, Memory, cell, encode, head, inked, kl, linear, log_prob, memory, recall
from allograph.export.places import outline, place, read
from allograph.models import SequentialModel


@dataclass(frozen=True)
class _Seen:
    """The exemplars, as steps see them."""

    batch: Value
    exemplar: Value | None = None
    """Their mean, where steps read it."""
    constant: Value | None = None
    """What does not change with t."""
    memory: Memory | None = None
    looks: Value | None = None
    """Where the model looked at the first of them, where they are known by inference."""


@dataclass(frozen=True)
class _Trace:
    """The records of the steps, each (rows, T, ...)."""

    latents: Value
    mean: Value
    log_std: Value
    noticed: Value | None
    before: Value
    after: Value


def sampling_pass(g: Graph, model: SequentialModel) -> None:
    """Exemplars (batch, count, C, S, S) and noise (batch, n, T, latent) to canvases and windows."""
    config, (steps, latent) = model.config, model.noise_shape
    channels, size = model.likelihood.channels, config.image_size
    exemplars = g.input("exemplars", ["batch", "count", channels, size, size]) if model.conditional else None
    noise = g.input("noise", ["batch", "n", steps, latent])
    temperature = g.input("temperature", [])
    n = noise.length(1)
    rows = (noise * temperature).reshape(-1, steps, latent)
    seen = _repeat(model, _see(g, model, exemplars, noise.length(0)), n)
    if model.can_be_guided:
        assert exemplars is not None
        blank = _Seen(noise.length(0))  # of no exemplar known by inference nothing is recalled
        if not model.infers_context:
            blank = _repeat(model, _see(g, model, exemplars * 0.0, noise.length(0)), n)
        trace = _imagine(g, model, seen, rows, g.input("guidance", []), blank)
    else:
        trace = _imagine(g, model, seen, rows, None, None)
    where = _where(g, model.placing, trace.after)
    canvases = history(g, model, trace.after, where)
    parameters = model.likelihood.parameters_per_pixel
    canvases = canvases.reshape(noise.length(0), n, steps, parameters, size, size)
    drawn = g("Gather", canvases, g.constant(np.array(steps - 1)), axis=2)
    windows = ["batch", "n", steps, 2, 3]
    g.output("parameters", drawn, ["batch", "n", parameters, size, size])
    g.output("canvases", canvases, ["batch", "n", steps, parameters, size, size])
    shape = noise.length(0), n, steps, 2, 3
    g.output("write_windows", outline(g, model.placing, where, steps).reshape(*shape), windows)
    looks = seen.looks
    if looks is None and model.conditional:
        looks = trace.after
        if model.placing.numbers:
            assert trace.noticed is not None
            looks = trace.noticed.slice(-model.placing.numbers, np.iinfo(np.int64).max, -1)
    if looks is not None:
        g.output("read_windows", outline(g, model.placing, looks, steps).reshape(*shape), windows)


def likelihood_pass(g: Graph, model: SequentialModel) -> None:
    """Images (batch, C, S, S), exemplars and noise (batch, k, T, latent) to log likelihood, KL and
    log weights, nats."""
    config, (steps, latent) = model.config, model.noise_shape
    channels, size = model.likelihood.channels, config.image_size
    x = g.input("images", ["batch", channels, size, size])
    exemplars = g.input("exemplars", ["batch", "count", channels, size, size]) if model.conditional else None
    noise = g.input("noise", ["batch", "k", steps, latent])
    batch, k = noise.length(0), noise.length(1)
    seen = _see(g, model, exemplars, batch)
    constant = _for_posterior(g, model, x, seen, exemplars)
    seen, x = _repeat(model, seen, k), x.repeat(k, [channels, size, size])
    if constant is not None:
        constant = constant.repeat(k, [config.decision])
    trace = _infer(g, model, x, seen, constant, noise.reshape(-1, steps, latent))
    for_prior = _prior_constant(g, model, seen)
    if for_prior is not None:
        for_prior = for_prior.unsqueeze(1)
    noticed = [trace.noticed] if trace.noticed is not None else []
    prior = head(g, model.prior, [*noticed, trace.before], for_prior)
    posterior = Gaussian(trace.mean, trace.log_std)
    logits = observed(g, model, trace.after, _where(g, model.placing, trace.after))
    log_likelihood = (x * logits - g("Softplus", logits)).sum(1, 2, 3)
    log_weight = log_likelihood + log_prob(prior, trace.latents) - log_prob(posterior, trace.latents)
    g.output("log_likelihood", log_likelihood.reshape(batch, k), ["batch", "k"])
    g.output("kl", kl(posterior, prior).reshape(batch, k, steps), ["batch", "k", steps])
    g.output("log_weight", log_weight.reshape(batch, k), ["batch", "k"])


# -------------------------------------------------------------------- what is done once


def _see(g: Graph, model: SequentialModel, exemplars: Value | None, batch: Value) -> _Seen:
    if exemplars is None:
        return _Seen(batch)
    channels, size = model.likelihood.channels, model.config.image_size
    images = exemplars.reshape(-1, channels, size, size)
    if model.infers_context:
        steps = model.config.steps
        count = exemplars.length(1)
        alone = _infer(
            g, model, images, _Seen(images.length(0)), _for_posterior(g, model, images, _Seen(batch), None), None
        )
        latents, before = (part.reshape(batch, count, steps, -1) for part in (alone.latents, alone.before))
        first = g("Gather", before, g.constant(np.array(0)), axis=1)
        looks = _where(g, model.look_target, first)
        done = g.concat(latents, before)
        return _Seen(batch, memory=memory(g, model.recall, done, inked(g, exemplars, 2, 3, 4)), looks=looks)
    exemplar = exemplars.mean(1)
    parts = [] if model.placing.numbers else [g("Flatten", exemplar, axis=1)]
    if model.config.embedding:
        parts.append(encode(g, model.encode_context, images).reshape(batch, -1, model.config.embedding).mean(1))
    return _Seen(batch, exemplar, g.concat(*parts) if parts else None)


def _repeat(model: SequentialModel, seen: _Seen, times: Value) -> _Seen:
    """Repeated for this many rows each; a memory serves any number of them."""
    channels, size = model.likelihood.channels, model.config.image_size
    exemplar, constant, looks = seen.exemplar, seen.constant, seen.looks
    if exemplar is not None:
        exemplar = exemplar.repeat(times, [channels, size, size])
    if constant is not None:
        constant = constant.repeat(times, [model.first_state.in_features])
    if looks is not None:
        looks = looks.repeat(times, [model.config.steps, model.placing.numbers or model.config.hidden])
    return _Seen(seen.batch, exemplar, constant, seen.memory, looks)


def _for_posterior(g: Graph, model: SequentialModel, x: Value, seen: _Seen, exemplars: Value | None) -> Value | None:
    """What the posterior makes of what does not change with t."""
    parts = [] if model.placing.numbers else [g("Flatten", x, axis=1)]
    if seen.constant is not None:
        parts.append(seen.constant)
    if model.config.embedding:
        shown = x
        if seen.exemplar is not None:
            shown = g.concat(x, seen.exemplar, axis=1)
        parts.append(encode(g, model.encode_target, shown))
    return linear(g, model.posterior.constant, g.concat(*parts)) if parts else None


def _prior_constant(g: Graph, model: SequentialModel, seen: _Seen) -> Value | None:
    if seen.constant is None or model.config.prior == "standard":
        return None
    return linear(g, model.prior.constant, seen.constant)  # type: ignore[arg-type]


def _where(g: Graph, attention: Attention, hidden: Value) -> Value:
    """Without attention nothing, but of as many rows."""
    return place(g, attention, hidden) if attention.numbers else hidden


# -------------------------------------------------------------------- the loop over t


def _state(g: Graph, model: SequentialModel, seen: _Seen, rows: Value) -> list[Value]:
    """h_0 and the memory cells."""
    if seen.constant is not None:
        raw = linear(g, model.first_state, seen.constant)
    else:
        raw = g.weight(model.first_state.bias).expand(rows, 1)
    hidden, remembered = raw.halves(-1)
    return [hidden.tanh(), remembered]


def _glimpse(g: Graph, attention: Attention, images: Value | None, h: Value) -> list[Value]:
    """What is read of an image, and where; nothing without attention."""
    if images is None or not attention.numbers:
        return []
    where = place(g, attention, h)
    return [read(g, attention, images, where), where]


def _notice(g: Graph, model: SequentialModel, seen: _Seen, h: Value, order: list[Value]) -> list[Value]:
    """v_t, or nothing."""
    if model.infers_context:
        if seen.memory is None:
            return [g.constant(np.zeros(model.recall.length, np.float32)).expand(h.length(0), 1)]
        return [recall(g, model.recall, h, order[0], seen.memory, seen.batch)]
    return _glimpse(g, model.look_context, seen.exemplar, h) if model.conditional else []


def _orders(seen: _Seen) -> list[tuple[Value, int]]:
    return [] if seen.memory is None else [(seen.memory.order, 0)]


def _infer(
    g: Graph, model: SequentialModel, x: Value, seen: _Seen, constant: Value | None, noise: Value | None
) -> _Trace:
    """z_1..z_T from the posterior of x; its means without noise."""
    rows = x.length(0)
    for_core = None if seen.constant is None else linear(g, model.core.constant, seen.constant)
    if noise is None:
        noise = g.constant(np.zeros((1, *model.noise_shape), np.float32)).expand(rows, 1, 1)

    def step(state: list[Value], given: list[Value]) -> tuple[list[Value], list[Value]]:
        h, remembered = state
        eps, *order = given
        v = _notice(g, model, seen, h, order)
        r = _glimpse(g, model.look_target, x, h)
        q = head(g, model.posterior, [*r, *v, h], constant)
        z = q.mean + q.log_std.exp() * eps
        after = cell(g, model.core, [z, *v], for_core, h, remembered)
        return list(after), [z, *q, h, after[0], *([g.concat(*v)] if v else [])]

    results = g.loop(step, _state(g, model, seen, rows), [(noise, 1), *_orders(seen)])[1]
    latents, mean, log_std, before, after = results[:5]
    return _Trace(latents, mean, log_std, results[5] if len(results) > 5 else None, before, after)


def _imagine(
    g: Graph, model: SequentialModel, seen: _Seen, noise: Value, guidance: Value | None, blank: _Seen | None
) -> _Trace:
    """z_1..z_T from the prior; guided, the rows that see no exemplar follow those that do."""
    both = seen if blank is None else _beside(g, seen, blank)
    rows = noise.length(0)
    for_prior = _prior_constant(g, model, both)
    for_core = None if both.constant is None else linear(g, model.core.constant, both.constant)
    all_rows = rows if guidance is None else g("Mul", rows, g.integers([2]))
    nothing = g.constant(np.zeros(1, np.float32)).expand(rows, model.config.embedding)

    def step(state: list[Value], given: list[Value]) -> tuple[list[Value], list[Value]]:
        h, remembered = state
        eps, *order = given
        first = h if guidance is None else h.halves(0)[0]
        if model.infers_context:  # of no exemplar nothing is recalled
            v = _notice(g, model, seen, first, order)
            v = v if guidance is None else [g.concat(*v, nothing, axis=0)]
        else:
            v = _notice(g, model, both, h, order)
        p = head(g, model.prior, [*v, h], for_prior)
        if guidance is not None:
            p = _guided(g, p, guidance)
        z = p.mean + p.log_std.exp() * eps
        shared = z if guidance is None else g.concat(z, z, axis=0)
        after = cell(g, model.core, [shared, *v], for_core, h, remembered)
        kept = [first, after[0], *([g.concat(*v)] if v else [])]
        if guidance is not None:
            kept[1:] = [part.halves(0)[0] for part in kept[1:]]
        return list(after), [z, *p, *kept]

    results = g.loop(step, _state(g, model, both, all_rows), [(noise, 1), *_orders(seen)])[1]
    latents, mean, log_std, before, after = results[:5]
    return _Trace(latents, mean, log_std, results[5] if len(results) > 5 else None, before, after)


def _guided(g: Graph, prior: Gaussian, guidance: Value) -> Gaussian:
    """See `allograph.models.guidance`; for the rows that see the exemplars."""
    (mean, mean_0), (log_std, log_std_0) = (part.halves(0) for part in prior)
    mixed = log_std_0 + guidance * (log_std - log_std_0)
    return Gaussian(mean_0 + guidance * (mean - mean_0), g("Min", log_std, mixed))


def _beside(g: Graph, seen: _Seen, blank: _Seen) -> _Seen:
    """The exemplars in the first half of the rows, none in the second."""

    def pair(one: Value | None, other: Value | None) -> Value | None:
        return None if one is None or other is None else g.concat(one, other, axis=0)

    return _Seen(seen.batch, pair(seen.exemplar, blank.exemplar), pair(seen.constant, blank.constant), seen.memory)
