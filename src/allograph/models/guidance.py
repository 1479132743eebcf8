"""Guidance: drawings that follow their exemplar more or less closely than the model's prior does.

Two copies of the network run side by side on the same z; one sees the exemplar, the other sees none. With their priors
N(mu, sigma) and N(mu_0, sigma_0) and guidance g, step t draws

    z_t = mu_0 + g (mu - mu_0) + tau min(sigma, sigma^g sigma_0^(1-g)) eps_t,   tau the temperature,

and the first copy makes the drawing. g = 1 is the model itself, g = 0 hardly knows the exemplar. Above 1, guidance
exaggerates what the exemplar changes: drawings are recognised more often and differ less. Such drawings have no
likelihood.

After Ho and Salimans, *Classifier-Free Diffusion Guidance*, 2022, equation 6, for the latents of a sequential model.
"""

from __future__ import annotations

__all__ = ["guided"]

import torch

from allograph.models.cells import Gaussian


def guided(prior: Gaussian, guidance: float) -> Gaussian:
    """The distribution from which both copies draw z_t. In ``prior`` and in the result, the first half of the rows sees
    the exemplar, the second half does not."""
    (mean, mean_0), (log_std, log_std_0) = (part.chunk(2) for part in prior)
    mean = torch.lerp(mean_0, mean, guidance)
    log_std = torch.minimum(log_std, torch.lerp(log_std_0, log_std, guidance))
    return Gaussian(mean.repeat(2, 1), log_std.repeat(2, 1))
