"""How over-optimisation is seen, as the catalogue lists it."""

from .method import Method

HOME = "training.learning.evaluation.overoptimisation"

MONITORING: list[Method] = [
    Method(
        key="gao_curves",
        paper="Scaling Laws for Reward Model Overoptimization (arXiv:2210.10760)",
        module=HOME,
        needs="a policy's checkpoints, each with its KL and its win rate",
        summary="Win rate against KL with both published curves fitted, in every policy run and in lab overoptimise",
        cost="one response to every validation prompt at each look, a few hundredths of a run",
        kind="reward_check",
    ),
    Method(
        key="best_of_n_curve",
        paper="WebGPT: Browser-assisted question-answering with human feedback (arXiv:2112.09332)",
        module=HOME,
        needs="one pool of a policy's samples, a proxy reward, true rewards",
        summary="True reward of the best of n by the proxy, for every n up to the pool's size without bias",
        cost="sampling and scoring the pool once",
        kind="reward_check",
    ),
]
