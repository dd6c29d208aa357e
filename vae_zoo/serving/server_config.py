"""The configuration of TF Serving's stock image: what to serve, and how to run it.

Needs no TensorFlow. The text is in `templates/`.
"""

import hashlib
import json
import os
import pathlib
import re
import textwrap
from collections.abc import Sequence

from vae_zoo import atomic
from vae_zoo.arguments import check_count, check_flag, shown
from vae_zoo.serving.label_steps import next_step
from vae_zoo.serving.layout import checked_path, read_metadata
from vae_zoo.serving.request_shapes import max_body_mib, merged, row_shapes
from vae_zoo.serving.version_labels import ServedModel, checked_models

IMAGE = "tensorflow/serving:2.21.0"
# Its official image has the module for JavaScript.
PROXY_IMAGE = "nginx:1.28"
FILES = (
    "models.config",
    "batching.config",
    "monitoring.config",
    "nginx.conf",
    "requests.js",
    "compose.yaml",
    "kubernetes.yaml",
)
# Where the proxy finds the server: by its name in Compose, in one pod beside it.
UPSTREAM = {"compose": "server:8501", "kubernetes": "127.0.0.1:8501"}
TEMPLATES = pathlib.Path(__file__).parent / "templates"
NOTICE = "Made by `vae-zoo serve-config`, which replaces it when it is run again."
# What Kubernetes allows for a service, short enough for an ending.
NAME = "[a-z]([a-z0-9-]{0,48}[a-z0-9])?"


def write_server_config(
    models: Sequence[ServedModel],
    output: str | os.PathLike,
    *,
    name: str = "vae-zoo",
    image: str = IMAGE,
    proxy_image: str = PROXY_IMAGE,
    max_batch_size: int = 128,
    rest_threads: int = 64,
    cpus: int = 2,
    memory_gib: int = 2,
    min_replicas: int = 2,
    max_replicas: int = 10,
    at_once: bool = False,
) -> list[pathlib.Path]:
    """Writes all that TF Serving's stock image needs to serve `models`.

    That is `models.config`, `batching.config` and `monitoring.config`, which the
    server reads, `nginx.conf` and `requests.js`, by which a proxy refuses requests
    that are empty or misshapen, `compose.yaml` for `docker compose`, which mounts the
    models where they are, and `kubernetes.yaml`: a ConfigMap, a Deployment, a Service
    and a HorizontalPodAutoscaler. The container finds a model in `/models/<name>`.

    A running server takes a changed `models.config` within 30 seconds. So that it can,
    a label that would move to a version which the configuration in `output` does not
    load stays for now, and the version is loaded beside it; the next call moves the
    label. `label_steps.next_step` says beforehand what a call will write.

    Args:
        models: at least one, as `served_models` gives them.
        output: folder to write to; files of an earlier call are replaced.
        name: of what runs: the compose project and the Kubernetes objects.
        image: the server's image.
        proxy_image: the proxy's image: nginx with its module for JavaScript.
        max_batch_size: rows that the server computes together, and the most that a
            request may have.
        rest_threads: requests over REST that the server has in hand at a time.
        cpus: CPUs of one server.
        memory_gib: memory of one server, GiB.
        min_replicas, max_replicas: servers that the autoscaler keeps, Kubernetes
            only.
        at_once: whether labels move at once, for servers that start anew.

    Returns:
        List of the files' paths.

    Raises:
        ValueError: if an argument is out of its range, or `output` holds anything
            that this function did not write. Nothing is written then.
        OSError: if a file cannot be written; those of an earlier call stay.

    Source: TensorFlow Serving, "Tensorflow Serving Configuration", and the server's
    sources.
    """
    output = checked_path("output", output)
    sizes = {
        "max_batch_size": max_batch_size,
        "rest_threads": rest_threads,
        "cpus": cpus,
        "memory_gib": memory_gib,
        "min_replicas": min_replicas,
        "max_replicas": max_replicas,
    }
    models = checked_models(models)
    _check_names(name, image=image, proxy_image=proxy_image)
    sizes = _checked_sizes(sizes)
    _check_destination(output)
    if not check_flag("at_once", at_once):
        models = next_step(models, output)
    values = {"notice": NOTICE, "name": name, "image": image, **sizes}
    texts = _texts(models, {**values, "proxy_image": proxy_image})
    output.parent.mkdir(parents=True, exist_ok=True)
    with atomic.partial_folder(output.parent) as folder:
        for file in FILES:
            with atomic.whole_file(folder / file) as partial:
                partial.write_text(texts[file], encoding="utf-8")
        if output.exists():
            # Into the folder that stays: a running container has mounted it.
            for file in FILES:
                os.replace(folder / file, output / file)
        else:
            os.rename(folder, output)
    return [output / file for file in FILES]


def _check_names(name, **images):
    if not isinstance(name, str) or not re.fullmatch(NAME, name):
        raise ValueError(
            "`name` must be of lower-case letters, digits and '-', start with a "
            f"letter, not end with '-', and have at most 50. Received: {shown(name)}"
        )
    for argument, image in images.items():
        if not isinstance(image, str) or not re.fullmatch(r"[\w./:@-]+", image):
            raise ValueError(
                f"`{argument}` must be the name of an image. Received: {shown(image)}"
            )


def _checked_sizes(sizes):
    meanings = {
        "max_batch_size": "the rows computed together",
        "rest_threads": "the requests in hand at a time",
        "cpus": "the CPUs of one server",
        "memory_gib": "the memory of one server in GiB",
        "min_replicas": "the fewest servers",
        "max_replicas": "the most servers",
    }
    sizes = {
        argument: check_count(argument, value, 1, meanings[argument])
        for argument, value in sizes.items()
    }
    if sizes["min_replicas"] > sizes["max_replicas"]:
        raise ValueError(
            "`min_replicas` must be at most `max_replicas`. Received: "
            f"min_replicas={sizes['min_replicas']}, "
            f"max_replicas={sizes['max_replicas']}"
        )
    return sizes


def _check_destination(output):
    """Raises unless everything in `output` is a file that an earlier call wrote."""
    if output.exists() and not output.is_dir():
        raise ValueError(
            f"`output` must be a folder, new or not. Received: '{output}', a file"
        )
    for entry in sorted(output.iterdir()) if output.exists() else ():
        is_own = entry.name in FILES and entry.is_file()
        # Comments start with # or //.
        if not is_own or NOTICE.encode() not in entry.read_bytes().split(b"\n")[0]:
            raise ValueError(
                "`output` must be new, empty, or hold what an earlier call wrote "
                f"alone. Received: '{output}', which holds {entry.name!r}"
            )


def _texts(models, values):
    """File name -> its content."""
    shapes = {model.name: merged(_shapes_of(model)) for model in models}
    values = {
        **values,
        "models": "".join(_model_block(model) for model in models),
        "shapes": json.dumps(shapes, indent=2),
        "max_body_mib": max_body_mib(shapes.values(), values["max_batch_size"]),
        "upstream": UPSTREAM["compose"],
    }
    plain = ("models.config", "batching.config", "monitoring.config")
    plain += ("nginx.conf", "requests.js")
    texts = {file: _filled(file, **values) for file in plain}
    together = "".join(texts.values())
    values |= {
        "config_sha256": hashlib.sha256(together.encode()).hexdigest(),
        "flags": _filled("flags.yaml", **values),
        "first_model": models[0].name,
    }
    ready = _filled("ready.sh", models=" ".join(model.name for model in models))
    volumes = "".join(_volume(model) for model in models)
    # Compose puts variables in, too.
    in_compose = {"model_volumes": volumes, "ready": ready.replace("$", "$$")}
    texts["compose.yaml"] = _filled("compose.yaml", **values, **in_compose)
    values["upstream"] = UPSTREAM["kubernetes"]
    values |= {
        "needed_folders": "".join(_needed_folders(model) for model in models),
        "models_config": texts["models.config"],
        "batching_config": texts["batching.config"],
        "monitoring_config": texts["monitoring.config"],
        "nginx_conf": _filled("nginx.conf", **values),
        "requests_js": texts["requests.js"],
        "ready": ready,
    }
    texts["kubernetes.yaml"] = _filled("kubernetes.yaml", **values)
    return texts


def _shapes_of(model):
    """Of each version that is served: signature -> input -> the shape of a row."""
    folders = (model.folder / str(version) for version in model.versions)
    return [row_shapes(read_metadata(folder)) for folder in folders]


def _filled(template, **values):
    """The text of a template; all lines of a value stand where its place is."""

    def fill(place):
        return textwrap.indent(str(values[place[2]]).rstrip("\n"), place[1])

    text = (TEMPLATES / template).read_text(encoding="utf-8")
    return re.sub(r"((?:^#? *)?)\{\{ (\w+) \}\}", fill, text, flags=re.MULTILINE)


def _model_block(model):
    return _filled(
        "model.config",
        model=model.name,
        versions="\n".join(f"versions: {version}" for version in model.versions),
        stable=model.stable,
        canary=model.canary,
    )


def _volume(model):
    # A JSON string is a YAML string; Compose would take $ for a variable.
    source = json.dumps(str(model.folder), ensure_ascii=False).replace("$", "$$")
    return _filled("volume.yaml", source=source, model=model.name)


def _needed_folders(model):
    return "".join(f"{model.name}/{version}/\n" for version in model.versions)
