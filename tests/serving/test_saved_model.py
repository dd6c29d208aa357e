import itertools
import shutil

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from tests import zoo_of_models
from tests.serving.operations import foreign_operations
from tests.serving.other_runtimes import (
    C_API,
    SEEDED,
    assert_answers_as_python,
    assert_same_answers,
    compile_server,
    deterministic_answers,
    first_tier_of,
    requests,
)
from vae_zoo import VAE, export
from vae_zoo.distributions.noise import fold_in
from vae_zoo.serving import layout, loading

SEEDS = np.array([[1, 2], [3, 4], [5, 6]], np.int32)
BAD = [np.nan, np.inf, -np.inf, 7.0]
CORE_OUTPUTS = {
    "serving_default": {"latents", "reconstructions"},
    "decode": {"outputs"},
    "reconstruct": {"outputs"},
    "sample": {"outputs"},
    "draw": {"outputs"},
    "score": {"log_marginal_likelihood", "elbo"},
    "impute": {"outputs"},
}


@pytest.fixture(scope="module", params=zoo_of_models.ALL)
def exported(request, tmp_path_factory):
    model = request.param()
    folder = tmp_path_factory.mktemp("export")
    version = export(
        model, folder / "m", num_importance_samples=9, num_imputation_steps=4
    )
    return model, version, tf.saved_model.load(str(version)).signatures


def test_the_signatures_are_those_of_the_contract(exported):
    model, _, signatures = exported
    parameters = model.posterior_parameters(np.zeros((1, *model.input_shape)))
    outputs = {**CORE_OUTPUTS, "encode": {"latents", *parameters}}
    if model.num_clusters:
        outputs["cluster"] = {"probabilities", "cluster"}
    assert set(signatures) == set(outputs)
    inputs = {
        "serving_default": {"inputs"},
        "encode": {"inputs"},
        "decode": {"latents"},
        "reconstruct": {"inputs"},
        "sample": {"seeds"},
        "draw": {"seeds"},
        "score": {"inputs", "seeds"},
        "impute": {"inputs", "mask", "seeds"},
        "cluster": {"inputs"},
    }
    for name, signature in signatures.items():
        assert set(signature.structured_outputs) == outputs[name]
        specs = signature.structured_input_signature[1]
        assert set(specs) == inputs[name]
        for key, spec in specs.items():
            assert spec.dtype == (tf.int32 if key == "seeds" else tf.float32)
            assert spec.shape[0] is None
        for key, spec in signature.structured_outputs.items():
            assert spec.dtype == (tf.int32 if key == "cluster" else tf.float32)


@pytest.fixture(scope="module")
def answers(exported):
    """What the signatures are asked, and what Python answers.

    Where it takes random numbers the signature answers, elsewhere the model.
    """
    model, _, signatures = exported
    asked = {size: requests(model, size) for size in (1, 7, 64)}
    return asked, {
        size: {
            **deterministic_answers(model, inputs),
            **{name: signatures[name](**inputs[name]) for name in SEEDED},
        }
        for size, inputs in asked.items()
    }


def test_the_signatures_compute_what_the_model_computes(exported, answers):
    _, _, signatures = exported
    asked, expected = answers
    for size, inputs in asked.items():
        for name in expected[size].keys() - SEEDED:
            outputs = signatures[name](
                **tf.nest.map_structure(tf.constant, inputs[name])
            )
            assert_same_answers(outputs, expected[size][name])


def test_the_seeded_signatures_draw_what_the_model_draws(exported, answers):
    model, _, _ = exported
    asked, received = answers
    inputs = tf.nest.map_structure(tf.constant, asked[1]["impute"])
    x, mask, seeds = (inputs[name] for name in ("inputs", "mask", "seeds"))
    z = model.prior().sample(1, seed=seeds[0])
    likelihood = model.log_marginal_likelihood(x, 9, seed=seeds[0])
    elbo = model.elbo(x, seed=fold_in(seeds[0], 1))
    expected = {
        "sample": {"outputs": model.decode(z)},
        "draw": {"outputs": model.sample(1, seeds[0], draw=True)},
        "score": {"log_marginal_likelihood": likelihood, "elbo": elbo},
        "impute": {"outputs": model.impute(x, mask, 4, seed=seeds[0])},
    }
    for name, outputs in expected.items():
        assert_same_answers(received[1][name], outputs)


@pytest.fixture(scope="module")
def cpp_server(tmp_path_factory):
    return compile_server(tmp_path_factory.mktemp("server"))


# These have convolutions and loops; the C++ program asks one with clusters.
@first_tier_of(zoo_of_models.convolutional_vae, zoo_of_models.hyperspherical_vae)
def test_the_c_api_answers_as_python_does(exported, answers, tmp_path):
    assert_answers_as_python(C_API, exported, answers, tmp_path)


# One kind is enough: the C++ program runs the same library as the C API. It is the one
# with one more signature, and integers.
@first_tier_of(zoo_of_models.gaussian_mixture_vae)
def test_a_cpp_program_answers_as_python_does(exported, answers, cpp_server, tmp_path):
    assert_answers_as_python(cpp_server, exported, answers, tmp_path)


def test_a_row_depends_on_its_own_row_alone(exported, binary_images):
    _, _, signatures = exported
    x, seeds = tf.constant(binary_images[:3]), tf.constant(SEEDS)
    mask = tf.cast(tf.reshape(tf.range(90) % 3 > 0, x.shape), tf.float32)
    requests = {
        "sample": {"seeds": seeds},
        "draw": {"seeds": seeds},
        "score": {"inputs": x, "seeds": seeds},
        "impute": {"inputs": x, "mask": mask, "seeds": seeds},
        "serving_default": {"inputs": x},
    }
    for name, request in requests.items():
        together = signatures[name](**request)
        again = signatures[name](**request)
        for row in range(3):
            single = {key: value[row : row + 1] for key, value in request.items()}
            alone = signatures[name](**single)
            for key in together:
                assert_array_equal(together[key], again[key])
                assert_allclose(alone[key][0], together[key][row], atol=1e-5)
    for name in ("sample", "draw"):
        draws = signatures[name](seeds=seeds)["outputs"]
        assert np.abs(draws[0] - draws[1]).max() > 0


def test_a_bad_row_has_a_defined_answer_and_does_not_spoil_the_others(
    exported, binary_images
):
    # Every other row is bad, each in its own way.
    model, _, signatures = exported
    num_rows = 2 * len(BAD) + 1
    x = binary_images[:num_rows]
    mask = np.ones_like(x)
    mask[:, 3:] = 0
    good = {
        "inputs": x,
        "latents": model.encode(x).numpy(),
        "mask": mask,
        "seeds": np.arange(2 * num_rows, dtype=np.int32).reshape(num_rows, 2),
    }
    not_finite = np.flatnonzero(~np.isfinite(BAD)) * 2 + 1
    too_large = 2 * BAD.index(7.0) + 1
    for name, signature in signatures.items():
        keys = signature.structured_input_signature[1]
        request = {key: tf.constant(good[key]) for key in keys}
        expected = signature(**request)
        for key in request.keys() - {"seeds"}:
            spoiled = good[key].copy()
            for row, bad in enumerate(BAD):
                spoiled[2 * row + 1].flat[0] = bad
            received = signature(**{**request, key: tf.constant(spoiled)})
            for output, value in received.items():
                value = value.numpy()
                assert_allclose(value[::2], expected[output][::2], atol=1e-5)
                is_impossible = name == "score" and model.likelihood_head.support[1] < 7
                assert not is_impossible or np.all(value[too_large] == -np.inf)
                answer = -1 if output == "cluster" else np.nan
                assert_array_equal(
                    value[not_finite], np.full_like(value[not_finite], answer)
                )


def test_a_seed_draws_the_same_alone_in_a_batch_and_after_a_reload(exported):
    model, version, signatures = exported
    seeds = np.random.default_rng(0).integers(-(2**31), 2**31, (64, 2), "int32")
    together = signatures["sample"](seeds=tf.constant(seeds))["outputs"]
    reloaded = tf.saved_model.load(str(version)).signatures["sample"]
    for row in (0, 63):
        seed = tf.constant(seeds[row])
        for alone in (reloaded(seeds=seed[None])["outputs"], model.sample(1, seed)):
            assert_allclose(alone[0], together[row], atol=1e-5)


def test_what_is_missing_may_be_nan(exported, binary_images):
    _, _, signatures = exported
    x = binary_images[:3].copy()
    x[:, 3:] = np.nan
    mask = (~np.isnan(x)).astype("float32")
    drawn = signatures["impute"](
        inputs=tf.constant(x), mask=tf.constant(mask), seeds=tf.constant(SEEDS)
    )["outputs"]
    assert np.all(np.isfinite(drawn))
    assert_array_equal(drawn[:, :3], x[:, :3])


def test_the_keras_model_comes_back_from_the_saved_model_alone(
    exported, binary_images, without_xla
):
    model, version, _ = exported
    for path in (version, version.parent, str(version)):
        loaded = VAE.from_preset(path)
        assert type(loaded) is type(model)
        assert loaded.get_config() == model.get_config()
        for own, its in zip(loaded.weights, model.weights, strict=True):
            assert_array_equal(own, its)
    for batch in (binary_images[:1], binary_images[:3]):
        assert_array_equal(loaded.reconstruct(batch), model.reconstruct(batch))
        assert_array_equal(loaded.elbo(batch, seed=1), model.elbo(batch, seed=1))
    loaded.compile("adam")
    loaded.fit(binary_images, verbose=0)


def test_there_is_no_second_copy_of_the_weights(exported):
    model, version, _ = exported
    num_bytes = 4 * model.count_params()
    copies = [path for path in version.rglob("*") if path.stat().st_size >= num_bytes]
    names = {path.name for path in copies if path.is_file()}
    assert "variables.data-00000-of-00001" in names
    assert not any(name.endswith((".h5", ".keras", ".npz")) for name in names)
    data = version / "variables" / "variables.data-00000-of-00001"
    assert data.stat().st_size < num_bytes + 20_000


def test_only_core_operations(exported):
    _, version, _ = exported
    assert foreign_operations(version) == set()


def test_the_metadata_say_where_the_model_is_from(exported):
    model, version, _ = exported
    metadata = layout.read_metadata(version)
    assert metadata["class"] == type(model).__name__
    assert metadata["num_importance_samples"] == 9
    assert metadata["versions"]["tensorflow"] == tf.__version__
    assert "git_revision" in metadata


@pytest.mark.parametrize("name", loading.HASHED)
def test_a_corrupted_file_is_named(exported, tmp_path, name):
    _, version, _ = exported
    shutil.copytree(version, tmp_path / "1")
    content = bytearray((tmp_path / "1" / name).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "1" / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{name}' must have the sha256"):
        VAE.from_preset(tmp_path / "1")


def test_warm_up_requests_parse_and_run(exported):
    pytest.importorskip("tensorflow_serving", reason="the extra `serving` is absent")
    from tensorflow_serving.apis import prediction_log_pb2

    _, version, signatures = exported
    path = version / "assets.extra" / "tf_serving_warmup_requests"
    seen = set()
    for record in tf.data.TFRecordDataset(str(path)):
        log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
        request = log.predict_log.request
        inputs = {
            key: tf.constant(tf.make_ndarray(value))
            for key, value in request.inputs.items()
        }
        name = request.model_spec.signature_name
        signatures[name](**inputs)
        seen.update((name, len(value)) for value in inputs.values())
    assert seen == set(itertools.product(signatures, (1, 8)))
