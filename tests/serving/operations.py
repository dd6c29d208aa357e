"""The operations of a SavedModel, and which of them a plain runtime does not have."""

import pathlib

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

# What `tf.raw_ops` leaves out of TensorFlow's own operations.
ONLY_IN_GRAPHS = {"Const"}


def foreign_operations(version):
    """Names of the operations that are not TensorFlow's own, or that call Python."""
    proto = saved_model_pb2.SavedModel()
    proto.ParseFromString((pathlib.Path(version) / "saved_model.pb").read_bytes())
    (meta_graph,) = proto.meta_graphs
    graph = meta_graph.graph_def
    functions = {function.signature.name for function in graph.library.function}
    nodes = [*graph.node]
    for function in graph.library.function:
        nodes.extend(function.node_def)
    operations = {node.op for node in nodes} - functions
    assert operations, "there is no graph"
    # It holds what this wheel's runtime registers; libraries loaded later do not
    # add to it.
    core = set(dir(tf.raw_ops)) | ONLY_IN_GRAPHS
    return {name for name in operations if name not in core or "PyFunc" in name}
