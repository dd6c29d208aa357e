"""All of MNIST through Beam's RunInference, compared with `model.predict`.

    python benchmarks/beam_mnist.py --output runs/beam_mnist

It writes the 70,000 images as TFRecord files, encodes them by
`examples/serving/beam_encode.py` on Beam's in-process runner, joins the answers by key,
and prints the seconds and the largest difference of the latents. Other options are
Beam's own.
"""

import argparse
import pathlib
import subprocess
import sys
import time

import numpy as np
import pyarrow.parquet

from vae_zoo import VAE, datasets
from vae_zoo.zoo import presets

EXAMPLES = pathlib.Path(__file__).resolve().parents[1] / "examples" / "serving"
SPLIT = "train+test"


def run(script, *arguments):
    """Runs a script in a process of its own; returns its seconds, start included."""
    start = time.perf_counter()
    command = [sys.executable, str(EXAMPLES / script), *map(str, arguments)]
    subprocess.run(command, check=True)
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--preset", default="vae_mnist")
    parser.add_argument("--data-dir", default=None, help="where TFDS keeps its data")
    parser.add_argument("--output", default="runs/beam_mnist")
    options, beam_options = parser.parse_known_args()
    examples = pathlib.Path(options.output) / "examples" / "mnist"
    encoded = pathlib.Path(options.output) / "encoded" / "mnist"
    where = ("--data-dir", options.data_dir) if options.data_dir else ()

    written = ("mnist", "--split", SPLIT, "--output", examples, *where)
    print(f"write: {run('write_examples.py', *written):.1f} s", flush=True)
    arguments = ("--examples", f"{examples}-*.tfrecord", "--output", encoded)
    arguments += ("--format", "parquet", *beam_options)
    folder = presets.find(options.preset) / "1"
    print(f"encode: {run('beam_encode.py', folder, *arguments):.1f} s", flush=True)

    files = sorted(encoded.parent.glob(f"{encoded.name}-*"))
    table = pyarrow.parquet.read_table(files).sort_by("key")
    latents = np.array(table["latents"].to_pylist(), np.float32)
    data = datasets.load(
        "mnist", SPLIT, 1000, labels=False, shuffle=False, data_dir=options.data_dir
    )
    x = np.concatenate(list(data.as_numpy_iterator()))
    model = VAE.from_preset(options.preset)
    start = time.perf_counter()
    expected = model.predict(x, batch_size=256, verbose=0)["latents"]
    print(f"predict: {time.perf_counter() - start:.1f} s", flush=True)
    keys = table["key"].to_pylist()
    if [int(key) for key in keys] != list(range(len(x))):
        raise SystemExit("the keys are not those of the data set")
    difference = np.abs(latents - expected).max()
    print(f"{len(keys)} images, largest difference of the latents {difference:.2e}")


if __name__ == "__main__":
    main()
