import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tests.serving.operations import foreign_operations
from tests.serving.other_runtimes import C_API, ask


def double_in_python(x):
    return tf.numpy_function(lambda value: 2 * value, [x], tf.float32)


def double_in_eager_python(x):
    return tf.py_function(lambda value: 2 * value, [x], tf.float32)


def double_by_row(x):
    return tf.map_fn(double_in_python, x)


def double(x):
    return tf.map_fn(lambda row: 2 * row, x)


def saved(function, folder):
    """A SavedModel with `function` as its only signature, `double`."""
    spec = tf.TensorSpec((None, 3), tf.float32, name="inputs")

    @tf.function(input_signature=[spec])
    def double(inputs):
        return {"outputs": tf.ensure_shape(function(inputs), (None, 3))}

    tf.saved_model.save(tf.Module(), str(folder), signatures={"double": double})
    return folder


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (double, set()),
        (double_in_python, {"PyFunc"}),
        (double_in_eager_python, {"EagerPyFunc"}),
        (double_by_row, {"PyFunc"}),
    ],
)
def test_a_call_of_python_is_found(tmp_path, function, expected):
    assert foreign_operations(saved(function, tmp_path)) == expected


@pytest.mark.parametrize("inside_a_function", [False, True])
def test_an_operation_of_another_library_is_found(tmp_path, inside_a_function):
    path = saved(double, tmp_path) / "saved_model.pb"
    proto = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    graph = proto.meta_graphs[0].graph_def
    nodes = graph.library.function[0].node_def if inside_a_function else graph.node
    nodes.add(name="theirs", op="AnotherLibrarysOp")
    path.write_bytes(proto.SerializeToString())
    assert foreign_operations(tmp_path) == {"AnotherLibrarysOp"}


def test_the_c_api_runs_tensorflow_and_nothing_else(tmp_path):
    x = np.arange(6, dtype="float32").reshape(2, 3)
    asked = {2: {"double": {"inputs": x}}}
    answers = ask(C_API, saved(double, tmp_path / "core"), asked, tmp_path / "a")
    np.testing.assert_array_equal(answers[2]["double"]["outputs"], 2 * x)
    in_python = saved(double_in_python, tmp_path / "python")
    with pytest.raises(AssertionError, match="PyFunc"):
        ask(C_API, in_python, asked, tmp_path / "b")
