"""The time to load a preset and to draw from it, in a fresh process.

    python benchmarks/preset_speed.py --runs 5

It takes turns with a process that imports TensorFlow and TensorFlow Probability and
calls `tf.saved_model.load` on the same folder.
"""

import argparse
import statistics
import subprocess
import sys
import time

from vae_zoo.zoo import presets

OURS = """
import sys
import vae_zoo
vae_zoo.VAE.from_preset(sys.argv[1]).sample(16, seed=0).numpy()
"""
BARE = """
import sys
import tensorflow as tf
import tensorflow_probability
tf.saved_model.load(sys.argv[2])
"""


def seconds(program, *arguments):
    """How long a fresh process takes for a program."""
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", program, *arguments], check=True, capture_output=True
    )
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("presets", nargs="*", help="default: all of them")
    parser.add_argument("--runs", type=int, default=5, help="of each, alternating")
    options = parser.parse_args()
    for name in options.presets or sorted(presets.metadata()):
        arguments = (name, str(presets.root() / name / "1"))
        pairs = [
            (seconds(OURS, *arguments), seconds(BARE, *arguments))
            for _ in range(options.runs + 1)
        ][1:]  # The first one reads the files into memory.
        ours, bare = (statistics.median(times) for times in zip(*pairs, strict=True))
        print(f"{name:<28} {ours:6.2f} s  bare {bare:6.2f} s  ratio {ours / bare:.2f}")


if __name__ == "__main__":
    main()
