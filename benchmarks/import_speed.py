"""The time of `import vae_zoo`, compared with importing TensorFlow Probability.

    python benchmarks/import_speed.py [--runs 7]

Each import is a separate process, in turn; the first of each, which fills the disk's
cache, does not count. Both packages load their content on first use, so the bare
imports take almost no time. So a class of each is imported, too, which is what a
program waits for. The raw figures go to `benchmarks/results/import_speed.json`.
"""

import argparse
import statistics
import subprocess
import sys
import time

from speed import results

PROGRAMS = {
    "python": "pass",
    "import tensorflow_probability": "import tensorflow_probability",
    "import vae_zoo": "import vae_zoo",
    "tensorflow_probability's Normal": (
        "import tensorflow_probability as tfp; tfp.distributions.Normal"
    ),
    "vae_zoo's VAE": "import vae_zoo; vae_zoo.VAE",
}


def seconds(program):
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    measured = {name: [] for name in PROGRAMS}
    for run in range(runs + 1):
        for name, program in PROGRAMS.items():
            found = seconds(program)
            if run:
                measured[name].append(found)
    for name, each in measured.items():
        print(f"{name:<34}{statistics.median(each):6.2f} s")
    *_, theirs, ours = measured.values()
    ratio = statistics.median(b / a for a, b in zip(theirs, ours, strict=True))
    print(f"ratio of the last two, the median of {runs} runs: {ratio:.2f}")
    print(f"raw figures: {results.save('import_speed', {'seconds': measured})}")


if __name__ == "__main__":
    main()
