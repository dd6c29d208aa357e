"""Options that both clients share: model, signature and arrays."""

import argparse

import numpy as np

INPUTS = {
    "serving_default": ("inputs",),
    "encode": ("inputs",),
    "decode": ("latents",),
    "reconstruct": ("inputs",),
    "sample": ("seeds",),
    "draw": ("seeds",),
    "score": ("inputs", "seeds"),
    "impute": ("inputs", "mask", "seeds"),
    "cluster": ("inputs",),
}


def parser(description, port):
    """The options of both clients; `port` is the default port."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("call", choices=[*INPUTS, "status", "metadata"])
    options.add_argument("--host", default="localhost")
    options.add_argument("--port", type=int, default=port)
    options.add_argument("--model", default="digits", help="its name on the server")
    which = options.add_mutually_exclusive_group()
    which.add_argument("--version", type=int, help="default: the newest one")
    which.add_argument("--label", help="of a version, such as stable or canary")
    options.add_argument("--timeout", type=float, default=10.0, help="in seconds")
    options.add_argument(
        "--data",
        help="a .npz file with an array for each input, or a .npy file for the first "
        "one; default: scikit-learn's 8 x 8 digits",
    )
    options.add_argument("--num-rows", type=int, default=4, help="digits or samples")
    options.add_argument("--seed", type=int, default=0, help="where `seeds` are made")
    options.add_argument("--output", help="a .npz file for the answer")
    return options


def arrays(options):
    """Input name -> array of the signature `options.call`.

    Inputs that the file lacks are made if possible: seeds (--seed, row), and a mask
        that observes the first half of the rows of an image.
    """
    names, found = INPUTS[options.call], {}
    if options.data:
        content = np.load(options.data)
        found = dict(content) if options.data.endswith(".npz") else {names[0]: content}
    elif names[0] == "inputs":
        found = {"inputs": digits(options.num_rows)}
    count = len(next(iter(found.values()))) if found else options.num_rows
    if "mask" in names and "mask" not in found and "inputs" in found:
        found["mask"] = np.ones_like(found["inputs"])
        found["mask"][:, found["mask"].shape[1] // 2 :] = 0
    if "seeds" in names and "seeds" not in found:
        found["seeds"] = np.stack([np.full(count, options.seed), np.arange(count)], 1)
    if set(found) != set(names):
        raise ValueError(
            f"`--data` must hold {', '.join(names)} for the signature {options.call}. "
            f"Received: {', '.join(found) or 'no file'}"
        )
    if len({len(array) for array in found.values()}) > 1:
        rows = {name: len(array) for name, array in found.items()}
        raise ValueError(f"All inputs must have as many rows. Received: {rows}")
    return {name: as_served(name, array) for name, array in found.items()}


def check_rows(arrays):
    """Raises ValueError unless every input has a row.

    A server that batches never answers an empty request, which also blocks others.
    """
    empty = [name for name, array in arrays.items() if not len(array)]
    if empty or not arrays:
        raise ValueError(
            "Every input must have at least one row. Received: none of "
            f"{', '.join(empty) or 'any input'}"
        )


def digits(count):
    """The first digits of scikit-learn, [count, 8, 8, 1] in [0, 1]."""
    from sklearn.datasets import load_digits

    return load_digits().images[:count, ..., None] / 16


def as_served(name, array):
    """`array` as signatures take it: int32 seeds, bytes scaled to [0, 1], float32."""
    if name != "seeds":
        scale = 255 if name == "inputs" and array.dtype == np.uint8 else 1
        return (array / scale).astype(np.float32)
    seeds = array.astype(np.int32)
    if not np.array_equal(seeds, array):
        raise ValueError(
            f"`seeds` must be integers of 32 bits. Received: {array.dtype} from "
            f"{array.min()} to {array.max()}"
        )
    return seeds


def report(outputs, path):
    """Prints the arrays of an answer, and writes them to a file if `path` is given."""
    for name, array in sorted(outputs.items()):
        print(f"{name} {array.dtype} {list(array.shape)}")
        rows = array.reshape(len(array), -1) if array.ndim > 2 else array
        print(np.array2string(rows, precision=4, threshold=64, edgeitems=3))
    if path:
        np.savez(path, **outputs)


def report_status(states):
    """Prints versions and their states."""
    for version, state in sorted(states.items()):
        print(version, state)


def report_signatures(signatures):
    """Prints the names of each signature's inputs and outputs."""
    for name, (inputs, outputs) in sorted(signatures.items()):
        if name in INPUTS:  # The server also lists TensorFlow's own.
            print(
                f"{name}: {', '.join(sorted(inputs))} -> {', '.join(sorted(outputs))}"
            )
