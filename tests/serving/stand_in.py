"""A stand-in for TF Serving, for tests: its gRPC and REST interfaces in one process.

The official stubs carry the messages, `tf.saved_model.load` runs the signatures. It
shows that clients and SavedModels fit the interface; batching, warm-up and versions
that come and go are the real server's alone. Codes are those of TF Serving's
`predict_util.cc`, `json_tensor.cc` and `http_server.cc`.
"""

import concurrent.futures
import http.server
import threading

import grpc
from tensorflow_serving.apis import (
    model_service_pb2_grpc,
    prediction_service_pb2_grpc,
)

from tests.serving.stand_in_models import Models, ServingError
from tests.serving.stand_in_rest import RestHandler


def _servicer(base, methods):
    """An object of a stub's servicer class whose `methods` are given functions."""

    def answering(function):
        def answer(self, request, context):
            try:
                return function(request)
            except ServingError as error:
                context.abort(error.code, str(error))

        return answer

    return type(base.__name__, (base,), {k: answering(f) for k, f in methods.items()})()


class StandIn:
    """A running stand-in, a context manager; see `Models` for the arguments.

    Attributes: `grpc_port` and `rest_port`, on localhost.
    """

    def __init__(self, folders, labels=None):
        models = Models(folders, labels or {})
        workers = concurrent.futures.ThreadPoolExecutor(2)
        unlimited = [("grpc.max_receive_message_length", -1)]
        unlimited.append(("grpc.max_send_message_length", -1))
        self._grpc = grpc.server(workers, options=unlimited)
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
            _servicer(
                prediction_service_pb2_grpc.PredictionServiceServicer,
                {"Predict": models.predict, "GetModelMetadata": models.metadata},
            ),
            self._grpc,
        )
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(
            _servicer(
                model_service_pb2_grpc.ModelServiceServicer,
                {"GetModelStatus": models.status},
            ),
            self._grpc,
        )
        self.grpc_port = self._grpc.add_insecure_port("localhost:0")
        handler = type("Handler", (RestHandler,), {"models": models})
        self._rest = http.server.ThreadingHTTPServer(("localhost", 0), handler)
        self.rest_port = self._rest.server_port

    def __enter__(self):
        self._grpc.start()
        threading.Thread(target=self._rest.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error):
        self._rest.shutdown()
        self._rest.server_close()
        self._grpc.stop(None)
