"""`lab compare`, `lab overoptimise` and `lab rewards` as commands: their options, their work, their files."""

import os
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

Say = Callable[[str], None]
Experiment = Callable[[dict[str, Any], Say], None]


def _add_common(parser: ArgumentParser, labels: int, seeds: int) -> None:
    parser.add_argument("--taste", required=True, help="a built-in taste, or PATH:FUNCTION(prompt, response)")
    parser.add_argument("--labels", type=int, default=labels, help="judgments for each seed")
    parser.add_argument("--noise", type=float, default=0.25, help="share of verdicts that are turned round")
    parser.add_argument("--seeds", type=int, default=seeds, help="how often everything is done anew")
    parser.add_argument("--policy", default="starter", help="a directory or hub name instead of the starter")
    parser.add_argument("--json", type=Path, metavar="FILE", required=True, help="result; a killed run goes on from it")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="what was measured against KL")


def add_compare(parser: ArgumentParser) -> None:
    """The options of `lab compare`."""
    _add_common(parser, labels=300, seeds=2)
    parser.add_argument(
        "--methods", default="", metavar="KEY,KEY:DIAL=VALUE", help="objectives, with other dials; all if absent"
    )
    parser.add_argument("--epochs", type=float, default=3.0)
    parser.add_argument("--prompts", type=int, default=256, help="held-out prompts to measure on")


def add_overoptimise(parser: ArgumentParser) -> None:
    """The options of `lab overoptimise`."""
    _add_common(parser, labels=200, seeds=1)
    parser.add_argument("--members", type=int, default=4, help="reward models in the ensemble")
    parser.add_argument("--pool", type=int, default=256, help="the starter's samples to each held-out prompt")
    parser.add_argument("--prompts", type=int, default=32, help="held-out prompts to measure on")
    parser.add_argument("--rounds", type=int, default=10, help="checkpoints of each training; 0 trains nothing")


def run_compare(options: dict[str, Any], say: Say) -> None:
    """Train by every method and measure. Raises ValueError in words."""
    from training.lab.comparing import Plan, compare, objectives
    from training.lab.drawing import save_charts
    from training.lab.summing_up import plot

    plan = Plan(**{name: options[name] for name in ("taste", "labels", "noise", "epochs", "prompts", "policy")})
    methods = objectives(_keys(options["methods"]))
    result = compare(plan, methods, options["seeds"], options["json"], say)
    if options["plot"]:
        title = f"True win rate over the starter: {_about(plan.taste, plan.labels, plan.noise)}"
        save_charts(options["plot"], [(title, plot(result["summary"], title))])


def run_overoptimise(options: dict[str, Any], say: Say) -> None:
    """Best of n and training against proxies, and their curves. Raises ValueError in words."""
    from training.lab.curves import curves, plots
    from training.lab.drawing import save_charts
    from training.lab.overoptimising import Plan, overoptimise

    chosen = ("taste", "labels", "noise", "members", "pool", "prompts", "rounds", "policy")
    plan = Plan(**{name: options[name] for name in chosen})
    ledger = overoptimise(plan, options["seeds"], options["json"], say)
    result = ledger.finish(curves(ledger.rows))
    if options["plot"]:
        save_charts(options["plot"], plots(result, _about(plan.taste, plan.labels, plan.noise)))


def add_rewards(parser: ArgumentParser) -> None:
    """The options of `lab rewards`."""
    parser.add_argument(
        "--methods", default="", metavar="KEY,KEY", help="reward methods; if absent, all that ask no judge"
    )
    parser.add_argument("--taste", required=True, help="a built-in taste, or PATH:FUNCTION(prompt, response)")
    parser.add_argument("--second", default="", metavar="TASTE", help="of a second criterion")
    parser.add_argument("--labels", type=int, default=300, help="labels for each method")
    parser.add_argument("--noise", type=float, default=0.1, help="share of labels that are wrong")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--prompts", type=int, default=200, help="held-out prompts, with a pair of answers each")
    parser.add_argument("--policy", default="starter", help="a directory or hub name instead of the starter")
    parser.add_argument("--json", type=Path, metavar="FILE", required=True, help="result; a killed run goes on from it")


def run_rewards(options: dict[str, Any], say: Say) -> None:
    """Train by every reward method and measure. Raises ValueError in words."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")  # that a new head has no weights yet is no news
    from training.judging import judge_endpoint
    from training.lab.rewards import Plan, compare_rewards, recipes
    from training.learning.judges import ChatClient

    named, keys = ("taste", "second", "labels", "noise", "seed", "prompts", "policy"), _keys(options["methods"])
    plan = Plan(**{name: options[name] for name in named})
    endpoint = judge_endpoint() if keys else None  # only a method that was named asks it
    client = ChatClient(endpoint) if endpoint else None
    compare_rewards(plan, recipes(keys, judge=client is not None), options["json"], say, client)


def _keys(methods: str) -> list[str]:
    return [key for key in methods.split(",") if key]


def _about(taste: str, labels: int, noise: float) -> str:
    return f"taste {taste}, {labels} labels, {noise:.0%} noise"


EXPERIMENTS: dict[str, Experiment] = {"compare": run_compare, "overoptimise": run_overoptimise, "rewards": run_rewards}
