"""Speed and memory of `fit` on data streamed from disk, by the number of examples.

    python benchmarks/streaming_speed.py [--sizes 10000 100000 1000000 10000000]

Each size is a .npy file of binary 16 x 16 images and a process that trains an MLP
256-256-128-8 on it. `datasets.load` reads the file in shuffled order, batch by batch.
Small files repeat without an end, so that every size but the largest has a million
examples in the one epoch that Keras counts: the fixed cost of an epoch is not part of
streaming. The step is compiled beforehand.

Memory is the peak of the process, with and without the pages of files, of which the
system keeps as many as it has room for. The raw figures go to
`benchmarks/results/streaming_speed.json`. The benchmark takes about six minutes and 3
GB of disk on two idle cores.
"""

import argparse
import concurrent.futures
import functools
import multiprocessing
import pathlib
import tempfile
import threading
import time

import numpy as np
from speed import results

import vae_zoo
from vae_zoo.components import networks
from vae_zoo.datasets import array_source

SIDE, LATENT_DIM, HIDDEN_UNITS = 16, 8, (256, 128)
BATCH_SIZE, ROWS_PER_WRITE = 250, 100_000


def write(path, size):
    """A .npy file of `size` random images, written in parts."""
    rng = np.random.default_rng(0)
    header = {"descr": "|u1", "fortran_order": False, "shape": (size, SIDE, SIDE, 1)}
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, size, ROWS_PER_WRITE):
            rows = min(ROWS_PER_WRITE, size - start)
            rng.integers(0, 2, (rows, SIDE, SIDE), "uint8").tofile(file)


def memory():
    """GiB of this process: with the pages of files and without."""
    text = pathlib.Path("/proc/self/status").read_text()
    fields = dict(line.split(":", 1) for line in text.splitlines())
    return [int(fields[key].split()[0]) / 2**20 for key in ("VmRSS", "RssAnon")]


def watch(peaks, ended):
    """Keeps the largest of `memory` in `peaks` until the event `ended`."""
    while not ended.wait(0.2):
        peaks[:] = map(max, peaks, memory())


def measure(path, size, epochs):
    """Trains on the file: examples a second and peak memory."""
    # Small files are to be streamed, too.
    array_source.IN_MEMORY_BYTES = 0
    data = vae_zoo.datasets.load(path, batch_size=BATCH_SIZE, first_epoch=0)
    encoder = networks.MLP(HIDDEN_UNITS)
    model = vae_zoo.VAE((SIDE, SIDE, 1), LATENT_DIM, encoder=encoder)
    model.compile("adam")
    peaks, ended = [0.0, 0.0], threading.Event()
    watcher = threading.Thread(target=watch, args=(peaks, ended))
    watcher.start()
    fit = functools.partial(model.fit, data, shuffle=False, verbose=0)
    fit(steps_per_epoch=20)  # Compiles.
    start = time.perf_counter()
    fit(steps_per_epoch=epochs * size // BATCH_SIZE)
    seconds = time.perf_counter() - start
    ended.set()
    watcher.join()
    return {
        "epochs": epochs,
        "seconds": seconds,
        "examples_per_second": epochs * size / seconds,
        "peak_gib": peaks[0],
        "peak_gib_without_files": peaks[1],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    sizes = [10_000, 100_000, 1_000_000, 10_000_000]
    parser.add_argument("--sizes", type=int, nargs="+", default=sizes)
    parser.add_argument("--folder", help="where the files are written, and removed")
    parser.add_argument("--seen", type=int, default=1_000_000, help="at least, of each")
    arguments = parser.parse_args()
    spawn = multiprocessing.get_context("spawn")
    measured = {}
    print(f"{'examples':>10}{'epochs':>8}{'examples/s':>12}{'GiB':>7}{'no files':>10}")
    for size in arguments.sizes:
        with (
            tempfile.TemporaryDirectory(dir=arguments.folder) as folder,
            concurrent.futures.ProcessPoolExecutor(1, spawn) as pool,
        ):
            path = pathlib.Path(folder) / "images.npy"
            write(path, size)
            epochs = max(1, arguments.seen // size)
            found = measured[size] = pool.submit(measure, path, size, epochs).result()
        print(
            f"{size:10d}{found['epochs']:8d}{found['examples_per_second']:12.0f}"
            f"{found['peak_gib']:7.2f}{found['peak_gib_without_files']:10.2f}",
            flush=True,
        )
    speeds = [each["examples_per_second"] for each in measured.values()]
    print(f"slowest / fastest: {min(speeds) / max(speeds):.2f}")
    path = results.save("streaming_speed", {"sizes": measured})
    print(f"raw figures: {path}")


if __name__ == "__main__":
    main()
