"""What the suite costs: processor seconds by test and by cause, in a file.

`pytest --costs costs.json` writes it and prints the sums. Each second belongs
to the innermost cause: "training" is what `fit` needs beyond tracing and compiling.
"""

import collections
import contextlib
import functools
import gc
import json
import os
import resource
import time

import keras
import pytest
import tensorflow as tf
from tensorflow.python.eager.polymorphic_function import (
    atomic_function,
    tracing_compilation,
)

CAUSES = {
    "imports": "importing and collecting, in each worker",
    "tracing": "Python code made into graphs",
    "xla": "the first call of a function with XLA: its compiling, mostly",
    "graphs": "the first call of a function without XLA: optimizing its graph, mostly",
    "training": "what is left of `fit`",
    "saving": "what is left of writing and reading SavedModels and .keras files",
    "garbage": "Python's garbage collector",
    "processes": "processes that tests start",
    "other": "everything else",
}


class Costs:
    """Counts processor seconds of this process under the cause that is current."""

    def __init__(self):
        self.seconds = collections.Counter()
        self.causes = ["other"]
        self.since = 0.0  # From the start of the process: importing, too.
        self.of_children = 0.0

    def _charge(self):
        now = time.process_time()
        self.seconds[self.causes[-1]] += now - self.since
        self.since = now

    @contextlib.contextmanager
    def charged_to(self, cause):
        """Charges what runs within to `cause`."""
        self._charge()
        self.causes.append(cause)
        try:
            yield
        finally:
            self._charge()
            self.causes.pop()

    def take(self):
        """What was charged since the last call; begins anew."""
        self._charge()
        times = os.times()
        of_children = times.children_user + times.children_system
        self.seconds["processes"] += of_children - self.of_children
        self.of_children = of_children
        taken, self.seconds = dict(self.seconds), collections.Counter()
        return {cause: round(value, 3) for cause, value in taken.items() if value > 0}


costs = Costs()


def _charged(cause, function):
    @functools.wraps(function)
    def charged(*args, **kwargs):
        with costs.charged_to(cause):
            return function(*args, **kwargs)

    return charged


def _charged_first_calls(call):
    """TensorFlow compiles or optimizes a function when it first sees a shape."""
    seen = set()

    @functools.wraps(call)
    def charged(function, *args):
        shapes = tuple(getattr(arg, "shape", None) for arg in args)
        key = function.name, tuple(map(str, shapes))
        if not tf.executing_eagerly() or key in seen:
            return call(function, *args)
        seen.add(key)
        compiled = function.cached_definition.attr["_XlaMustCompile"].b
        with costs.charged_to("xla" if compiled else "graphs"):
            return call(function, *args)

    return charged


def _charged_garbage(phase, _):
    """Does what `Costs.charged_to` does; the collector calls it at start and end."""
    costs._charge()
    if phase == "start":
        costs.causes.append("garbage")
    elif costs.causes[-1] == "garbage":
        costs.causes.pop()


def _watch():
    atomic = atomic_function.AtomicFunction
    atomic.call_flat = _charged_first_calls(atomic.call_flat)
    tracing_compilation._create_concrete_function = _charged(
        "tracing", tracing_compilation._create_concrete_function
    )
    keras.Model.fit = _charged("training", keras.Model.fit)
    keras.Model.save = _charged("saving", keras.Model.save)
    keras.saving.load_model = _charged("saving", keras.saving.load_model)
    tf.saved_model.save = _charged("saving", tf.saved_model.save)
    tf.saved_model.load = _charged("saving", tf.saved_model.load)
    gc.callbacks.append(_charged_garbage)


def pytest_configure(config):
    path = config.getoption("costs")
    if not hasattr(config, "workerinput"):
        try:
            open(path, "a").close()
        except OSError as error:
            raise pytest.UsageError(
                f"--costs must name a file that can be written. Received: {error}"
            ) from error
        config.pluginmanager.register(_Report(path))
    _watch()


def pytest_collection_finish():
    costs.seconds["imports"] = costs.seconds.pop("other", 0.0)
    costs.causes[0] = "imports"
    costs._charge()
    costs.causes[0] = "other"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    report.costs = costs.take()
    # Linux gives KiB.
    report.peak_memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


class _Report:
    """Gathers what each worker's reports say, in the process that controls them."""

    def __init__(self, path):
        self.path = path
        self.tests = collections.defaultdict(collections.Counter)
        self.peaks = {}

    def pytest_runtest_logreport(self, report):
        self.tests[report.nodeid].update(getattr(report, "costs", {}))
        self.peaks[report.nodeid] = getattr(report, "peak_memory", 0.0)

    def pytest_terminal_summary(self, terminalreporter):
        total = collections.Counter()
        for seconds in self.tests.values():
            total.update(seconds)
        terminalreporter.section("processor seconds by cause")
        for cause, meaning in CAUSES.items():
            terminalreporter.line(f"{total[cause]:7.1f}  {cause:9}  {meaning}")
        terminalreporter.line(f"{sum(total.values()):7.1f}  in all")
        most = max(self.peaks.values(), default=0.0)
        terminalreporter.line(f"{most:7.1f}  GiB at most in one process")
        # The peak of the process so far, in the order in which the tests ran.
        content = {"causes": total, "tests": self.tests, "peak_memory": self.peaks}
        with open(self.path, "w") as file:
            json.dump(content, file, indent=1)
