"""Compares two worker processes on this machine with one, and kills one worker.

    python benchmarks/two_workers.py [--epochs 10] [--models vae beta-vae …]

For each model it prints the largest differences of the history and of the metrics
between one process, two workers with the same global batch, and two workers of which
one is killed half way and both restart. The single process does not use XLA, like the
workers, since XLA's rounding grows to 0.07 in a term of the bound when clusters start.
"""

import argparse
import csv
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

ARGUMENTS = {
    "vae": ["--binarize", "dynamic", "--dropout-rate", "0.1"],
    "beta-vae": ["--beta", "4", "--warmup-epochs", "3", "--ema-momentum", "0.9"],
    "gaussian-mixture-vae": ["--pretraining-epochs", "4", "--rotation", "5"],
    "hyperspherical-vae": ["--cosine-decay"],
}
# They count the largest of probabilities, which before the clusters start are all
# alike: rounding alone decides.
COUNTS = ("clusters_in_use", "label_accuracy")
WITHOUT_XLA = """
import sys
from vae_zoo import VAE, cli
VAE.gains_by_xla = lambda self, training=False: False
sys.exit(cli.main())
"""
BAD_INPUT = 2
MAX_STARTS = 10


def train_command(model, folder, *arguments):
    command = [sys.executable, "-m", "vae_zoo", "train", model, *map(str, arguments)]
    return [*command, "--dataset", "digits", "--output", str(folder)]


def start_process(command, **environment):
    """Starts a command; returns the process."""
    return subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


def start_workers(commands, start=start_process):
    """Starts two workers that find each other by TF_CONFIG; returns the processes."""
    with socket.socket() as first, socket.socket() as second:
        sockets = (first, second)
        for each in sockets:
            each.bind(("localhost", 0))
        addresses = [f"localhost:{each.getsockname()[1]}" for each in sockets]
    return [
        start(
            [*command, "--distribute"],
            TF_CONFIG=json.dumps(
                {
                    "cluster": {"worker": addresses},
                    "task": {"type": "worker", "index": index},
                }
            ),
        )
        for index, command in enumerate(commands)
    ]


def supervise(command, folder, kill_at=None, send=signal.SIGKILL, start=start_process):
    """Runs two workers, and starts both again when one of them fails.

    Args:
        command: what each of them runs.
        folder: the run's folder.
        kill_at: epochs in the history at which the second worker is killed, once.
        send: the signal that kills it.
        start: how a worker is started, as by `start_process`.

    Returns:
        The exit codes of each start.
    """
    codes = []
    for _ in range(MAX_STARTS):
        workers = start_workers([command] * 2, start)
        if kill_at is not None and not codes:
            while num_epochs(folder) < kill_at and workers[1].poll() is None:
                time.sleep(0.02)
            workers[1].send_signal(send)
        outputs = [each.communicate()[1] for each in workers]
        codes.append([each.returncode for each in workers])
        if not any(codes[-1]):
            return codes
        print(f"{folder}: {codes[-1]}", *outputs, sep="\n", file=sys.stderr)
        if BAD_INPUT in codes[-1]:
            break
    raise RuntimeError(f"The workers ended with {codes}:\n" + "\n".join(outputs))


def num_epochs(folder):
    return len(history(folder))


def history(folder):
    path = pathlib.Path(folder) / "history.csv"
    if not path.exists():
        return []
    with open(path, newline="") as file:
        return [
            {key: float(value) for key, value in row.items()}
            for row in csv.DictReader(file)
        ]


def metrics(folder):
    path = pathlib.Path(folder) / "metrics.json"
    return json.loads(path.read_text())["validation"]


def largest_difference(rows, other_rows):
    """Of dicts of numbers: the largest relative one, and its key, but for `COUNTS`."""
    return max(
        (abs(row[key] - other[key]) / max(abs(row[key]), 1), key)
        for row, other in zip(rows, other_rows, strict=True)
        for key in row | other
        if not any(name in key for name in COUNTS)
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--models", nargs="+", default=[*ARGUMENTS])
    options = parser.parse_args()
    print(f"{'model':<22} {'workers':<14} {'of the history':<30} of the metrics")
    for model in options.models:
        with tempfile.TemporaryDirectory() as parent:
            parent = pathlib.Path(parent)
            arguments = [*ARGUMENTS[model], "--epochs", options.epochs]
            arguments += ["--seconds-between-checkpoints", 0]
            one = parent / "one"
            command = train_command(model, one, *arguments)
            command = [sys.executable, "-c", WITHOUT_XLA, *command[3:]]
            subprocess.run(command, check=True, capture_output=True)
            for name, kill_at in (
                ("two", None),
                ("one is killed", options.epochs // 2),
            ):
                folder = parent / name.replace(" ", "-")
                command = train_command(model, folder, *arguments)
                codes = supervise(command, folder, kill_at)
                found, key = largest_difference(history(one), history(folder))
                of_metrics = largest_difference([metrics(one)], [metrics(folder)])
                print(
                    f"{model:<22} {name:<14} {found:.1e} ({key})".ljust(69),
                    f"{of_metrics[0]:.1e} ({of_metrics[1]}); exit codes {codes}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
