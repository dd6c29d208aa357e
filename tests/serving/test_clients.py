import socket

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

pytest.importorskip("tensorflow_serving", reason="the extra `serving` is absent")

import client_arguments
import grpc
import grpc_client
import requests
import rest_client

from tests.serving.stand_in import StandIn
from vae_zoo import VAE
from vae_zoo.distributions.noise import fold_in
from vae_zoo.zoo import presets

# By version: one that has all signatures, and a plain one of 8 x 8 digits.
PRESETS = {1: "gaussian_mixture_vae_mnist", 2: "vae_digits"}
SEEDS = np.array([[1, 2], [3, 4]], np.int32)
# A busy machine may take long for the first call of a signature.
TIMEOUT = 600


@pytest.fixture(scope="module")
def server():
    """A stand-in with two presets as the versions of one model."""
    folders = {number: presets.find(name) / "1" for number, name in PRESETS.items()}
    labels = {"m": {"stable": 1, "canary": 2}}
    with StandIn({"m": folders}, labels) as running:
        yield running


@pytest.fixture(params=["grpc", "rows", "columns"])
def ask(request, server):
    """A client's `predict` without what says where the server is."""

    def by_rest(signature, arrays, model="m", version=None, label=None):
        which = (model, version, label)
        url = rest_client.model_url("localhost", server.rest_port, *which)
        how = {"columns": request.param == "columns", "timeout": TIMEOUT}
        return rest_client.predict(url, signature, arrays, **how)

    def by_grpc(signature, arrays, model="m", **which):
        how = {"timeout": TIMEOUT, **which}
        return grpc_client.predict(channel, model, signature, arrays, **how)

    with grpc_client.connect(port=server.grpc_port) as channel:
        yield by_grpc if request.param == "grpc" else by_rest


def refused(ask, *arguments, **options):
    """The error that a request ends with: (its code, what the server said)."""
    with pytest.raises((grpc.RpcError, requests.HTTPError)) as caught:
        ask(*arguments, **options)
    if isinstance(caught.value, grpc.RpcError):
        return caught.value.code().name, caught.value.details()
    return caught.value.response.status_code, str(caught.value)


def rows(function, *arrays):
    """`function(*rows)` of each row alone, one below the other."""
    return np.concatenate(
        [function(*(array[i : i + 1] for array in arrays)) for i in range(len(SEEDS))]
    )


def requests_to(model):
    """Signature -> the arrays to send."""
    x = np.random.default_rng(0).random((2, *model.input_shape)).round()
    x = x.astype(np.float32)
    mask = np.ones_like(x)
    mask[:, 4:] = 0
    found = {
        "serving_default": {"inputs": x},
        "encode": {"inputs": x},
        "decode": {"latents": model.encode(x).numpy()},
        "reconstruct": {"inputs": x},
        "sample": {"seeds": SEEDS},
        "score": {"inputs": x, "seeds": SEEDS},
        "impute": {"inputs": x, "mask": mask, "seeds": SEEDS},
    }
    return {**found, "cluster": {"inputs": x}} if model.num_clusters else found


def answers_of(model, request, num_importance_samples, num_imputation_steps):
    """Signature -> what the Python model computes."""
    x, mask, seeds = request["impute"].values()
    z, reconstructed = model.encode(x), model.reconstruct(x)

    def sample(seed):
        return model.decode(model.prior().sample(seed=seed[0])[None])

    def log_marginal_likelihood(x, seed):
        return model.log_marginal_likelihood(x, num_importance_samples, seed=seed[0])

    def elbo(x, seed):
        return model.elbo(x, seed=fold_in(seed[0], 1))

    def impute(x, mask, seed):
        return model.impute(x, mask, num_imputation_steps, seed[0])

    found = {
        "serving_default": {"latents": z, "reconstructions": reconstructed},
        "encode": {"latents": z, **model.posterior_parameters(x)},
        "decode": {"outputs": model.decode(z)},
        "reconstruct": {"outputs": reconstructed},
        "sample": {"outputs": rows(sample, seeds)},
        "score": {
            "log_marginal_likelihood": rows(log_marginal_likelihood, x, seeds),
            "elbo": rows(elbo, x, seeds),
        },
        "impute": {"outputs": rows(impute, x, mask, seeds)},
    }
    if model.num_clusters:
        p = model.cluster_probabilities(x)
        found["cluster"] = {"probabilities": p, "cluster": tf.argmax(p, 1, tf.int32)}
    return found


@pytest.fixture(scope="module", params=PRESETS, ids=PRESETS.get)
def expected(request):
    """(version, requests, answers) of one of the models."""
    name = PRESETS[request.param]
    model, known = VAE.from_preset(name), VAE.presets[name]
    numbers = (known["num_importance_samples"], known["num_imputation_steps"])
    arrays = requests_to(model)
    return request.param, arrays, answers_of(model, arrays, *numbers)


def test_every_signature_answers_as_the_python_model(ask, expected):
    version, request, answer = expected
    assert len(request) == 9 - version
    for signature, arrays in request.items():
        received = ask(signature, arrays, version=version)
        assert set(received) == set(answer[signature])
        for name, value in answer[signature].items():
            value = np.asarray(value)
            assert received[name].dtype == value.dtype
            assert_allclose(received[name], value, rtol=1e-5, atol=1e-5)


def test_a_version_is_found_by_number_label_or_as_the_newest(ask):
    seeds = {"seeds": SEEDS}
    assert ask("sample", seeds, label="stable")["outputs"].shape == (2, 28, 28, 1)
    canary = ask("sample", seeds, label="canary")["outputs"]
    assert canary.shape == (2, 8, 8, 1)
    assert_array_equal(ask("sample", seeds, version=2)["outputs"], canary)
    assert_array_equal(ask("sample", seeds)["outputs"], canary)


def test_what_the_server_refuses_comes_back_in_its_words(ask):
    x = np.ones((2, 8, 8, 1), np.float32)
    bad_argument = ("INVALID_ARGUMENT", 400)
    for signature, arrays, text in [
        ("encode", {"inputs": x[:, :4]}, "[2,4,8,1] is not compatible with expected"),
        ("score", {"inputs": x, "seeds": SEEDS.astype(np.float32)}, "int32"),
        ("score", {"inputs": x, "seeds": SEEDS[:, :1]}, "[2,1] is not compatible"),
        ("score", {"inputs": x}, "seeds"),
    ]:
        code, received = refused(ask, signature, arrays)
        assert code in bad_argument
        assert text in received
    code, received = refused(ask, "encode", {"inputs": x}, label="nightly")
    assert code in bad_argument
    assert "label: nightly" in received
    code, received = refused(ask, "cluster", {"inputs": x})
    assert code in ("FAILED_PRECONDITION", 400)
    assert '"cluster" not found' in received
    for which in ({"version": 7}, {"model": "n"}):
        code, received = refused(ask, "encode", {"inputs": x}, **which)
        assert code in ("NOT_FOUND", 404)
        assert "Servable not found for request" in received


@pytest.mark.parametrize("ask", ["grpc", "columns"], indirect=True)
@pytest.mark.parametrize("name", ["mask", "seeds"])
def test_inputs_of_other_lengths_are_refused(ask, name):
    x = np.ones((2, 8, 8, 1), np.float32)
    arrays = {"inputs": x, "mask": x, "seeds": SEEDS}
    arrays[name] = arrays[name][:1]
    code, received = refused(ask, "impute", arrays)
    assert code in ("INVALID_ARGUMENT", 400)
    assert f"`{name}` must have as many rows as `inputs`" in received


def test_an_empty_request_is_not_sent(ask):
    # It would get no answer from a server that batches.
    x = np.ones((0, 8, 8, 1), np.float32)
    for arrays in ({}, {"inputs": x}, {"inputs": x, "seeds": SEEDS}):
        with pytest.raises(ValueError, match="Every input must have at least one row"):
            ask("score", arrays)


def test_nan_goes_through_both_ways(ask):
    x = np.ones((2, 8, 8, 1), np.float32)
    x[0, 0] = np.nan
    elbo = ask("score", {"inputs": x, "seeds": SEEDS})["elbo"]
    assert_array_equal(np.isnan(elbo), [True, False])


def test_status_and_metadata(server):
    url = rest_client.model_url("localhost", server.rest_port, "m")
    with grpc_client.connect(port=server.grpc_port) as channel:
        states = grpc_client.status(channel, "m", timeout=TIMEOUT)
        signatures = grpc_client.metadata(channel, "m", label="stable", timeout=TIMEOUT)
    assert states == rest_client.status(url) == {1: "AVAILABLE", 2: "AVAILABLE"}
    assert rest_client.status(f"{url}/versions/2") == {2: "AVAILABLE"}
    by_rest = rest_client.metadata(f"{url}/labels/stable")
    # The presets are older than the signature `draw`.
    assert client_arguments.INPUTS.keys() - signatures.keys() == {"draw"}
    for name in client_arguments.INPUTS.keys() - {"draw"}:
        inputs = client_arguments.INPUTS[name]
        assert set(signatures[name][0]) == set(by_rest[name][0]) == set(inputs)
        assert set(signatures[name][1]) == set(by_rest[name][1])


def test_messages_may_be_larger_than_grpc_allows_by_itself(server):
    z = np.zeros((20_000, 8), np.float32)  # 5 MB of images come back.
    request = ("m", "decode", {"latents": z})
    with grpc_client.connect(port=server.grpc_port) as channel:
        answer = grpc_client.predict(channel, *request, timeout=TIMEOUT)
        assert answer["outputs"].shape == (20_000, 8, 8, 1)
        with pytest.raises(grpc.RpcError) as error:
            grpc_client.predict(channel, *request, timeout=1e-4)
    assert error.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    with (
        grpc_client.connect(port=server.grpc_port, max_message_mib=4) as channel,
        pytest.raises(grpc.RpcError) as error,
    ):
        grpc_client.predict(channel, *request, timeout=TIMEOUT)
    assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.fixture(params=[grpc_client, rest_client])
def command(request, server, monkeypatch):
    """Runs a client's command line."""
    client = request.param
    port = server.grpc_port if client is grpc_client else server.rest_port

    def run(*arguments):
        words = [client.__name__, "--port", port, "--model", "m", "--timeout", TIMEOUT]
        words += arguments
        monkeypatch.setattr("sys.argv", list(map(str, words)))
        client.main()

    return run


def test_the_command_lines(command, tmp_path, capsys):
    model = VAE.from_preset("vae_digits")
    x = client_arguments.digits(3)  # float64
    np.save(tmp_path / "x.npy", (255 * x).astype(np.uint8))
    np.savez(tmp_path / "x.npz", inputs=x, mask=np.ones(x.shape, bool))
    output = ("--output", tmp_path / "answer.npz")

    def answer(name):
        with np.load(output[1]) as file:
            return file[name]

    command("encode", "--num-rows", 3, *output)
    assert "latents float32 [3, 8]" in capsys.readouterr().out
    assert_allclose(answer("latents"), model.encode(x), atol=1e-5)
    command("reconstruct", "--data", tmp_path / "x.npy", *output)
    assert_allclose(answer("outputs"), model.reconstruct(x), atol=0.01)
    command("impute", "--data", tmp_path / "x.npz", *output)
    assert_allclose(answer("outputs"), x, atol=1e-6)  # All of it is observed.
    command("sample", "--num-rows", 2, "--seed", 9, "--label", "canary", *output)
    z = [model.prior().sample(seed=seed) for seed in ([9, 0], [9, 1])]
    assert_allclose(answer("outputs"), model.decode(np.stack(z)), atol=1e-5)
    capsys.readouterr()
    command("status")
    assert capsys.readouterr().out == "1 AVAILABLE\n2 AVAILABLE\n"
    command("metadata", "--version", 1)
    assert "score: inputs, seeds -> elbo, log_" in capsys.readouterr().out


def test_the_command_lines_end_with_a_plain_error(command, tmp_path):
    np.savez(tmp_path / "x.npz", seeds=np.zeros((2, 2)) + 0.5)
    for arguments, text in [
        (["encode", "--version", "1"], "not compatible with expected shape"),
        (["decode"], "`--data` must hold latents"),
        (["encode", "--data", "no.npy"], "No such file"),
        (["sample", "--data", tmp_path / "x.npz"], "`seeds` must be integers"),
        (["encode", "--label", "nightly"], "label: nightly"),
    ]:
        with pytest.raises(SystemExit, match=text):
            command(*arguments)


def test_a_server_that_does_not_answer_is_not_waited_for(command):
    with socket.socket() as silent:
        silent.bind(("localhost", 0))
        silent.listen()
        port = silent.getsockname()[1]
        with pytest.raises(SystemExit, match="(?i)deadline|timed out"):
            command("encode", "--port", port, "--timeout", "0.5")
