"""The speed of `fit`: the model families, and other ways to train the same layers.

    python benchmarks/fit_speed.py [--pythae PYTHON] [--runs 5] [--rows NAME …]

A row is a network (MLP 784-500-500-20 or convolutions), a batch size and a type. In
each, all contenders are processes that train on the same data in turn, an epoch each,
on the same two cores; a waiting contender sleeps. The figures are medians over the
runs, the ratios are medians of the ratios within a run. An epoch begins and ends with
the callbacks' epoch, so it does not include building and compiling. The contenders
(`benchmarks/speed/`) are

- the families, by `fit` as users call it, `compile("adam")`, and the plain VAE with
  `steps_per_execution=1`, too, as a callback on each batch would have it;
- a hand-written TensorFlow loop: an epoch is one `tf.function`, which gathers its
  batches, with XLA where that is faster (not with convolutions on CPUs);
- a stock Keras VAE with a custom `train_step`, as users call it (float32 only); after
  its wait it may pause for as long again, so look at its processor time, too;
- pythae's VAE and SVAE with its trainer (float32 only), if an environment has them:

      python -m venv pythae && pythae/bin/pip install pythae==0.1.2 torch==2.13.0
      python benchmarks/fit_speed.py --pythae pythae/bin/python

- the layers' matrix products or convolutions alone, forward and backward.

The raw figures go to `benchmarks/results/fit_speed.json`, or to another name by
`--results`. A row takes one to three minutes on two cores, most of it to start and to
compile. With `--processor-time` the table has processor time, for a busy machine.
"""

import argparse
import os
import statistics
import time

from speed import results
from speed.race import Contender, race

FAMILIES = ("VAE", "BetaVAE", "HypersphericalVAE", "GaussianMixtureVAE")
LOOP, STOCK, ALONE = "TensorFlow loop", "stock Keras", "layers alone"
ONE_STEP = "VAE, 1 step"
IN_FLOAT32 = "VAE, float32"
ROWS = {
    f"{network}-{batch_size}-{dtype}": {
        "network": network,
        "batch_size": batch_size,
        "dtype": dtype,
        # An epoch of about a second.
        "num_examples": 25_600 if network == "mlp" else 3_072,
    }
    for network in ("mlp", "conv")
    for batch_size in (128, 1024)
    for dtype in ("float32", "mixed_bfloat16")
}


def start(row, pythae):
    """The contenders of a row, each in its process."""
    made = {name: Contender("vae_zoo_fit", model=name, **row) for name in FAMILIES}
    made[ONE_STEP] = Contender("vae_zoo_fit", steps_per_execution=1, **row)
    made[LOOP] = Contender("tf_loop", **row)
    made[ALONE] = Contender("layers_alone", **row)
    if row["dtype"] != "float32":
        made[IN_FLOAT32] = Contender("vae_zoo_fit", **{**row, "dtype": "float32"})
        return made
    made[STOCK] = Contender("keras_fit", **row)
    for model in ("VAE", "SVAE") if pythae else ():
        made[f"pythae {model}"] = Contender("pythae_fit", pythae, model=model, **row)
    return made


def reference(column, name):
    """The contender that `name` is set against in a column."""
    if column == "pythae":
        return {"HypersphericalVAE": "pythae SVAE"}.get(name, "pythae VAE")
    return column


def show(row, figures, measure):
    """Prints the table of a row."""
    columns = [LOOP, STOCK, "pythae", ALONE, "VAE", IN_FLOAT32]
    columns = [each for each in columns if reference(each, "VAE") in figures]
    heads = "".join(f"{'of ' + column:>19}" for column in columns)
    print(f"{'':<20}{'examples/s':>11}{'GiB':>6}{heads}")
    for name, own in figures.items():
        times = own[measure]
        speed = row["num_examples"] / statistics.median(times)
        line = f"{name:<20}{speed:11.0f}{own['peak_gib']:6.2f}"
        for column in columns:
            others = figures[reference(column, name)][measure]
            pairs = zip(others, times, strict=True)
            line += f"{statistics.median(b / a for b, a in pairs):19.2f}"
        print(line)
    if "pythae VAE" not in figures and STOCK in figures:
        print("pythae: not measured, for want of `--pythae PYTHON`")
    print(flush=True)


def check_sizes(figures):
    """Raises ValueError unless the plain VAEs have the same number of parameters."""
    plain = {"VAE", ONE_STEP, LOOP, STOCK, "pythae VAE", IN_FLOAT32} & figures.keys()
    sizes = {name: figures[name]["parameters"] for name in plain}
    if len(set(sizes.values())) > 1:
        raise ValueError(f"Contenders must have the same layers. Received: {sizes}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--pythae", metavar="PYTHON", help="interpreter with pythae")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--examples", type=int, help="an epoch's, for a quick look")
    parser.add_argument("--processor-time", action="store_true")
    parser.add_argument("--results", default="fit_speed", help="the raw figures' file")
    arguments = parser.parse_args()
    if not arguments.results.isidentifier():
        parser.error(
            "argument --results: expected a name of letters, digits and underscores. "
            f"Received: {arguments.results!r}"
        )
    # Every contender's libraries have as many threads as there are cores to run on.
    cores = sorted(os.sched_getaffinity(0))[: arguments.cores]
    os.sched_setaffinity(0, cores)
    measure = "processor_seconds" if arguments.processor_time else "seconds"
    measured = {}
    for name in arguments.rows:
        began = time.perf_counter()
        row = dict(ROWS[name])
        row["num_examples"] = arguments.examples or row["num_examples"]
        figures = race(start(row, arguments.pythae), arguments.runs)
        check_sizes(figures)
        measured[name] = {**row, "contenders": figures}
        print(f"{name} ({arguments.runs} runs, {time.perf_counter() - began:.0f} s)")
        show(row, figures, measure)
        path = results.save(arguments.results, {"cores": len(cores), "rows": measured})
    print(f"raw figures: {path}")


if __name__ == "__main__":
    main()
