"""The server's files, read as the server, Compose and Kubernetes read them."""

import http.server
import pathlib
import re
import subprocess
import threading

import pytest

from tests.server_files import (
    FILES,
    container_of,
    flags_of,
    make_versions,
    read_compose,
    read_kubernetes,
    read_message,
    read_models,
)
from vae_zoo.cli import main
from vae_zoo.serving import served_models, write_server_config
from vae_zoo.zoo import presets

README = pathlib.Path(__file__).resolve().parents[2] / "README.md"


@pytest.fixture
def written(tmp_path):
    """The files for a model with three versions and a preset."""
    folder = make_versions(tmp_path / "served" / "digits.v-2", [2, 1, 10])
    models = served_models([folder, presets.find("vae_digits")])
    write_server_config(models, tmp_path / "serving")
    return tmp_path / "serving"


def test_the_command_writes_the_files_and_says_what_is_served(tmp_path, capsys):
    folder = make_versions(tmp_path / "digits", [1, 2, 10])
    output = tmp_path / "new" / "serving"
    arguments = ["serve-config", str(folder), "vae_digits", "--output", str(output)]
    assert main(arguments) == 0
    assert sorted(path.name for path in output.iterdir()) == FILES
    printed = capsys.readouterr().out.splitlines()
    assert printed[:2] == [
        "digits: stable 2, canary 10",
        "vae_digits: stable 1, canary 1",
    ]
    assert sorted(printed[2:]) == [str(output / file) for file in FILES]


def test_labelled_versions_are_the_versions_served(written):
    models = read_models(written)
    assert list(models) == ["digits.v-2", "vae_digits"]
    expected = {"digits.v-2": (2, 10), "vae_digits": (1, 1)}
    for name, (stable, canary) in expected.items():
        model = models[name]
        assert model.model_platform == "tensorflow"
        assert dict(model.version_labels) == {"stable": stable, "canary": canary}
        served = list(model.model_version_policy.specific.versions)
        assert served == sorted({stable, canary})


def test_versions_chosen_on_the_command_line(tmp_path):
    folders = [make_versions(tmp_path / name, [1, 2, 3]) for name in "ab"]
    arguments = ["serve-config", *map(str, folders), "--stable", "a=3"]
    arguments += ["--stable", "b=1", "--canary", "b=2"]
    assert main([*arguments, "--output", str(tmp_path / "out")]) == 0
    labels = {
        name: dict(model.version_labels)
        for name, model in read_models(tmp_path / "out").items()
    }
    assert labels == {
        "a": {"stable": 3, "canary": 3},
        "b": {"stable": 1, "canary": 2},
    }


def test_no_batch_is_padded(tmp_path):
    models = served_models([make_versions(tmp_path / "m", [1])])
    output = tmp_path / "out"
    write_server_config(models, output, max_batch_size=100, cpus=3)
    batching = read_message("BatchingParameters", output / "batching.config")
    # To pad a request of no rows ends the server's process.
    assert not batching.allowed_batch_sizes
    assert not batching.pad_variable_length_inputs
    assert batching.max_batch_size.value == 100
    assert batching.num_batch_threads.value == 3
    assert batching.max_enqueued_batches.value >= 1


def test_many_requests_over_rest_are_in_hand_at_a_time(tmp_path):
    models = served_models([make_versions(tmp_path / "m", [1])])
    for name, options in (("a", {}), ("b", {"rest_threads": 5})):
        write_server_config(models, tmp_path / name, **options)
        flags = flags_of(container_of(read_kubernetes(tmp_path / name))["args"])
        expected = str(options.get("rest_threads", 64))
        assert flags["rest_api_num_threads"] == expected
    readme = README.read_text()
    (plain,) = re.findall(r"docker run (?:.|\n)*?\n\n", readme)
    assert "tensorflow/serving --rest_api_num_threads=64" in plain


def test_a_version_that_cannot_be_loaded_delays_the_start_by_half_a_minute(written):
    flags = flags_of(container_of(read_kubernetes(written))["args"])
    seconds = int(flags["load_retry_interval_micros"]) / 1e6
    assert 5 <= seconds <= 20
    assert int(flags["max_num_load_retries"]) * seconds <= 30


def test_both_ways_to_start_give_the_server_the_same_flags(written):
    service, container = read_compose(written), container_of(read_kubernetes(written))
    assert service["command"] == container["args"]
    assert service["entrypoint"] == container["command"] == ["tensorflow_model_server"]
    assert service["image"] == container["image"] == "tensorflow/serving:2.21.0"
    flags = flags_of(container["args"])
    assert flags["enable_batching"] == "true"
    # Labels are assigned before the first version is loaded.
    assert flags["allow_version_labels_for_unavailable_models"] == "true"
    assert int(flags["model_config_file_poll_wait_seconds"]) > 0
    assert flags["tensorflow_intra_op_parallelism"] == "2"


def test_the_server_finds_its_files(written):
    service, objects = read_compose(written), read_kubernetes(written)
    container = container_of(objects)
    flags = flags_of(container["args"])
    (config,) = (v for v in service["volumes"] if v["source"] == ".")
    (mount,) = (v for v in container["volumeMounts"] if v["name"] == "config")
    assert config["target"] == mount["mountPath"]
    data = objects["ConfigMap"]["data"]
    named = {
        "model_config_file": "models.config",
        "batching_parameters_file": "batching.config",
        "monitoring_config_file": "monitoring.config",
    }
    assert set(data) == {*named.values(), "nginx.conf", "requests.js"}
    for flag, file in named.items():
        assert flags[flag] == f"{mount['mountPath']}/{file}"
        assert data[file] == (written / file).read_text()
    volumes = objects["Deployment"]["spec"]["template"]["spec"]["volumes"]
    (volume,) = (v for v in volumes if v["name"] == "config")
    assert volume["configMap"]["name"] == objects["ConfigMap"]["metadata"]["name"]


def test_the_server_finds_its_models(written):
    mounts = {
        volume["target"]: pathlib.Path(volume["source"])
        for volume in read_compose(written)["volumes"]
    }
    models = read_models(written)
    for name, model in models.items():
        assert model.base_path == f"/models/{name}"
        for version in model.model_version_policy.specific.versions:
            assert (mounts[model.base_path] / str(version) / "saved_model.pb").is_file()
    assert mounts["/models/vae_digits"] == presets.root() / "vae_digits"
    assert len(mounts) == len(models) + 1
    container = container_of(read_kubernetes(written))
    (mount,) = (v for v in container["volumeMounts"] if v["name"] == "models")
    assert mount["mountPath"] == "/models"
    assert mount["readOnly"]
    # What the claim has to hold is written at the top.
    head = (written / "kubernetes.yaml").read_text().partition("apiVersion")[0]
    for folder in ("digits.v-2/2/", "digits.v-2/10/", "vae_digits/1/"):
        assert f"\n#   {folder}\n" in head


def test_monitoring_is_where_the_annotations_say(written):
    monitoring = read_message("MonitoringConfig", written / "monitoring.config")
    assert monitoring.prometheus_config.enable
    objects = read_kubernetes(written)
    template = objects["Deployment"]["spec"]["template"]["metadata"]
    annotations = template["annotations"]
    assert annotations["prometheus.io/path"] == monitoring.prometheus_config.path
    flags = flags_of(container_of(objects)["args"])
    assert annotations["prometheus.io/port"] == flags["rest_api_port"]


def test_the_ports_agree(written):
    objects = read_kubernetes(written)
    flags = flags_of(container_of(objects)["args"])
    ports = {
        port["name"]: str(port["containerPort"])
        for port in container_of(objects)["ports"]
    }
    assert ports == {"grpc": flags["port"], "http": flags["rest_api_port"]}
    (checked,) = container_of(objects, "proxy")["ports"]
    assert f"listen {checked['containerPort']};" in (written / "nginx.conf").read_text()
    behind = {"grpc": "grpc", checked["name"]: "http"}
    services = objects["Service"]["spec"]["ports"]
    assert {port["targetPort"] for port in services} == set(behind)
    for port in services:
        assert str(port["port"]) == ports[behind[port["targetPort"]]]
    # No one outside the machine: the server has no authentication.
    (published,) = read_compose(written)["ports"]
    assert published == f"127.0.0.1:{ports['grpc']}:{ports['grpc']}"
    (published,) = read_compose(written, "proxy")["ports"]
    assert published == f"127.0.0.1:{ports['http']}:{checked['containerPort']}"


def test_the_proxy_finds_its_files_and_the_server(written):
    service, objects = read_compose(written, "proxy"), read_kubernetes(written)
    container = container_of(objects, "proxy")
    assert service["entrypoint"] == container["command"]
    assert service["image"] == container["image"] == "nginx:1.28"
    assert "/config/nginx.conf" in container["command"]
    assert (
        "js_import requests from /config/requests.js;"
        in (written / "nginx.conf").read_text()
    )
    (config,) = service["volumes"]
    (mount,) = container["volumeMounts"]
    assert (config["source"], config["target"]) == (".", mount["mountPath"])
    data = objects["ConfigMap"]["data"]
    assert data["requests.js"] == (written / "requests.js").read_text()
    # In Compose the server is another host, in Kubernetes in the same pod.
    here = (written / "nginx.conf").read_text()
    assert data["nginx.conf"] == here.replace("server:8501", "127.0.0.1:8501") != here


def test_startup_and_liveness_ask_for_a_models_status(written):
    container = container_of(read_kubernetes(written))
    for probe in ("startupProbe", "livenessProbe"):
        get = container[probe]["httpGet"]
        assert get == {"path": "/v1/models/digits.v-2", "port": "http"}


class Server(http.server.ThreadingHTTPServer):
    """Answers as TF Serving does while some versions load."""

    available: set

    class RequestHandlerClass(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            model, label = re.fullmatch(
                "/v1/models/([^/]+)/labels/([^/]+)/metadata", self.path
            ).groups()
            self.send_response(200 if (model, label) in self.server.available else 404)
            self.end_headers()

        def log_message(self, *arguments):
            pass


def test_ready_is_when_every_stable_version_is_available(written):
    container = container_of(read_kubernetes(written))
    bash, option, script = container["readinessProbe"]["exec"]["command"]
    in_compose = read_compose(written)["healthcheck"]["test"]
    assert in_compose[:3] == ["CMD", bash, option]
    # Compose takes a single $ for a variable of its own.
    assert re.sub(r"\$\$", "", in_compose[3]).count("$") == 0
    assert in_compose[3].replace("$$", "$") == script

    server = Server(("127.0.0.1", 0), Server.RequestHandlerClass)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    script = script.replace("/8501", f"/{server.server_port}")

    def is_ready(*available):
        server.available = set(available)
        command = [bash, option, script]
        return subprocess.run(command, capture_output=True, timeout=30).returncode == 0

    first, second = ("digits.v-2", "stable"), ("vae_digits", "stable")
    try:
        assert not is_ready()
        assert not is_ready(first)
        assert not is_ready(second)
        assert not is_ready(second, ("digits.v-2", "canary"))
        assert is_ready(first, second)
    finally:
        server.shutdown()
        server.server_close()
    assert not is_ready(first, second)


def test_the_autoscaler_and_the_service_find_the_deployment(tmp_path):
    models = served_models([make_versions(tmp_path / "m", [1])])
    output = tmp_path / "out"
    write_server_config(models, output, name="zoo", min_replicas=3, max_replicas=4)
    objects = read_kubernetes(output)
    deployment, autoscaler = objects["Deployment"], objects["HorizontalPodAutoscaler"]
    target = autoscaler["spec"]["scaleTargetRef"]
    assert target == {
        "apiVersion": deployment["apiVersion"],
        "kind": deployment["kind"],
        "name": deployment["metadata"]["name"],
    }
    assert autoscaler["apiVersion"] == "autoscaling/v2"
    assert autoscaler["spec"]["minReplicas"] == 3
    assert autoscaler["spec"]["maxReplicas"] == 4
    assert "replicas" not in deployment["spec"]
    # A share of what is requested: without a request nothing would be scaled.
    (metric,) = autoscaler["spec"]["metrics"]
    assert metric["resource"]["name"] in container_of(objects)["resources"]["requests"]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert objects["Service"]["spec"]["selector"].items() <= labels.items()
    for content in objects.values():
        assert content["metadata"]["name"].startswith("zoo")


def test_the_resources_are_those_asked_for(tmp_path):
    models = served_models([make_versions(tmp_path / "m", [1])])
    write_server_config(models, tmp_path / "out", cpus=5, memory_gib=7)
    resources = container_of(read_kubernetes(tmp_path / "out"))["resources"]
    assert resources["requests"] == resources["limits"] == {"cpu": 5, "memory": "7Gi"}
    service = read_compose(tmp_path / "out")
    assert (service["cpus"], service["mem_limit"]) == (5, "7g")
