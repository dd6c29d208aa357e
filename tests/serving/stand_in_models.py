"""What the stand-in for TF Serving serves: SavedModels by name, version and label."""

import pathlib

import tensorflow as tf
from grpc import StatusCode
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    predict_pb2,
)


class ServingError(Exception):
    """What a request is answered with instead of a result."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class Models:
    """Loaded SavedModels by name and version.

    Args:
        folders: model name -> version number -> the SavedModel's folder.
        labels: model name -> label -> version number.
    """

    def __init__(self, folders, labels):
        self.labels = labels
        self.loaded = {
            name: {number: _load(folder) for number, folder in versions.items()}
            for name, versions in folders.items()
        }

    def find(self, spec):
        """(number, (SavedModel, signature definitions)) that a `ModelSpec` means."""
        versions = self.loaded.get(spec.name, {})
        wanted = f"Latest({spec.name})"
        number = max(versions, default=0)
        if spec.WhichOneof("version_choice") == "version_label":
            number = self.labels.get(spec.name, {}).get(spec.version_label)
            if number is None:
                message = f"Unrecognized servable version label: {spec.version_label}"
                raise ServingError(StatusCode.INVALID_ARGUMENT, message)
        elif spec.HasField("version"):
            number = spec.version.value
            wanted = f"Specific({spec.name}, {number})"
        if number not in versions:
            message = f"Servable not found for request: {wanted}"
            raise ServingError(StatusCode.NOT_FOUND, message)
        return number, versions[number]

    def predict(self, request):
        """`PredictResponse` to a `PredictRequest`."""
        number, (model, definitions) = self.find(request.model_spec)
        name = request.model_spec.signature_name or "serving_default"
        if name not in definitions:
            message = f'Serving signature key "{name}" not found.'
            raise ServingError(StatusCode.FAILED_PRECONDITION, message)
        expected, received = set(definitions[name].inputs), set(request.inputs)
        if expected != received:
            raise ServingError(
                StatusCode.INVALID_ARGUMENT,
                f"The inputs must be {sorted(expected)}. Received: {sorted(received)}",
            )
        tensors = {
            key: tf.constant(tf.make_ndarray(proto))
            for key, proto in request.inputs.items()
        }
        try:
            outputs = model.signatures[name](**tensors)
        except tf.errors.OpError as error:
            code = next(
                each for each in StatusCode if each.value[0] == error.error_code
            )
            raise ServingError(code, error.message) from error
        response = predict_pb2.PredictResponse(model_spec=request.model_spec)
        response.model_spec.version.value = number
        for key, value in outputs.items():
            response.outputs[key].CopyFrom(tf.make_tensor_proto(value.numpy()))
        return response

    def status(self, request):
        """`GetModelStatusResponse`: one version that is named, or all of a model."""
        number, _ = self.find(request.model_spec)
        if request.model_spec.WhichOneof("version_choice"):
            numbers = [number]
        else:
            numbers = sorted(self.loaded[request.model_spec.name], reverse=True)
        response = get_model_status_pb2.GetModelStatusResponse()
        for number in numbers:
            response.model_version_status.add(version=number, state="AVAILABLE")
        return response

    def metadata(self, request):
        """`GetModelMetadataResponse` with the signature definitions."""
        number, (_, definitions) = self.find(request.model_spec)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.model_spec.name = request.model_spec.name
        response.model_spec.version.value = number
        found = get_model_metadata_pb2.SignatureDefMap(signature_def=definitions)
        response.metadata["signature_def"].Pack(found)
        return response


def _load(folder):
    proto = saved_model_pb2.SavedModel()
    proto.ParseFromString((pathlib.Path(folder) / "saved_model.pb").read_bytes())
    definitions = proto.meta_graphs[0].signature_def
    return tf.saved_model.load(str(folder)), dict(definitions)
