"""Guidance: drawings that follow their exemplar more closely than the prior given it asks for, or less.

Two copies of the network run side by side on the same z, one shown the exemplar, one shown none. With their priors
N(mu, sigma) and N(mu_0, sigma_0) and guidance g, step t draws

    z_t = mu_0 + g (mu - mu_0) + tau min(sigma, sigma^g sigma_0^(1-g)) eps_t,   tau the temperature,

and what the first copy does with it is the drawing. g = 1 is the model itself, g = 0 hardly knows the exemplar; above 1
what the exemplar changes is exaggerated: drawings are recognised more often and differ less. What is drawn then has no
likelihood.

After Ho and Salimans, *Classifier-Free Diffusion Guidance*, 2022, equation 6, for the latents of a sequential model.
"""

from __future__ import annotations

__all__ = ["guided"]

import torch

from allograph.models.cells import Gaussian


def guided(prior: Gaussian, guidance: float) -> Gaussian:
    """What both copies draw z_t from. The first half of the rows of ``prior``, and of what is returned, are those that
    see the exemplar, the second half the same without."""
    (mean, mean_0), (log_std, log_std_0) = (part.chunk(2) for part in prior)
    mean = torch.lerp(mean_0, mean, guidance)
    log_std = torch.minimum(log_std, torch.lerp(log_std_0, log_std, guidance))
    return Gaussian(mean.repeat(2, 1), log_std.repeat(2, 1))
