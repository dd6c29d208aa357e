"""The shapes of requests that the proxy is told of."""

import json
import re

import pytest

from tests.server_files import make_versions
from vae_zoo.serving import request_shapes, served_models, write_server_config
from vae_zoo.zoo import presets

CONFIG = {"config": {"config": {"input_shape": [4, 3], "latent_dim": 2}}}


def written_shapes(folder):
    text = (folder / "requests.js").read_text()
    return json.loads(re.search(r"const SHAPES = (\{.*?\});", text, re.DOTALL)[1])


def test_all_versions_served_say_their_shapes(tmp_path):
    folder = make_versions(tmp_path / "m", [1], (8, 8, 1))
    make_versions(folder, [2], (28, 28, 1))
    models = served_models([folder, presets.find("vae_frey_face")])
    write_server_config(models, tmp_path / "out")
    shapes = written_shapes(tmp_path / "out")
    assert shapes["m"]["encode"] == {"inputs": [[8, 8, 1], [28, 28, 1]]}
    assert shapes["m"]["decode"] == {"latents": [[8]]}
    faces = shapes["vae_frey_face"]
    assert faces["impute"] == {
        "inputs": [[28, 20]],
        "mask": [[28, 20]],
        "seeds": [[2]],
    }
    # The largest batch of the largest request fits.
    (size,) = re.findall(
        r"client_max_body_size (\d+)m;", (tmp_path / "out" / "nginx.conf").read_text()
    )
    assert int(size) * 2**20 > 2 * 128 * 28 * 28 * 25


def test_an_exported_model_lists_its_signatures_itself():
    listed = {"sample": {"seeds": [2], "steps": [None]}}
    assert request_shapes.row_shapes({**CONFIG, "signatures": listed}) == listed
    assert request_shapes.max_body_mib([request_shapes.merged([listed])], 1) == 2


@pytest.mark.parametrize(
    "signatures", [None, 3, [], {"a": 3}, {"a": {"b": "c"}}, {"a": {"b": [0]}}]
)
def test_what_is_no_list_of_signatures_is_passed_over(signatures):
    found = request_shapes.row_shapes({**CONFIG, "signatures": signatures})
    assert found["encode"] == {"inputs": [4, 3]}
    assert found["sample"] == {"seeds": [2]}


@pytest.mark.parametrize("config", [{}, {"input_shape": 3, "latent_dim": 2}])
def test_of_an_unknown_model_only_the_server_knows_shapes(config):
    assert request_shapes.row_shapes({"config": {"config": config}}) == {}
    assert request_shapes.max_body_mib([{}], 128) == 17
