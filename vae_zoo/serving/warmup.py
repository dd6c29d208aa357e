"""Requests that a TF Serving process replays before it reports a model ready."""

from __future__ import annotations

import importlib.util
import pathlib
from typing import TYPE_CHECKING

import tensorflow as tf

from vae_zoo.serving.signatures import Function, Functions

if TYPE_CHECKING:
    from tensorflow_serving.apis import prediction_log_pb2

FILE_NAME = "tf_serving_warmup_requests"
BATCH_SIZES = (1, 8)


def write_warmup_requests(
    path: pathlib.Path, model_name: str, functions: Functions
) -> bool:
    """Writes one request for every signature and batch size as TFRecord.

    Needs the package's extra `serving`; without it nothing is written.

    Args:
        path: the file to write.
        model_name: the name the model is served under.
        functions: signature name -> `tf.function` with an input signature.

    Returns:
        Whether the file was written.

    Source: TensorFlow Serving, "SavedModel Warmup".
    """
    if importlib.util.find_spec("tensorflow_serving") is None:
        return False
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, function in functions.items():
            for batch_size in BATCH_SIZES:
                log = _request(model_name, signature, function, batch_size)
                writer.write(log.SerializeToString())
    return True


def _request(
    model_name: str, signature: str, function: Function, batch_size: int
) -> prediction_log_pb2.PredictionLog:
    from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

    request = predict_pb2.PredictRequest()
    request.model_spec.name = model_name
    request.model_spec.signature_name = signature
    for spec in function.input_signature:
        # One value stands for all, so the file stays small.
        zeros = tf.make_tensor_proto(0, spec.dtype, (batch_size, *spec.shape[1:]))
        request.inputs[spec.name].CopyFrom(zeros)
    return prediction_log_pb2.PredictionLog(
        predict_log=prediction_log_pb2.PredictLog(request=request)
    )
