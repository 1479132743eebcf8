"""How far results in float32 may differ from each other where only the order of additions does.

A product of inner length n, added up in whatever order, differs from the exact one by at most n u |x| |w|, u the unit
roundoff (Higham, *Accuracy and Stability of Numerical Algorithms*, 2002, equation 3.5). What a network makes of such
errors is the same for every order, too. So e, the distance of one result from the same in float64, says what rounding
does to this network on this processor; another order has an error of the same size, and two are 2 e apart. Four times e
is allowed, for both are draws of a maximum.
"""

from __future__ import annotations

__all__ = ["ORDERS", "rounding_error"]

from copy import deepcopy
from dataclasses import replace

import torch

from allograph.generation.generator import Writer
from allograph.generation.samples import SampleBatch, SampleRequest

ORDERS = 4.0
"""Times `rounding_error` that two orders of addition are apart at most."""


def rounding_error(writer: Writer, wish: SampleRequest, drawn: SampleBatch, temperature: float) -> tuple[float, float]:
    """The largest distance of a block's canvases, and of its windows, from those that float64 gives."""
    exact = replace(writer, model=deepcopy(writer.model).double())
    images = [torch.from_numpy(exemplar.image).double() for exemplar in wish.exemplars]
    noise = wish.noise(writer.model.noise_shape).double()[None]
    found = exact.draw(torch.stack(images)[None] if images else None, noise, temperature, history=True)
    canvases = torch.from_numpy(drawn.canvases).double() - found.canvases[0]
    windows = torch.from_numpy(drawn.write_windows).double() - found.write_windows[0]
    return float(canvases.abs().max()), float(windows.abs().max())
