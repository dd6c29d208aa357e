"""Kills exports at random moments; every version that exists has to be whole.

    python benchmarks/kill_exports.py --kills 50

A process exports a small model again and again into one folder. It gets SIGKILL at a
random moment within the duration of its first export: in turn from all of it, from the
writing of files, and from the last steps, which include the rename. The next process
continues in the same folder. All processes fork from one that has imported TensorFlow
but has run nothing.
"""

import argparse
import itertools
import multiprocessing
import pathlib
import tempfile
import time

import numpy as np
import tensorflow as tf

from vae_zoo import VAE, export
from vae_zoo.components import networks
from vae_zoo.serving import saved_model
from vae_zoo.serving.saved_model import EXTRA

# Kind of moment -> what has to stand in the unfinished folder when it begins.
PARTS = {"at any moment": ".", "while writing": "variables", "at the end": EXTRA}
PATIENCE = 300  # Seconds.


def run(directory, kills, seed=0):
    """Kills `kills` exports into `directory` and counts what they left.

    Returns:
        dict: `versions`, how many there are; `unfinished`, how many kills at each
        kind of moment left an unfinished folder.

    Raises:
        ValueError: at the first version that is broken, lost or out of order.
    """
    rng = np.random.default_rng(seed)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["vae_zoo.models.vae", "vae_zoo.serving"])
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    known = []
    counts = dict.fromkeys(PARTS, 0)
    for kill, kind in zip(range(kills), itertools.cycle(PARTS)):
        if kill % 10 == 0:  # The machine may have more to do than before, or less.
            seconds = durations(context, directory)
        before = unfinished(directory)
        delay = rng.uniform(0, 1.1 * seconds[kind])
        reported = kill_one(context, directory, PARTS[kind], delay)
        counts[kind] += bool(unfinished(directory) - before)
        found = saved_model.versions(directory)
        check_order(known, reported, found)
        for version in found[len(known) :]:
            # The first one was not killed.
            check_version(directory / str(version), directory / "1")
        known = found
    check_end(directory, known)
    return {"versions": len(known), "unfinished": counts}


def export_forever(directory, messages):
    """Tells when an export starts, and its version when it is done."""
    model = small_model()
    while True:
        messages.send("start")
        messages.send(int(export(model, directory).name))


def small_model():
    return VAE((4,), 2, encoder=networks.MLP((4,)), seed=0)


def start(context, directory):
    """A process that has just started its first export, and its messages."""
    messages, sender = context.Pipe(duplex=False)
    process = context.Process(target=export_forever, args=(directory, sender))
    process.start()
    sender.close()
    receive(messages)
    return process, messages


def receive(messages):
    if not messages.poll(PATIENCE):
        raise TimeoutError(f"no message for {PATIENCE} s")
    return messages.recv()


def durations(context, directory):
    """Seconds from when each kind of moment begins to the end of a first export."""
    process, messages = start(context, directory)
    begins = {}
    for kind, part in PARTS.items():
        wait_for(directory, process, part)
        begins[kind] = time.perf_counter()
    receive(messages)
    end = time.perf_counter()
    process.kill()
    process.join()
    return {kind: end - begin for kind, begin in begins.items()}


def kill_one(context, directory, part, delay):
    """Kills an export `delay` seconds after `part`; returns the versions it told of."""
    process, messages = start(context, directory)
    wait_for(directory, process, part)
    time.sleep(delay)
    process.kill()
    process.join()
    reported = []
    try:
        while True:
            reported.append(messages.recv())
    except EOFError:
        return [version for version in reported if version != "start"]


def wait_for(directory, process, part):
    """Returns once the process' unfinished folder holds `part`."""
    deadline = time.monotonic() + PATIENCE
    while not any(directory.glob(f".partial-*-{process.pid}-*/{part}")):
        if not process.is_alive() or time.monotonic() > deadline:
            raise RuntimeError(f"the export ended or hangs: there is no {part}")
        time.sleep(0.001)


def unfinished(directory):
    return {path.name for path in directory.glob(".partial-*")}


def check_order(known, reported, found):
    """Versions count up without a gap, and none goes away."""
    if found != [*range(1, len(found) + 1)] or not {*known, *reported} <= {*found}:
        raise ValueError(f"{known}, and {reported} of the last one, became {found}")


def check_version(version, whole):
    """A version has the files that `whole` has, intact, and can be served."""
    differing = contents(version) ^ contents(whole)
    if differing:
        raise ValueError(f"{version} and {whole} differ in {sorted(differing)}")
    x = np.zeros((1, 4), "float32")
    expected = VAE.from_preset(version).reconstruct(x)  # Checks the sha256.
    served = tf.saved_model.load(str(version)).signatures["reconstruct"]
    if np.abs(served(tf.constant(x))["outputs"] - expected).max() > 1e-5:
        raise ValueError(f"{version} computes something else than its model")


def contents(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def check_end(directory, known):
    """All versions stay whole, and the next export leaves nothing but versions."""
    last = export(small_model(), directory)
    for version in known:
        VAE.from_preset(directory / str(version))
    left = {path.name for path in directory.iterdir()}
    if left != {*map(str, known), last.name} or int(last.name) != known[-1] + 1:
        raise ValueError(f"after {known} and one more export there is {left}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        result = run(directory, options.kills, options.seed)
    left = ", ".join(f"{n} {kind}" for kind, n in result["unfinished"].items())
    print(
        f"{options.kills} kills: {result['versions']} versions, all whole. Kills that "
        f"left an unfinished folder: {left}. One more export removed them all."
    )


if __name__ == "__main__":
    main()
