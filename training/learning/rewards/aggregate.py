"""One reward out of an ensemble's: the mean, or something that trusts less where the members disagree. Pure numpy.

A pairwise likelihood fixes a member's rewards only up to a constant per prompt, so members' rewards of one response
cannot be compared as they are: the smallest of them may only be the one whose constant is smallest. Every rule but the
mean and every measure of disagreement is therefore taken of rewards centred per member and prompt over the responses at
hand. What comes out orders responses to one prompt; between prompts it has no meaning.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

AGGREGATES = ("mean", "min", "median", "mean_minus_var", "mean_minus_std")


def centred(rewards: ArrayLike, prompt: ArrayLike | None = None) -> Array:
    """[members, n] rewards minus each member's mean over the responses to the same prompt.

    ``prompt`` [n] says which prompt each response answers; None: all answer one.
    """
    rewards_MN = _members(rewards)
    prompt_N = np.zeros(rewards_MN.shape[1], dtype=np.int64) if prompt is None else np.asarray(prompt)
    if prompt_N.shape != rewards_MN.shape[1:]:
        raise ValueError(f"{rewards_MN.shape[1]} responses and {prompt_N.size} prompts: say of each which it answers")
    _, place_N = np.unique(prompt_N, return_inverse=True)
    count_P = np.bincount(place_N)
    mean_MP = np.stack([np.bincount(place_N, weights=own) / count_P for own in rewards_MN])
    return np.asarray(rewards_MN - mean_MP[:, place_N])


def aggregate(
    rewards: ArrayLike, prompt: ArrayLike | None = None, *, rule: str = "mean", uncertainty_weight: float = 0.5
) -> Array:
    """[members, n] rewards of responses to the prompts ``prompt`` [n] → [n], by one of ``AGGREGATES``.

    ``min`` is worst-case optimisation and ``mean_minus_var`` uncertainty-weighted optimisation, mean - λ·variance
    (Coste et al. 2023, arXiv:2310.02743, section 3; here of rewards centred per prompt, as the module says);
    ``median`` and ``mean_minus_std`` are Eisenstein et al.'s (2023, arXiv:2312.09244). λ is ``uncertainty_weight``:
    about 0.5 for best-of-n, 0.1 for policy gradients. The variance is the population's (divided by the number of
    members). Raises ValueError for a rule there is not.
    """
    return _rule(centred(rewards, prompt), rule, uncertainty_weight)


def combine(rewards: ArrayLike, *, rule: str = "mean", uncertainty_weight: float = 0.5) -> Array:
    """As ``aggregate``, of [members, n] rewards that are comparable already, such as gains over one baseline."""
    return _rule(_members(rewards), rule, uncertainty_weight)


def cautious_margin(difference: ArrayLike, *, rule: str = "mean", uncertainty_weight: float = 0.5) -> Array:
    """Members' reward differences of n pairs, [members, n] → [n]: how surely, by the rule, the first is better.

    Differences need no centring. The sign is the mean's (the median's for ``median``); doubt shortens a difference,
    at most to 0, whichever side comes first: swapping the sides of a pair swaps the sign and nothing else.
    """
    difference_MN = _members(difference)
    if rule in ("mean", "median"):
        return _rule(difference_MN, rule, uncertainty_weight)
    sign_N = np.sign(difference_MN.mean(0))
    return np.asarray(sign_N * np.maximum(_rule(sign_N * difference_MN, rule, uncertainty_weight), 0.0))


def disagreement(rewards: ArrayLike, prompt: ArrayLike | None = None) -> Array:
    """[n] standard deviation over members of their centred rewards."""
    return np.asarray(centred(rewards, prompt).std(0))


def pair_disagreement(difference: ArrayLike) -> Array:
    """[n] share of members that prefer the side which fewer prefer: 0 where all agree, at most ½. A 0 is half each."""
    for_first_N = (0.5 * (np.sign(_members(difference)) + 1.0)).mean(0)
    return np.asarray(np.minimum(for_first_N, 1.0 - for_first_N))


def check_rule(rule: str, uncertainty_weight: float) -> None:
    """Raises ValueError, in words, for a rule or a weight that names no aggregate."""
    if rule not in AGGREGATES:
        raise ValueError(f"aggregate is one of {', '.join(AGGREGATES)}, not {rule!r}")
    if not uncertainty_weight >= 0.0:
        raise ValueError(f"uncertainty_weight is at least 0, not {uncertainty_weight}")


def _rule(rewards_MN: Array, rule: str, weight: float) -> Array:
    check_rule(rule, weight)
    if rule == "min":
        return np.asarray(rewards_MN.min(0))
    if rule == "median":
        return np.asarray(np.median(rewards_MN, axis=0))
    mean_N = rewards_MN.mean(0)
    if rule == "mean_minus_var":
        mean_N = mean_N - weight * rewards_MN.var(0)
    elif rule == "mean_minus_std":
        mean_N = mean_N - weight * rewards_MN.std(0)
    return np.asarray(mean_N)


def _members(rewards: ArrayLike) -> Array:
    rewards_MN = np.asarray(rewards, dtype=np.float64)
    if rewards_MN.ndim != 2 or not rewards_MN.shape[0]:
        raise ValueError(f"rewards are [members, responses], not {list(rewards_MN.shape)}")
    return rewards_MN
