"""The share of invalid calls of public functions that end in a helpful error.

    python benchmarks/invalid_calls.py --calls 2000 --seed 0

It draws functions, constructors and methods from the public modules. It calls each with
valid arguments except for one, drawn from values that its kind cannot have ("3" for a
count, NaN for a number, a class for an object, …). A call ends

- clear: with a ValueError or TypeError that has the argument's name in backquotes and
  the value received;
- unclear: with any other exception;
- silent: without one, the worst of the three.

It prints the shares, and each unclear and silent call once. The goal is 95% clear and
none silent.
"""

import argparse
import collections
import contextlib
import dataclasses
import inspect
import io
import os
import random
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from invalid.functions import public_functions, valid_arguments
from invalid.kinds import kind_of
from invalid.values import INVALID

from vae_zoo import arguments

# Arguments without a default that may be None.
MAY_BE_NONE = ("draw_prior.seed", "conditionals.inputs", "log_prior.inputs")
DATA = ("data", "reference", "start", "end", "inputs")


@dataclasses.dataclass(frozen=True)
class Call:
    """One function with valid arguments, and an invalid value for one of them."""

    name: str
    function: object
    valid: dict
    argument: str
    value: object

    def outcome(self):
        """ "clear", "unclear" or "silent", and what happened."""
        given = {**self.valid, self.argument: self.value}
        try:
            with _quiet():
                self.function(**given)
        except (ValueError, TypeError) as error:
            message = " ".join(str(error).split())
            # What is wrong with a data set's batches is wrong with their x.
            names = (self.argument, "x") if self.argument in DATA else (self.argument,)
            is_clear = "eceived" in message and any(f"`{n}" in message for n in names)
            return ("clear" if is_clear else "unclear"), _short(error)
        except Exception as error:
            return "unclear", _short(error)
        return "silent", "no error"

    def __str__(self):
        return f"{self.name}({self.argument}={arguments.shown(self.value)})"


def _short(error):
    return f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"


@contextlib.contextmanager
def _quiet():
    nowhere = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(nowhere):
        warnings.simplefilter("ignore")
        with contextlib.redirect_stderr(nowhere):
            yield


def all_calls():
    """Every call with one invalid argument; and the arguments that no kind covers."""
    calls, uncovered = [], []
    for place, function in public_functions().items():
        name = place.rpartition(".")[2]
        parameters = inspect.signature(function).parameters.values()
        named = [
            each
            for each in parameters
            if each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)
        ]
        named = [each for each in named if each.name != "self"]
        candidates = valid_arguments(name)
        required = [each.name for each in named if each.default is each.empty]
        if missing := set(required) - candidates.keys():
            uncovered += [f"{place}({each})" for each in sorted(missing)]
            continue
        valid = {each: candidates[each] for each in required}
        if name in ("fit", "evaluate"):
            valid |= {"x": candidates["x"], "verbose": 0}
        if name == "compute_loss":
            valid |= {"x": candidates["x"]}
        for parameter in named:
            kind = kind_of(name, parameter.name)
            if kind is None:
                uncovered.append(f"{place}({parameter.name})")
                continue
            values = list(INVALID[kind])
            may_be_none = f"{name}.{parameter.name}" in MAY_BE_NONE
            if parameter.default is parameter.empty and not may_be_none:
                values.append(None)
            calls += [
                Call(place, function, valid, parameter.name, value) for value in values
            ]
    return calls, uncovered


def main():
    """Prints the shares of the three outcomes, and what is not clear."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, help="how many to draw (default: all)")
    parser.add_argument("--seed", type=int, default=0, help="fixes which")
    parser.add_argument("--only", help="functions with this in their name alone")
    options = parser.parse_args()
    calls, uncovered = all_calls()
    if options.only:
        calls = [call for call in calls if options.only in call.name]
    random.Random(options.seed).shuffle(calls)
    counts = collections.Counter()
    for call in calls[: options.calls]:
        outcome, found = call.outcome()
        counts[outcome] += 1
        if outcome != "clear":
            print(f"{outcome}: {call}: {found}", flush=True)
    total = sum(counts.values())
    print(f"no kind for: {', '.join(uncovered) or 'none'}")
    shares = [
        f"{counts[outcome]} {outcome} ({counts[outcome] / total:.1%})"
        for outcome in ("clear", "unclear", "silent")
    ]
    print(f"{total} calls: {', '.join(shares)}")


if __name__ == "__main__":
    main()
