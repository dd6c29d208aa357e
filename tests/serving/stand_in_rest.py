"""The REST interface of the stand-in for TF Serving."""

import http.server
import json
import re
import urllib.parse

import numpy as np
import tensorflow as tf
from google.protobuf.json_format import MessageToDict
from grpc import StatusCode
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    predict_pb2,
)

from tests.serving.stand_in_models import Models, ServingError

HTTP_STATUS = {
    StatusCode.INVALID_ARGUMENT: 400,
    StatusCode.FAILED_PRECONDITION: 400,
    StatusCode.NOT_FOUND: 404,
}
PATH = re.compile(
    r"/v1/models/([^/:]+)(?:/versions/(\d+)|/labels/([^/:]+))?(/metadata|:predict)?"
)


class RestHandler(http.server.BaseHTTPRequestHandler):
    """Answers GET (status, metadata) and POST (predict) with JSON."""

    models: Models

    def do_GET(self):
        self._answer(self._get)

    def do_POST(self):
        self._answer(self._post)

    def log_message(self, *arguments):
        pass

    def _answer(self, function):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            status, answer = 200, function(body)
        except ServingError as error:
            status, answer = HTTP_STATUS.get(error.code, 500), {"error": str(error)}
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _get(self, body):
        spec, verb = self._parsed(None, "/metadata")
        if verb is None:
            request = get_model_status_pb2.GetModelStatusRequest(model_spec=spec)
            response = self.models.status(request)
        else:
            request = get_model_metadata_pb2.GetModelMetadataRequest(model_spec=spec)
            response = self.models.metadata(request)
        return MessageToDict(
            response,
            preserving_proto_field_name=True,
            always_print_fields_with_no_presence=True,
        )

    def _post(self, body):
        spec, _ = self._parsed(":predict")
        try:
            body = json.loads(body)
        except ValueError as error:
            raise _invalid(f"JSON Parse error: {error}") from error
        if ("instances" in body) == ("inputs" in body):
            raise _invalid("Either 'inputs' or 'instances' must be in the request")
        spec.signature_name = body.get("signature_name", "serving_default")
        definitions = self.models.find(spec)[1][1]
        if spec.signature_name not in definitions:
            name = spec.signature_name
            raise _invalid(f'Serving signature name: "{name}" not found')
        infos = definitions[spec.signature_name].inputs
        by_rows = "instances" in body
        lists = _columns(body["instances"], infos) if by_rows else body["inputs"]
        request = predict_pb2.PredictRequest(model_spec=spec)
        for name, values in _named(lists, infos).items():
            dtype = tf.as_dtype(infos[name].dtype)
            request.inputs[name].CopyFrom(_tensor(name, values, dtype))
        response = self.models.predict(request)
        outputs = {
            name: tf.make_ndarray(proto).tolist()
            for name, proto in response.outputs.items()
        }
        if by_rows:
            return {"predictions": _rows(outputs)}
        return {
            "outputs": outputs if len(outputs) > 1 else next(iter(outputs.values()))
        }

    def _parsed(self, *verbs):
        match = PATH.fullmatch(self.path)
        if not match or match[4] not in verbs:
            raise _invalid(f"Malformed request: {self.command} {self.path}")
        spec = model_pb2.ModelSpec(name=urllib.parse.unquote(match[1]))
        if match[2]:
            spec.version.value = int(match[2])
        elif match[3]:
            spec.version_label = urllib.parse.unquote(match[3])
        return spec, match[4]


def _invalid(message):
    return ServingError(StatusCode.INVALID_ARGUMENT, message)


def _columns(instances, infos):
    """Input name -> list, or a list alone, of a list of rows."""
    if not instances or not isinstance(instances[0], dict):
        return instances
    if any(set(row) != set(infos) for row in instances):
        raise _invalid(f"The keys of 'instances' must be equal to: {sorted(infos)}")
    return {name: [row[name] for row in instances] for name in infos}


def _named(lists, infos):
    """Input name -> list; a list alone is that of the only input."""
    if not isinstance(lists, dict):
        if len(infos) > 1:
            raise _invalid("A list alone will not do: there are several inputs")
        return {next(iter(infos)): lists}
    missing = set(infos) - set(lists)
    if missing:
        raise _invalid(f"Missing named input: {', '.join(sorted(missing))}")
    return {name: lists[name] for name in infos}


def _rows(outputs):
    """A list of objects, or of values where there is one output."""
    if len(outputs) == 1:
        return next(iter(outputs.values()))
    rows = zip(*outputs.values(), strict=True)
    return [dict(zip(outputs, row, strict=True)) for row in rows]


def _tensor(name, values, dtype):
    try:
        array = np.array(values)
    except ValueError as error:
        raise _invalid(f"The lists of {name} must have equal lengths") from error
    if array.dtype.kind not in ("i" if dtype.is_integer else "if"):
        raise _invalid(f"A value of {name} is not of expected type: {dtype.name}")
    return tf.make_tensor_proto(array.astype(dtype.as_numpy_dtype))
