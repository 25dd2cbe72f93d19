"""The model that sees only how long the two answers are: what a reward model must at least be better than."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from labeling.models import Response
from training.learning.rewards.fast.posterior import FastPosterior
from training.learning.rewards.fast.style import WORD
from training.posterior.features import in_parts
from training.snapshot import Verdict

Floats = NDArray[np.float64]


def lengths(verdicts: Sequence[Verdict]) -> Floats:
    """What it sees of each pair: the differences of log words and of words (in thirties), [n, 2]."""
    wanted = {pk for verdict in verdicts for pk in verdict.responses}
    words: dict[int, int] = {}
    for part in in_parts(sorted(wanted)):
        for pk, messages in Response.objects.filter(pk__in=part).values_list("pk", "messages"):
            words[pk] = sum(len(WORD.findall(turn["content"])) for turn in messages)
    told = [[words[pk] for pk in verdict.responses] for verdict in verdicts]
    counts = np.array(told, dtype=np.float64).reshape(-1, 2)
    logs = np.log1p(counts)
    return np.stack([logs[:, 0] - logs[:, 1], (counts[:, 0] - counts[:, 1]) / 30.0], axis=1)


def fitted(verdicts: Sequence[Verdict]) -> FastPosterior:
    """The model after some judgments."""
    known = [verdict for verdict in verdicts if verdict.p is not None]
    labels = [verdict.p for verdict in known if verdict.p is not None]
    return FastPosterior.fit(lengths(known), labels, [verdict.weight for verdict in known], dimension=2)
