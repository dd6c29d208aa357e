"""Training on several replicas is training on one."""

import json
import signal
import socket
import sys
import time

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from benchmarks import two_workers
from tests.small_runs import ARTEFACTS, TINY, train_only
from tests.warm_starts import warm_starts
from vae_zoo.cli import main
from vae_zoo.datasets import open_source
from vae_zoo.fitting import distribute, workers

# What rounding comes to, relative to the larger of a value and 1.
ROUNDING = 1e-3

WORKER = {"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 0}}


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """Starts a command in a process that has imported TensorFlow."""
    with warm_starts(tmp_path_factory.mktemp("processes")) as start:
        yield start


@pytest.mark.parametrize(
    "model",
    [
        "vae",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in two_workers.ARGUMENTS
            if name != "vae"
        ),
    ],
)
@pytest.mark.usefixtures("without_xla")
def test_two_workers_of_which_one_is_killed_end_as_one_process(
    model, start, tmp_path, monkeypatch
):
    # 1293 examples: the last batch is of 123, one more for one worker than the other.
    arguments = [*two_workers.ARGUMENTS[model], *TINY[2:], "--epochs", "5"]
    arguments += ["--batch-size", "130", "--split", "train[:1293]"]
    one, two = tmp_path / "one", tmp_path / "two"
    train_only(monkeypatch)
    assert main(two_workers.train_command(model, one, *arguments)[3:]) == 0
    command = two_workers.train_command(model, two, *arguments)
    first, *others = two_workers.supervise(command, two, kill_at=2, start=start)
    assert first[1] == -signal.SIGKILL
    assert first[0] == 75
    assert others[-1] == [0, 0]
    artefacts = ARTEFACTS | ({"clusters.png"} if "mixture" in model else set())
    assert {path.name for path in two.iterdir()} == artefacts
    histories = [two_workers.history(folder) for folder in (one, two)]
    assert [row["epoch"] for row in histories[1]] == [1, 2, 3, 4, 5]
    assert two_workers.largest_difference(*histories)[0] < ROUNDING
    metrics = [[two_workers.metrics(folder)] for folder in (one, two)]
    assert two_workers.largest_difference(*metrics)[0] < ROUNDING
    # How many there are is no part of the run, which one process finds complete.
    assert main([*command[3:]]) == 0


@pytest.mark.parametrize(
    "model",
    [
        # With the encoder of the VAE.
        "weighted_beta_vae",
        pytest.param("vae", marks=pytest.mark.slow),
        pytest.param("gaussian_mixture_vae", marks=pytest.mark.slow),
        pytest.param("hyperspherical_vae", marks=pytest.mark.slow),
        pytest.param("conditional_vae", marks=pytest.mark.slow),
        pytest.param("vamp_prior_vae", marks=pytest.mark.slow),
        pytest.param("flow_vae", marks=pytest.mark.slow),
    ],
)
def test_two_replicas_on_one_machine_are_one(model, start):
    program = start([sys.executable, "-m", "tests.replicas_on_one_machine", model])
    out, err = program.communicate()
    assert program.returncode == 0, err
    one, two = json.loads(out.splitlines()[-1])
    assert one["history"].keys() == two["history"].keys()
    rows = [[each["history"] | each["measured"]] for each in (one, two)]
    flat = [
        {
            f"{key} {index}": value
            for key, values in row[0].items()
            for index, value in enumerate(np.atleast_1d(values))
        }
        for row in rows
    ]
    assert two_workers.largest_difference(flat[:1], flat[1:])[0] < ROUNDING
    if model == "conditional_vae":
        return
    assert_allclose(two["second_share"], 1.0, atol=0.2)
    # Four equal examples, two on each replica.
    assert len(set(two["draws"])) == 4


@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize("binarize", ["dynamic", "fixed"])
def test_each_replica_has_rows_of_its_own_and_together_all(binarize, labels):
    source = open_source("digits").first(7)

    def elements(count, **share):
        data = source.batches(
            4,
            shuffle=True,
            seed=3,
            binarize=binarize,
            labels=labels,
            first_epoch=2,
            **share,
        )
        taken = data.take(count).as_numpy_iterator()
        return [each if labels else (each,) for each in taken]

    whole = elements(4)  # Two epochs.
    of_first = elements(8, replicas=range(2), num_replicas=3)
    of_second = elements(4, replicas=range(2, 3), num_replicas=3)
    for step, batch in enumerate(whole):
        shares = [*of_first[2 * step : 2 * step + 2], of_second[step]]
        for index, share in enumerate(shares):
            for part, all_of_it in zip(share, batch, strict=True):
                assert_array_equal(part, all_of_it[index::3])


def test_shares_of_a_pass_have_its_length():
    source = open_source("digits").first(7)
    data = source.batches(4, replicas=range(2), num_replicas=8)
    assert [len(x) for x in data] == [1, 1, 1, 1]
    assert data.cardinality() == 4
    last = source.batches(4, replicas=range(3, 4), num_replicas=4)
    assert [len(x) for x in last] == [1, 0]


@pytest.mark.parametrize(
    "config",
    [
        "{",
        "[]",
        "{}",
        json.dumps({**WORKER, "cluster": {"worker": "a:1"}}),
        json.dumps({**WORKER, "cluster": {"worker": ["a"]}}),
        json.dumps({**WORKER, "cluster": {"worker": ["a:1", "a:1"]}}),
        json.dumps({**WORKER, "cluster": {"ps": ["a:1"], "worker": ["b:1"]}}),
        json.dumps({**WORKER, "task": {"type": "worker", "index": 2}}),
        json.dumps({**WORKER, "task": {"type": "worker", "index": "0"}}),
        json.dumps({**WORKER, "task": {"type": "chief", "index": 0}}),
    ],
)
def test_a_malformed_tf_config_is_refused_before_anything_starts(
    config, monkeypatch, tmp_path, capsys
):
    monkeypatch.setenv("TF_CONFIG", config)
    folder = tmp_path / "run"
    arguments = ["train", "vae", *TINY, "--distribute", "--output", str(folder)]
    assert main(arguments) == 2
    assert "TF_CONFIG must be JSON such as" in capsys.readouterr().err
    assert not folder.exists()


def test_what_cannot_be_dealt_out_is_refused(monkeypatch, tmp_path, capsys):
    folder = tmp_path / "run"
    arguments = ["train", "vae", *TINY, "--distribute", "--output", str(folder)]
    monkeypatch.delenv("TF_CONFIG", raising=False)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [])
    assert main(arguments) == 2
    assert "--distribute needs several GPUs, or TF_CONFIG" in capsys.readouterr().err
    monkeypatch.setenv("TF_CONFIG", json.dumps(WORKER))
    for size in ("1", "127"):
        assert main([*arguments, "--batch-size", size]) == 2
        message = capsys.readouterr().err
        assert "--batch-size must be a multiple of 2" in message
        assert f"Received: {size}" in message
    assert not folder.exists()


def test_workers_of_different_commands_are_refused(start, tmp_path):
    command = two_workers.train_command("vae", tmp_path / "run", *TINY[2:])
    others = [*command, "--learning-rate", "0.5"]
    workers = two_workers.start_workers([command, others], start)
    errors = [each.communicate()[1] for each in workers]
    assert [each.returncode for each in workers] == [2, 2], errors
    for error in errors:
        assert "must run one command on the same data" in error
        assert "fingerprints of settings" in error
    assert not (tmp_path / "run").exists()


def test_sigterm_ends_each_worker_and_keeps_the_last_epoch(start, tmp_path):
    folder = tmp_path / "run"
    options = [*TINY[2:], "--epochs", "1000"]
    processes = two_workers.start_workers(
        [two_workers.train_command("vae", folder, *options)] * 2, start
    )
    while two_workers.num_epochs(folder) < 2 and processes[0].poll() is None:
        time.sleep(0.02)
    signalled = time.monotonic()
    for each in processes:
        each.send_signal(signal.SIGTERM)
    errors = [each.communicate()[1] for each in processes]
    assert [each.returncode for each in processes] == [143, 143], errors
    # Kubernetes gives 30.
    assert time.monotonic() - signalled < 25
    assert (folder / "model.keras").exists()
    assert not [path.name for path in folder.iterdir() if path.name.startswith(".")]


def test_a_port_in_use_is_bad_input(monkeypatch, tmp_path, capsys):
    folder = tmp_path / "run"
    arguments = ["train", "vae", *TINY, "--distribute", "--output", str(folder)]
    with socket.create_server(("", 0)) as taken:
        address = f"localhost:{taken.getsockname()[1]}"
        cluster = {"worker": [address, "localhost:1"]}
        monkeypatch.setenv("TF_CONFIG", json.dumps({**WORKER, "cluster": cluster}))
        assert main(arguments) == 2
    assert f"'{address}' must be this worker's own" in capsys.readouterr().err
    assert not folder.exists()


@pytest.mark.parametrize(
    ("kind", "message", "is_lost"),
    [
        # What two workers had to say, of which one was killed, or stopped,
        ("Unavailable", "Collective ops is aborted by: Socket closed", True),
        ("Internal", "Stream removed\nAdditional GRPC error information from", True),
        ("DeadlineExceeded", "RPC: /tensorflow.CoordinationService/Heartbeat", True),
        ("Cancelled", "CANCELLED", True),
        ("Unknown", "The following tasks are unhealthy (stopped sending hear", True),
        ("FailedPrecondition", "the current incarnation doesn't match with on", True),
        # and what one has to say of itself.
        ("Internal", "XLA: Failed to compile: LLVM could not allocate", False),
        ("Internal", "CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory acc", False),
        ("Internal", "Blas xGEMM launch failed : a.shape=[1,32,784]", False),
        ("Unknown", "Could not start gRPC server", False),
        ("Unknown", "CUDNN_STATUS_EXECUTION_FAILED in tensorflow/core", False),
        ("FailedPrecondition", "Could not find variable dense/kernel", False),
        ("ResourceExhausted", "OOM when allocating tensor with shape", False),
        ("InvalidArgument", "Incompatible shapes: [3] vs. [4]", False),
    ],
)
def test_only_a_lost_worker_is_to_be_tried_again(kind, message, is_lost, monkeypatch):
    error = getattr(tf.errors, f"{kind}Error")(None, None, message)
    monkeypatch.setenv("TF_CONFIG", json.dumps(WORKER))
    expected = distribute.WorkerLostError if is_lost else type(error)
    with pytest.raises(expected), distribute.lost_workers_named():
        raise error
    # Where there is no other worker none can be lost.
    monkeypatch.delenv("TF_CONFIG")
    with pytest.raises(type(error)), distribute.lost_workers_named():
        raise error


@pytest.mark.parametrize(
    ("function", "arguments", "name"),
    [
        (distribute.make_strategy, ["128"], "batch_size"),
        (distribute.make_strategy, [None], "batch_size"),
        (distribute.make_strategy, [0], "batch_size"),
        (distribute.make_strategy, [True], "batch_size"),
        (distribute.is_distributed, [None], "strategy"),
        (distribute.is_chief, ["chief"], "strategy"),
        (distribute.gathered, [tf.distribute.MirroredStrategy, 0], "strategy"),
        (distribute.check_equal, [None, 0, "", ""], "strategy"),
        (distribute.sharded, [None, len], "strategy"),
        (distribute.sharded, [tf.distribute.get_strategy(), len], "strategy"),
    ],
)
def test_bad_arguments(function, arguments, name):
    with pytest.raises(ValueError, match=f"`{name}` must be.*Received"):
        function(*arguments)


def test_a_worker_that_is_lost_is_told_from_bad_input(monkeypatch, tmp_path, capsys):
    def fail(strategy):
        raise tf.errors.UnavailableError(None, None, "Socket closed")

    monkeypatch.setenv("TF_CONFIG", json.dumps(WORKER))
    monkeypatch.setattr(workers, "meet", lambda cluster: None)
    monkeypatch.setattr(tf.distribute, "MultiWorkerMirroredStrategy", lambda: fail(0))
    arguments = ["train", "vae", *TINY, "--distribute", "--output", str(tmp_path)]
    assert main(arguments) == 75
    assert "start all of them again" in capsys.readouterr().err
