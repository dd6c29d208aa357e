"""Reads what `serve-config` wrote as the server, Compose and Kubernetes do."""

import json
import re

import pytest
from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message_factory,
    text_format,
    wrappers_pb2,
)

FILES = [
    "batching.config",
    "compose.yaml",
    "kubernetes.yaml",
    "models.config",
    "monitoring.config",
    "nginx.conf",
    "requests.js",
]
# Messages that tensorflow-serving-api leaves out: names and types of their fields in
# session_bundle_config.proto and monitoring_config.proto.
MESSAGES = """
name: "server.proto" package: "server" syntax: "proto3"
dependency: "google/protobuf/wrappers.proto"
message_type { name: "BatchingParameters"
  field { name: "max_batch_size" number: 1 type: TYPE_MESSAGE
          type_name: ".google.protobuf.Int64Value" }
  field { name: "batch_timeout_micros" number: 2 type: TYPE_MESSAGE
          type_name: ".google.protobuf.Int64Value" }
  field { name: "max_enqueued_batches" number: 3 type: TYPE_MESSAGE
          type_name: ".google.protobuf.Int64Value" }
  field { name: "num_batch_threads" number: 4 type: TYPE_MESSAGE
          type_name: ".google.protobuf.Int64Value" }
  field { name: "thread_pool_name" number: 5 type: TYPE_MESSAGE
          type_name: ".google.protobuf.StringValue" }
  field { name: "allowed_batch_sizes" number: 6 type: TYPE_INT64 label: LABEL_REPEATED }
  field { name: "pad_variable_length_inputs" number: 7 type: TYPE_BOOL } }
message_type { name: "PrometheusConfig"
  field { name: "enable" number: 1 type: TYPE_BOOL }
  field { name: "path" number: 2 type: TYPE_STRING } }
message_type { name: "MonitoringConfig"
  field { name: "prometheus_config" number: 1 type: TYPE_MESSAGE
          type_name: ".server.PrometheusConfig" } }
"""


def read_message(name, path):
    """The content of `path` as a `name` of MESSAGES; raises if it is none."""
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    file = text_format.Parse(MESSAGES, descriptor_pb2.FileDescriptorProto())
    pool.AddSerializedFile(file.SerializeToString())
    descriptor = pool.FindMessageTypeByName(f"server.{name}")
    message = message_factory.GetMessageClass(descriptor)()
    return text_format.Parse(path.read_text(), message)


def read_models(folder):
    """Model name -> its `ModelConfig`."""
    pytest.importorskip("tensorflow_serving", reason="the extra `serving` is absent")
    from tensorflow_serving.config import model_server_config_pb2

    config = model_server_config_pb2.ModelServerConfig()
    text_format.Parse((folder / "models.config").read_text(), config)
    return {model.name: model for model in config.model_config_list.config}


def read_compose(folder, service="server"):
    """One of the two services."""
    yaml = pytest.importorskip("yaml", reason="PyYAML is absent")
    services = yaml.safe_load((folder / "compose.yaml").read_text())["services"]
    assert set(services) == {"server", "proxy"}
    return services[service]


def read_kubernetes(folder):
    """Kind -> the only object of this kind."""
    yaml = pytest.importorskip("yaml", reason="PyYAML is absent")
    objects = list(yaml.safe_load_all((folder / "kubernetes.yaml").read_text()))
    found = {content["kind"]: content for content in objects}
    assert len(found) == len(objects)
    return found


def container_of(objects, name="server"):
    """One of the two containers of a pod."""
    containers = objects["Deployment"]["spec"]["template"]["spec"]["containers"]
    found = {container["name"]: container for container in containers}
    assert set(found) == {"server", "proxy"}
    return found[name]


def flags_of(arguments):
    """Flag name -> value."""
    return dict(re.fullmatch("--([a-z_]+)=(.*)", flag).groups() for flag in arguments)


def make_versions(folder, versions, input_shape=(8, 8, 1)):
    """A folder as `export` leaves it, as far as it is read here."""
    config = {"config": {"input_shape": input_shape, "latent_dim": 8}}
    for version in versions:
        extra = folder / str(version) / "assets.extra"
        extra.mkdir(parents=True)
        (folder / str(version) / "saved_model.pb").write_bytes(b"")
        content = {"class": "VAE", "config": config, "sha256": {}}
        (extra / "vae_zoo.json").write_text(json.dumps(content))
    return folder
