"""Ask a served model over gRPC, with TF Serving's own stubs (extra `serving`).

    python examples/serving/grpc_client.py encode --model digits --num-rows 3
    python examples/serving/grpc_client.py score --model digits --label stable \
      --data images.npy --output scores.npz
    python examples/serving/grpc_client.py status --model digits

Versions have labels if the server's configuration sets them. Your own program would
call `predict`. After an error the server's message is printed, and the exit code is 1.
"""

import client_arguments
import grpc
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)


def connect(host="localhost", port=8500, max_message_mib=256):
    """A channel for messages up to a size; gRPC's own limit is 4 MiB."""
    limit = max_message_mib * 2**20
    options = [
        ("grpc.max_send_message_length", limit),
        ("grpc.max_receive_message_length", limit),
    ]
    return grpc.insecure_channel(f"{host}:{port}", options)


def model_spec(model, version=None, label=None, signature=""):
    """The `ModelSpec` of a version, by number or label, or of the newest."""
    spec = model_pb2.ModelSpec(name=model, signature_name=signature)
    if version is not None:
        spec.version.value = version
    elif label is not None:
        spec.version_label = label
    return spec


def predict(channel, model, signature, arrays, *, version=None, label=None, timeout=10):
    """The outputs of a signature.

    Args:
        channel: what `connect` returns.
        model: the model's name on the server.
        signature: such as "encode".
        arrays: input name -> array, float32 or int32 as the signature has it.
        version, label: a version's number or its label; the newest if neither is given.
        timeout: in seconds.

    Returns:
        dict, output name -> array.

    Raises:
        ValueError: if an array has no rows.
        grpc.RpcError: with the server's `code()` and `details()`.
    """
    client_arguments.check_rows(arrays)
    request = predict_pb2.PredictRequest()
    request.model_spec.CopyFrom(model_spec(model, version, label, signature))
    for name, array in arrays.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(array))
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    response = stub.Predict(request, timeout)
    return {name: tf.make_ndarray(proto) for name, proto in response.outputs.items()}


def status(channel, model, *, version=None, label=None, timeout=10):
    """Version number -> its state, such as "AVAILABLE", for all known versions."""
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.CopyFrom(model_spec(model, version, label))
    stub = model_service_pb2_grpc.ModelServiceStub(channel)
    states = get_model_status_pb2.ModelVersionStatus.State
    return {
        entry.version: states.Name(entry.state)
        for entry in stub.GetModelStatus(request, timeout).model_version_status
    }


def metadata(channel, model, *, version=None, label=None, timeout=10):
    """Signature name -> (inputs, outputs), each a mapping name -> `TensorInfo`."""
    request = get_model_metadata_pb2.GetModelMetadataRequest()
    request.model_spec.CopyFrom(model_spec(model, version, label))
    request.metadata_field.append("signature_def")
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    response = stub.GetModelMetadata(request, timeout)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    response.metadata["signature_def"].Unpack(signatures)
    return {
        name: (signature.inputs, signature.outputs)
        for name, signature in signatures.signature_def.items()
    }


def run(channel, options):
    """Does what the command line says."""
    model = options.model
    which = {name: getattr(options, name) for name in ("version", "label", "timeout")}
    if options.call == "status":
        client_arguments.report_status(status(channel, model, **which))
    elif options.call == "metadata":
        client_arguments.report_signatures(metadata(channel, model, **which))
    else:
        arrays = client_arguments.arrays(options)
        answer = predict(channel, model, options.call, arrays, **which)
        client_arguments.report(answer, options.output)


def main():
    parser = client_arguments.parser(__doc__.split("\n")[0], port=8500)
    parser.add_argument("--max-message-mib", type=int, default=256)
    options = parser.parse_args()
    try:
        with connect(options.host, options.port, options.max_message_mib) as channel:
            run(channel, options)
    except grpc.RpcError as error:
        raise SystemExit(f"{error.code().name}: {error.details()}") from None
    except (OSError, ValueError) as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
