"""The time of `import vae_zoo` beside that of importing TensorFlow Probability.

    python benchmarks/import_speed.py [--runs 7]

Each import is a process of its own, in turn; the first of each, which fills the disk's
cache, does not count. TensorFlow Probability loads its parts when they are used, so
`tfp.distributions` is named, as everything that uses it does. The raw figures go to
`benchmarks/results/import_speed.json`.
"""

import argparse
import statistics
import subprocess
import sys
import time

from speed import results

PROGRAMS = {
    "tensorflow_probability": "import tensorflow_probability as p; p.distributions",
    "vae_zoo": "import vae_zoo",
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
        print(f"{name:<24}{statistics.median(each):6.2f} s")
    theirs, ours = measured.values()
    ratio = statistics.median(b / a for a, b in zip(theirs, ours, strict=True))
    print(f"ratio, the median of those of {runs} runs: {ratio:.2f}")
    print(f"raw figures: {results.save('import_speed', {'seconds': measured})}")


if __name__ == "__main__":
    main()
