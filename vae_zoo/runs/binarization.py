"""How a training run binarizes its data where no setting says it."""

import dataclasses
import pathlib
import sys

import numpy as np

from vae_zoo.runs import folder as run_folder
from vae_zoo.runs.plan import Plan


def resolved(plan: Plan, folder: pathlib.Path, x: np.ndarray, verbose: int) -> Plan:
    """The plan with what "auto" means: what the run began with, or what x needs.

    Args:
        plan: of the run.
        folder: of the run, a `pathlib.Path`.
        x: some of its examples, an array [B, ...].
        verbose: whether to print a choice that changes the data.
    """
    if plan.binarize != "auto":
        return plan
    chosen = run_folder.resumed_binarization(folder)
    if chosen == "auto":
        chosen = "dynamic" if _is_grey(plan, x) else None
        if chosen and verbose:
            print(
                "The data are grey and the likelihood is Bernoulli's: each epoch draws "
                "x ~ Bernoulli(x) anew (--binarize dynamic)"
            )
    return dataclasses.replace(plan, binarize=chosen)


def warn_of_grey_values(plan: Plan, x: np.ndarray) -> None:
    """Says so where a Bernoulli likelihood is given grey values; see `resolved`."""
    if not plan.binarize and _is_grey(plan, x):
        print(
            "vae-zoo: note: a Bernoulli likelihood of grey values is no likelihood; "
            "--binarize dynamic or --likelihood continuous-bernoulli is one",
            file=sys.stderr,
        )


def _is_grey(plan: Plan, x: np.ndarray) -> bool:
    is_bernoulli = plan.options.get("likelihood") == "bernoulli"
    return is_bernoulli and not np.isin(x, (0, 1)).all()
