"""Descriptions that were edited or broken, and weights that find their places."""

import json
import shutil

import pytest
from numpy.testing import assert_array_equal

from tests import zoo_of_models
from vae_zoo import VAE, export
from vae_zoo.components import likelihoods, networks
from vae_zoo.serving import weights

METADATA = "assets.extra/vae_zoo.json"


def made():
    return VAE((4, 3), 2, encoder=networks.MLP((8, 8)), likelihood=likelihoods.Normal())


@pytest.fixture(scope="module")
def model():
    return made()


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("presets") / "small"
    return export(model, folder, signatures=["decode"])


@pytest.fixture
def version(exported, tmp_path):
    return shutil.copytree(exported, tmp_path / "small" / "1")


def edit(version, change):
    path = version / METADATA
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def set_config(key, value):
    return lambda content: content["config"]["config"].update({key: value})


def set_encoder(key, value):
    return lambda content: content["config"]["config"]["encoder"]["config"].update(
        {key: value}
    )


@pytest.mark.parametrize("names_are_stored", [True, False])
@pytest.mark.parametrize(
    "change",
    [
        set_config("latent_dim", 3),
        set_config("input_shape", [5, 3]),
        set_encoder("hidden_units", [8]),
        set_encoder("hidden_units", [8, 8, 8]),
        set_encoder("hidden_units", [8, 9]),
        set_config("likelihood", None),
    ],
    ids=["latents", "input", "fewer layers", "more layers", "wider", "likelihood"],
)
def test_sizes_that_contradict_the_weights_are_refused(
    version, change, names_are_stored
):
    edit(version, change)
    if not names_are_stored:
        edit(version, lambda content: content.pop("weights"))
    message = r"vae_zoo\.json' must describe (the model whose|a model of)"
    with pytest.raises(ValueError, match=message):
        VAE.from_preset(version)


DEEP = 50_000 * "[" + 50_000 * "]"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no JSON"),
        ("{", "no JSON"),
        (DEEP, "no JSON"),
        ("null", "None in place of an object"),
        ("[]", r"\[\] in place of an object"),
        ('{"config": {}, "sha256": {}}', "no `class`"),
        ('{"class": 3, "config": {}, "sha256": {}}', '"class": 3'),
        ('{"class": "VAE", "config": null, "sha256": {}}', '"config": None'),
        ('{"class": "VAE", "config": {}, "sha256": []}', r'"sha256": \[\]'),
        ('{"class": "VAE", "config": {}, "sha256": {}}', "without the model's"),
        (
            '{"class": "VAE", "config": {"config": null}, "sha256": {}}',
            "without the model's arguments: {'config': None}",
        ),
    ],
)
def test_a_description_that_is_none_is_named(version, text, problem):
    (version / METADATA).write_text(text)
    with pytest.raises(ValueError, match=rf"vae_zoo\.json' must be what.*{problem}"):
        VAE.from_preset(version)


@pytest.mark.parametrize(
    "change",
    [
        set_config("encoder", {"class_name": "MLP"}),
        set_config("encoder", 3),
        set_config("decoder", {}),
        set_config("posterior", "diagonal"),
        set_config("latent_dim", None),
        set_config("latent_dim", "2"),
        set_config("unknown", 1),
        set_encoder("hidden_units", None),
        set_encoder("activation", "none such"),
        lambda content: content["config"].pop("class_name"),
        lambda content: content["config"].update(
            class_name="Dense", module="keras.layers", registered_name=None
        ),
        lambda content: content["config"].update(
            module="os", class_name="system", registered_name=None
        ),
    ],
)
@pytest.mark.parametrize("dtype", [None, "float32"])
def test_a_description_of_no_model_is_named(version, change, dtype):
    edit(version, change)
    with pytest.raises(ValueError, match=r"vae_zoo\.json' must describe a model of"):
        VAE.from_preset(version, dtype=dtype)


def nested(depth):
    config = {"class_name": "x", "config": {}}
    for _ in range(depth):
        config = {"class_name": "x", "config": config}
    return config


def test_a_description_that_is_nested_too_deeply_is_named(version):
    edit(version, set_config("encoder", nested(500)))
    with pytest.raises(ValueError, match=r"vae_zoo\.json' must"):
        VAE.from_preset(version)


@pytest.mark.parametrize("folder", [None, 3, "", b"x"])
def test_a_folder_that_is_none_is_refused(folder):
    from vae_zoo.serving import load

    with pytest.raises(ValueError, match="`folder` must be the path of a folder"):
        load(folder)


@pytest.mark.parametrize("model", [None, "vae", VAE, networks.MLP((3,))])
def test_what_is_no_model_is_not_exported(tmp_path, model):
    with pytest.raises(ValueError, match="`model` must be a model of vae_zoo"):
        export(model, tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_a_file_is_no_folder(tmp_path, model):
    (tmp_path / "m").touch()
    with pytest.raises(ValueError, match="`directory` must be a folder.*a file"):
        export(model, tmp_path / "m")
    with pytest.raises(ValueError, match="Received: dtype=the class float"):
        VAE.from_preset("vae_digits", dtype=float)


@pytest.mark.parametrize("names", ["decode", 3, [3], {"none"}, [["decode"]]])
def test_signatures_that_are_none_are_refused(tmp_path, model, names):
    with pytest.raises(ValueError, match="`signatures` must be some of"):
        export(model, tmp_path / "m", signatures=names)
    assert not (tmp_path / "m").exists()


def test_weights_of_one_shape_are_told_apart_by_name(model, version):
    # As if a later release had the two in another order: they must not swap.
    pair = [f"posterior_head/{part}/dense/kernel" for part in ("loc", "raw_scale")]

    def swap(content):
        names = content["weights"]
        first, second = (names.index(name) for name in pair)
        names[first], names[second] = names[second], names[first]

    edit(version, swap)
    loaded, head = VAE.from_preset(version).posterior_head, model.posterior_head
    assert_array_equal(loaded.loc.dense.kernel, head.raw_scale.dense.kernel)
    assert_array_equal(loaded.raw_scale.dense.kernel, head.loc.dense.kernel)
    assert_array_equal(loaded.loc.dense.bias, head.loc.dense.bias)


def test_weights_of_other_names_are_refused(version):
    def rename(content):
        content["weights"][0] = "elsewhere/kernel"

    edit(version, rename)
    with pytest.raises(ValueError, match="weights of other names.*'elsewhere/kernel'"):
        VAE.from_preset(version)


@zoo_of_models.every_model
def test_names_say_where_a_weight_belongs_in_every_process(make_model):
    first, second = make_model(), make_model()
    # Keras' own paths count the layers made before.
    assert [w.path for w in first.weights] != [w.path for w in second.weights]
    names = weights.weight_names(first)
    assert names == weights.weight_names(second)
    assert len(set(names)) == len(names) == len(first.weights)
    assert not [name for name in names if "#" in name]
    parts = {"encoder", "decoder", "posterior_head", "prior_layer", "likelihood_head"}
    if not first.num_clusters:
        assert {name.split("/")[0] for name in names} <= parts


def test_an_early_version_without_names_loads_by_places(model, version):
    edit(version, lambda content: content.pop("weights"))
    loaded = VAE.from_preset(version)
    for a, b in zip(loaded.weights, model.weights, strict=True):
        assert_array_equal(a, b)
