"""The proxy that `serve-config` writes, by nginx itself, before the stand-in."""

import json
import pathlib
import shutil
import socket
import subprocess
import time

import numpy as np
import pytest
from numpy.testing import assert_allclose

pytest.importorskip("tensorflow_serving", reason="the extra `serving` is absent")

import grpc_client
import requests
import rest_client

from tests.serving.stand_in import StandIn
from vae_zoo import VAE, export
from vae_zoo.components import networks
from vae_zoo.serving import served_models, write_server_config

MODULE = pathlib.Path("/usr/lib/nginx/modules/ngx_http_js_module.so")
SEEDS = [[1, 2], [3, 4]]
X = np.full((2, 4, 3), 0.5, np.float32)


@pytest.fixture(scope="module")
def model():
    return VAE((4, 3), 2, encoder=networks.MLP((8,)))


@pytest.fixture(scope="module")
def version(model, tmp_path_factory):
    directory = tmp_path_factory.mktemp("served") / "small"
    kept = ["serving_default", "sample", "draw", "impute"]
    return export(model, directory, signatures=kept, num_imputation_steps=2)


@pytest.fixture(scope="module")
def server(version):
    with StandIn({"small": {1: version}}, {"small": {"stable": 1}}) as running:
        yield running


def free_port():
    with socket.socket() as anything:
        anything.bind(("127.0.0.1", 0))
        return anything.getsockname()[1]


@pytest.fixture(scope="module")
def configuration(version, server, tmp_path_factory):
    """nginx's files as they are written, but for where things are here."""
    folder = tmp_path_factory.mktemp("serving") / "config"
    write_server_config(served_models([version.parent]), folder)
    port = free_port()
    text = (folder / "nginx.conf").read_text()
    for written, here in (
        ("listen 8080;", f"listen 127.0.0.1:{port};"),
        ("server:8501", f"127.0.0.1:{server.rest_port}"),
        ("/tmp/", f"{folder.parent}/"),
        ("/config/", f"{folder}/"),
    ):
        assert written in text
        text = text.replace(written, here)
    (folder / "nginx.conf").write_text(text)
    return folder, port


@pytest.fixture(scope="module")
def proxy(configuration):
    """The address of nginx before the stand-in."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None or not MODULE.exists():
        pytest.skip("nginx with its module for JavaScript is absent")
    folder, port = configuration
    command = [program, "-c", str(folder / "nginx.conf"), "-e", "stderr"]
    subprocess.run([*command, "-t"], check=True, capture_output=True, timeout=60)
    with subprocess.Popen([*command, "-g", "daemon off;"]) as process:
        wait_for(port)
        yield f"http://127.0.0.1:{port}"
        process.terminate()


def wait_for(port, seconds=30):
    end = time.monotonic() + seconds
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def post(proxy, body, model="small"):
    text = body if isinstance(body, (str, bytes)) else json.dumps(body)
    url = f"{proxy}/v1/models/{model}:predict"
    return requests.post(url, data=text, timeout=60)


@pytest.mark.parametrize("columns", [False, True])
@pytest.mark.parametrize("where", ["", "/versions/1", "/labels/stable"])
def test_good_requests_are_answered(proxy, model, columns, where):
    url = f"{proxy}/v1/models/small{where}"
    how = {"columns": columns, "timeout": 60}
    seeds = {"seeds": np.array(SEEDS, np.int32)}
    draws = rest_client.predict(url, "draw", seeds, **how)["outputs"]
    assert_allclose(draws, model.sample(2, seeds["seeds"], draw=True), atol=1e-5)
    x = X.copy()
    x[0, 1] = np.nan
    arrays = {"inputs": x, "mask": (~np.isnan(x)).astype(np.float32), **seeds}
    imputed = rest_client.predict(url, "impute", arrays, **how)["outputs"]
    assert np.isfinite(imputed).all()
    assert_allclose(imputed[1], x[1])


def test_draws_come_over_grpc_too(server, model):
    seeds = {"seeds": np.array(SEEDS, np.int32)}
    with grpc_client.connect(port=server.grpc_port) as channel:
        answer = grpc_client.predict(channel, "small", "draw", seeds, timeout=60)
    expected = model.sample(2, seeds["seeds"], draw=True)
    assert_allclose(answer["outputs"], expected, atol=1e-5)


def test_rows_without_a_name_and_the_default_signature(proxy, model):
    answer = post(proxy, {"instances": X.tolist()}).json()["predictions"]
    assert_allclose([row["latents"] for row in answer], model.encode(X), atol=1e-5)


def test_what_is_no_prediction_goes_through(proxy):
    url = f"{proxy}/v1/models/small"
    assert rest_client.status(url) == {1: "AVAILABLE"}
    assert "draw" in rest_client.metadata(url)
    with pytest.raises(requests.HTTPError, match="404: Servable not found"):
        rest_client.status(f"{proxy}/v1/models/none")


def row(**changes):
    return {"inputs": X[0].tolist(), "mask": X[0].tolist(), "seeds": [1, 2], **changes}


IMPUTE, DRAW = {"signature_name": "impute"}, {"signature_name": "draw"}
REFUSED = {
    "nothing": "",
    "no object": "[]",
    "no JSON": '{"instances": [',
    "zipped": b"\x1f\x8b\x08\x00",
    "no rows": {"instances": []},
    "no rows of columns": {"inputs": {"inputs": []}},
    "no rows without a name": {"inputs": []},
    "no inputs": {"inputs": {}},
    "null": {"instances": None},
    "a number": {"instances": 3},
    "empty rows": {"instances": [[], []]},
    "rows of empty rows": {"instances": [[[], []], [[], []]]},
    "both": {"instances": X.tolist(), "inputs": X.tolist()},
    "neither": {"signature_name": "draw"},
    "rows of two lengths": {"instances": [X[0].tolist(), X[0, :3].tolist()]},
    "another shape": {"instances": X[:, :3].tolist()},
    "another rank": {"instances": X[..., None].tolist()},
    "too few seeds": {**DRAW, "instances": [[1], [2]]},
    "text": {"instances": [[["a"] * 3] * 4]},
    "true": {"instances": [[[True] * 3] * 4]},
    "null in a row": {"instances": [[[None] * 3] * 4]},
    "beyond a float": '{"signature_name": "draw", "instances": [[1e999, 2]]}',
    "a row without an input": {
        **IMPUTE,
        "instances": [row(), {"inputs": X[0].tolist()}],
    },
    "one row of another shape": {**IMPUTE, "instances": [row(), row(seeds=[1])]},
    "columns of two lengths": {
        **IMPUTE,
        "inputs": {"inputs": X.tolist(), "mask": X.tolist(), "seeds": [[1, 2]]},
    },
    "a key twice": '{"signature_name": "draw", "instances": [], "instances": [[1, 2]]}',
    "an input twice": '{"signature_name": "draw",'
    ' "inputs": {"seeds": [], "seeds": [[1, 2]]}}',
    "an escaped key": '{"signature_name": "draw", "instances": [],'
    ' "inst\\u0061nces": [[1, 2]]}',
    "deep": '{"instances": ' + 50_000 * "[" + 50_000 * "]" + "}",
}


@pytest.mark.parametrize("name", REFUSED)
def test_empty_and_misshapen_requests_do_not_reach_the_server(proxy, server, name):
    reached = []
    handler = server._rest.RequestHandlerClass
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(handler, "_post", lambda *arguments: reached.append(1))
        answer = post(proxy, REFUSED[name])
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert not reached


def test_the_error_says_what_is_wrong(proxy):
    answer = post(proxy, {**DRAW, "instances": [[1, 2, 3]]})
    assert answer.json() == {
        "error": "A row of seeds must have one of the shapes [[2]]. Received: [3]"
    }


@pytest.mark.parametrize("name", ["another", "constructor", "__proto__"])
def test_of_unknown_models_and_signatures_the_server_says_so(proxy, name):
    answer = post(proxy, {"instances": [[1.0]]}, name)
    assert answer.status_code == 404
    assert "Servable not found" in answer.json()["error"]
    answer = post(proxy, {"signature_name": "none", "instances": [[1.0]]})
    assert "not found" in answer.json()["error"]
    # But an empty one is refused here.
    answer = post(proxy, {"instances": []}, name)
    assert "at least one" in answer.json()["error"]


def test_nothing_is_posted_but_predictions(proxy):
    for path in ("/v1/models/small:classify", "/v1/models/small", "/"):
        answer = requests.post(proxy + path, data="{}", timeout=60)
        assert answer.status_code == 403
    answer = requests.get(f"{proxy}/v1/models/small:predict", timeout=60)
    assert answer.status_code == 403


def test_the_largest_batch_fits_and_more_does_not(proxy):
    largest = np.random.default_rng(0).random((128, 4, 3)).tolist()
    whole = {"instances": [row(inputs=x, mask=x) for x in largest]}
    assert len(json.dumps(whole, indent=1)) > 2**16  # Else it would show nothing.
    answer = post(proxy, json.dumps({"instances": largest}, indent=1))
    assert answer.status_code == 200
    assert post(proxy, " " * 2**23).status_code == 413
