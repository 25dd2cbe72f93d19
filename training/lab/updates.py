"""`bench updates`: the fast posterior by itself: what a judgment costs it, and how far it strays from a fit of all.

10,000 judgments on 256 features, drawn from a logistic person; the posterior takes them in one by one and is fitted
anew after every 500, as its owner does. What it predicts of pairs that it has not seen is held against one fit of all
judgments at once. Times are processor time: what else runs on the machine is not the posterior's.
"""

import statistics
import time
from typing import Any

import numpy as np

from training.learning.rewards.fast.likelihood import sigmoid
from training.learning.rewards.fast.posterior import FastPosterior
from training.posterior.owner import REFIT_AFTER

MILLISECONDS, DISTANCE = 5.0, 1e-3  # the bars


def measure(*, judgments: int = 10_000, features: int = 256, seed: int = 0) -> dict[str, Any]:
    """Rows as `bench training` has them; the peer of a time is its bar, that of a probability the fit of all."""
    chance = np.random.default_rng(seed)
    x = chance.standard_normal((judgments, features)) / np.sqrt(features)
    weights = chance.standard_normal(features) * 2.0
    p = (chance.random(judgments) < sigmoid(x @ weights)).astype(np.float64)
    unseen = chance.standard_normal((2_000, features)) / np.sqrt(features)
    posterior, milliseconds = FastPosterior(features), []
    for place in range(judgments):
        if place and place % REFIT_AFTER == 0:
            scale = posterior.prior_scale
            posterior = FastPosterior.fit(x[:place], p[:place], dimension=features, prior_scale=scale, start=posterior)
        began = time.thread_time()
        posterior.update(x[place], p[place])
        milliseconds.append(1000.0 * (time.thread_time() - began))
    batch = FastPosterior.fit(x, p, dimension=features, prior_scale=posterior.prior_scale)
    gap = np.abs(posterior.predict(unseen).probability - batch.predict(unseen).probability)
    rare = float(np.quantile(milliseconds, 0.99))
    return {
        "rows": [
            _row("an update, ms, median", statistics.median(milliseconds), MILLISECONDS),
            _row("an update, ms, 99th percentile", rare, MILLISECONDS),
            _row("predicted probabilities, largest distance from the batch fit", float(gap.max()), DISTANCE),
        ],
        "judgments": judgments,
        "features": features,
        "updates_since_a_refit": judgments - (judgments - 1) // REFIT_AFTER * REFIT_AFTER,
        "mean_distance": float(gap.mean()),
    }


def _row(name: str, heed: float, bar: float) -> dict[str, Any]:
    return {"name": name, "heed": heed, "peer": bar, "ratio": heed / bar, "bar": f"<= {bar:g}", "ok": heed <= bar}
