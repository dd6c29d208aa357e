"""Times a contender: one epoch for each line on stdin, its seconds on stdout.

The output has the wall time and the processor time of all threads, which a busy machine
distorts less.

A contender is a script. It prepares itself, prints its number of parameters in the
first line, and waits. When stdin ends, it prints its peak memory and exits. Between
epochs it sleeps, so that contenders do not disturb each other. Nothing here needs
TensorFlow.
"""

import argparse
import json
import os
import resource
import sys
import time

import numpy as np

LATENT_DIM, SIDE = 20, 28
HIDDEN_UNITS = (500, 500)
# Of the convolutional network: strides of 2, then one dense layer.
FILTERS, KERNEL_SIZE, DENSE_UNITS = (32, 64), 4, 256


def settings():
    """What the one who times it asked for."""
    parser = argparse.ArgumentParser(description="One contender of fit_speed.py.")
    parser.add_argument("--model", default="VAE")
    parser.add_argument("--network", choices=("mlp", "conv"), default="mlp")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--num-examples", type=int, default=25_600)
    parser.add_argument("--steps-per-execution", type=int)
    return parser.parse_args()


def data(asked):
    """Binary images, the same for all: float32 [N, 784] or [N, 28, 28, 1]."""
    shape = (SIDE * SIDE,) if asked.network == "mlp" else (SIDE, SIDE, 1)
    x = np.random.default_rng(0).random((asked.num_examples, *shape), "float32")
    return (x < 0.13).astype("float32")


class Clock:
    """Starts and stops where an epoch does, at the word of the one who times it."""

    def __init__(self, num_parameters):
        # What frameworks print goes elsewhere than the answers.
        self.out = os.fdopen(os.dup(1), "w", buffering=1)
        os.dup2(2, 1)
        self.answer(parameters=int(num_parameters))

    def answer(self, **values):
        print(json.dumps(values), file=self.out)

    def start(self):
        """Waits for the next line; ends the process when there is none."""
        if not sys.stdin.readline():
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            self.answer(peak_gib=peak / 2**20)
            sys.exit()
        self.started = time.perf_counter(), time.process_time()

    def stop(self):
        clock, processor = self.started
        self.answer(
            seconds=time.perf_counter() - clock,
            processor_seconds=time.process_time() - processor,
        )

    def run(self, epoch):
        """Times `epoch`, a function that returns when all is computed."""
        while True:
            self.start()
            epoch()
            self.stop()
