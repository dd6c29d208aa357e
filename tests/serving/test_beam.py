import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

pytest.importorskip("apache_beam", reason="the extra `beam` is absent")

import beam_encode
import pyarrow.parquet
import write_examples

from vae_zoo import VAE, datasets
from vae_zoo.zoo import presets

COUNT = 60
SAVED_MODEL = str(presets.find("vae_digits") / "1")


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    """What the files start with, written in both formats."""
    prefix = tmp_path_factory.mktemp("examples") / "digits"
    for file_format, num_shards in [("tfrecord", 1), ("parquet", 2)]:
        arguments = ["digits", "--split", f"train[:{COUNT}]", "--output", str(prefix)]
        arguments += ["--format", file_format, "--num-shards", str(num_shards)]
        write_examples.main(arguments)
    return prefix


@pytest.fixture
def x():
    data = datasets.load("digits", f"train[:{COUNT}]", shuffle=False)
    return np.concatenate(list(data.as_numpy_iterator()))


def encode(examples, output, *arguments):
    words = ["--examples", examples, "--output", output, *arguments]
    beam_encode.main([SAVED_MODEL, *map(str, words)])


def read(output):
    """Column name -> array, sorted by key."""
    rows = []
    for path in sorted(output.parent.glob(f"{output.name}-*")):
        if path.suffix == ".parquet":
            rows += pyarrow.parquet.read_table(path).to_pylist()
            continue
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            features, row = tf.train.Example.FromString(record).features.feature, {}
            for name, feature in features.items():
                value = getattr(feature, feature.WhichOneof("kind")).value
                row[name] = value[0].decode() if name == "key" else list(value)
            rows.append(row)
    rows.sort(key=lambda row: row["key"])
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def test_encoded_rows_are_those_of_the_model(examples, x, tmp_path):
    encode(f"{examples}-*.tfrecord", tmp_path / "z", "--format", "parquet")
    found = read(tmp_path / "z")
    assert_array_equal(found["key"].astype(int), np.arange(COUNT))
    model = VAE.from_preset("vae_digits")
    assert_allclose(found["latents"], model.encode(x), atol=1e-5)
    assert_allclose(found["loc"], model.posterior(x).mean(), atol=1e-5)


def test_scores_depend_on_the_key_alone(examples, x, tmp_path):
    score = ("--signature", "score")
    encode(f"{examples}-*.tfrecord", tmp_path / "a", *score)
    encode(f"{examples}-*.parquet", tmp_path / "b", *score, "--batch-size", 7)
    encode(f"{examples}-*.parquet", tmp_path / "c", *score, "--seed", 1)
    a, b, c = (read(tmp_path / name) for name in "abc")
    seeds = [beam_encode.seeds_of(key, 0) for key in a["key"]]
    signature = tf.saved_model.load(SAVED_MODEL).signatures["score"]
    expected = signature(inputs=tf.constant(x), seeds=tf.constant(np.stack(seeds)))
    for name, value in expected.items():
        assert_allclose(a[name][:, 0], value, atol=1e-4)
        assert_allclose(a[name], b[name], atol=1e-4)
        assert np.abs(a[name] - c[name]).max() > 0.1


def test_bytes_integer_keys_and_other_column_names(x, tmp_path):
    images = (255 * x).astype(np.uint8)
    with tf.io.TFRecordWriter(str(tmp_path / "x.tfrecord")) as writer:
        for index, image in enumerate(images):
            example = tf.train.Example()
            example.features.feature["id"].int64_list.value.append(100 + index)
            example.features.feature["image"].bytes_list.value.append(image.tobytes())
            writer.write(example.SerializeToString())
    columns = ("--key", "id", "--column", "inputs=image")
    arguments = (*columns, "--signature", "reconstruct", "--format", "parquet")
    encode(tmp_path / "x.tfrecord", tmp_path / "y", *arguments)
    found = read(tmp_path / "y")
    assert_array_equal(found["key"].astype(int), 100 + np.arange(COUNT))
    expected = VAE.from_preset("vae_digits").reconstruct(images / 255)
    assert_allclose(found["outputs"].reshape(x.shape), expected, atol=1e-5)


def test_what_is_wrong_is_named(examples, tmp_path):
    files = f"{examples}-*.parquet"
    with pytest.raises(SystemExit, match="`--signature` must be one of .*: cluster"):
        encode(files, tmp_path / "z", "--signature", "cluster")
    with pytest.raises(SystemExit, match="No files found"):
        encode(tmp_path / "none-*", tmp_path / "z")
    with pytest.raises(ValueError, match="`image` must be 64 numbers.*Received: 0 in"):
        encode(files, tmp_path / "z", "--column", "inputs=image")
    with pytest.raises(ValueError, match=r"must have `id`\. Received: \['inputs'"):
        encode(files, tmp_path / "z", "--key", "id")
    (tmp_path / "z-00000-of-00001.tfrecord").touch()
    with pytest.raises(SystemExit, match="`--output` must be new"):
        encode(files, tmp_path / "z")
