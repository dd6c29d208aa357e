"""Programs without Python TensorFlow that run a SavedModel, and what they are asked."""

import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose

from tests import zoo_of_models

HERE = pathlib.Path(__file__).parent
SEEDED = ("sample", "draw", "score", "impute")
C_API = [sys.executable, str(HERE / "c_api.py")]


def compile_server(folder):
    """The command of the C++ program, compiled against the wheel's libraries."""
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("there is no C++ compiler")
    program = folder / "serve"
    # TensorFlow's own headers are full of warnings.
    flags = [*tf.sysconfig.get_compile_flags(), "-std=c++17", "-w"]
    if shutil.which("ld.gold"):
        flags.append("-fuse-ld=gold")  # It links in a quarter of the time.
    libraries = [
        # The linker must not drop a library that the program itself calls nothing of.
        "-Wl,--no-as-needed",
        *tf.sysconfig.get_link_flags(),
        "-l:libtensorflow_cc.so.2",
        f"-Wl,-rpath,{tf.sysconfig.get_lib()}",
    ]
    command = [compiler, *flags, str(HERE / "serve.cc"), "-o", str(program)]
    subprocess.run([*command, *libraries], check=True)
    return [str(program)]


def requests(model, batch_size):
    """Inputs of every signature, signature -> name -> array."""
    rng = np.random.default_rng(batch_size)
    shape = (batch_size, *model.input_shape)
    x = {"inputs": (rng.random(shape) < 0.5).astype("float32")}
    mask = {"mask": (rng.random(shape) < 0.7).astype("float32")}
    seeds = {"seeds": rng.integers(-(2**31), 2**31, (batch_size, 2), dtype="int32")}
    # A place on the sphere, where the model has one.
    z = {"latents": model.prior().sample(batch_size, seed=batch_size).numpy()}
    made = {
        "serving_default": x,
        "encode": x,
        "decode": z,
        "reconstruct": x,
        "sample": seeds,
        "draw": seeds,
        "score": {**x, **seeds},
        "impute": {**x, **mask, **seeds},
    }
    return {**made, "cluster": x} if model.num_clusters else made


def deterministic_answers(model, inputs):
    """What the model's own methods answer, signature -> output -> tensor."""
    x = inputs["encode"]["inputs"]
    z = model.encode(x)
    reconstructed = model.reconstruct(x)
    answers = {
        "serving_default": {"latents": z, "reconstructions": reconstructed},
        "encode": {"latents": z, **model.posterior_parameters(x)},
        "decode": {"outputs": model.decode(inputs["decode"]["latents"])},
        "reconstruct": {"outputs": reconstructed},
    }
    if model.num_clusters:
        probabilities = model.cluster_probabilities(x)
        chosen = tf.argmax(probabilities, axis=1, output_type=tf.int32)
        answers["cluster"] = {"probabilities": probabilities, "cluster": chosen}
    return answers


def ask(server, version, asked, folder):
    """The program's answers: batch -> signature -> output -> array.

    Args:
        server: the program's command.
        version: folder of the SavedModel.
        asked: batch -> signature -> input -> array.
        folder: an empty folder for what passes between the processes.
    """
    for batch, signatures in asked.items():
        for signature, arrays in signatures.items():
            place = folder / "requests" / str(batch) / signature
            place.mkdir(parents=True)
            for name, array in arrays.items():
                np.save(place / f"{name}.npy", array)
    command = [*server, version, folder / "requests", folder / "answers"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if result.returncode:
        raise AssertionError(f"{server[-1]} failed: {result.stderr[-2000:]}")
    return {
        batch: {
            signature: {
                path.stem: np.load(path)
                for path in (folder / "answers" / str(batch) / signature).glob("*.npy")
            }
            for signature in signatures
        }
        for batch, signatures in asked.items()
    }


def assert_same_answers(received, expected):
    assert received.keys() == expected.keys()
    for key, value in expected.items():
        assert received[key].dtype == value.dtype
        # Four units in the last place, which are more than 1e-5 of tens of nats.
        rtol = 4 * np.finfo("float32").eps
        assert_allclose(received[key], value, rtol=rtol, atol=1e-5)


def assert_answers_as_python(server, exported, answers, folder):
    _, version, _ = exported
    asked, expected = answers
    received = ask(server, version, asked, folder)
    for size, signatures in expected.items():
        for name, outputs in signatures.items():
            assert_same_answers(received[size][name], outputs)


def first_tier_of(*makers):
    """These kinds of models alone; the others are asked with `pytest -m ""` too."""
    every = [getattr(each, "values", (each,))[0] for each in zoo_of_models.ALL]
    slow = {each: () if each in makers else pytest.mark.slow for each in every}
    params = [pytest.param(each, marks=mark) for each, mark in slow.items()]
    return pytest.mark.parametrize("exported", params, indirect=True)
