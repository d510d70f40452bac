"""The expectile loss: a mean that weighs what is better than expected differently from what is worse."""

from __future__ import annotations

from torch import Tensor


def expectile_loss(prediction: Tensor, target: Tensor, tau: float) -> Tensor:
    """Mean of ``|tau - 1{target < prediction}| (target - prediction)^2`` over samples (b,).

    Its minimiser is the tau-expectile (Newey and Powell 1987; as a value loss Kostrikov et al. 2021, IQL, eq. 5):
    0.5 gives the mean (at half the squared error), towards 1 the best that was seen. ``target`` gets no gradient.
    """
    error = target.detach() - prediction
    above, below = error.clamp(min=0.0), error.clamp(max=0.0)
    return (tau * above.square() + (1.0 - tau) * below.square()).mean()
