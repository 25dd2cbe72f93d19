"""Over-optimisation in a policy run, read off what the run was watched by."""

import math
from collections.abc import Sequence
from typing import Any

from .overoptimisation import fit_curve

Look = dict[str, float]
SURE = 2.0  # standard errors by which the win probability must have fallen


def overoptimisation(seen: Sequence[Look]) -> dict[str, Any]:
    """The looks of a run as Gao's second form fitted to win probability against KL, and a sentence where it is due."""
    seen = [look for look in seen if "win_probability" in look]  # a run begun by an older version has looks without
    if not seen:
        return {}
    start = seen[0]["win_probability"]
    kl = [look["kl_from_incumbent"] for look in seen]
    curve = fit_curve(kl, [look["win_probability"] - start for look in seen], "rl")
    return {"start": start, "curve": curve and curve.to_json(), "alarm": alarm(seen)}


def alarm(seen: Sequence[Look]) -> str:
    """A sentence when the win probability fell after its best while KL and the implicit reward's margin rose, else "".

    The pattern of Rafailov et al. 2024, arXiv:2406.02900: the margin is the proxy that a preference objective
    optimises. A fall within two standard errors is none; those are taken as if both looks had answered different
    prompts, so the alarm is rather late than false.
    """
    best, last = max(seen, key=lambda look: (look["win_probability"], -look["step"])), seen[-1]
    if "margin" not in last or last["step"] <= best["step"]:
        return ""
    error = math.hypot(best["win_probability_se"], last["win_probability_se"])
    fell = best["win_probability"] - last["win_probability"] > SURE * error
    rose = last["kl_from_incumbent"] > best["kl_from_incumbent"] and last["margin"] > best["margin"]
    if not (fell and rose):
        return ""
    return (
        f"Over-optimisation: from KL {best['kl_from_incumbent']:.1f} to {last['kl_from_incumbent']:.1f} the win "
        f"probability fell from {best['win_probability']:.0%} to {last['win_probability']:.0%} while the implicit "
        f"reward's margin rose from {best['margin']:.2f} to {last['margin']:.2f}. The checkpoint before the fall was "
        "kept; a larger beta or fewer epochs would have stopped there."
    )
