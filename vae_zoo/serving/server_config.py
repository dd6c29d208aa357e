"""The configuration of TF Serving's stock image: what to serve, and how to run it.

This needs no TensorFlow. The Jinja templates are in `templates/`.
"""

import hashlib
import json
import os
import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from vae_zoo import atomic
from vae_zoo.arguments import Config, check_count, check_flag, shown
from vae_zoo.serving.label_steps import next_step
from vae_zoo.serving.layout import checked_path, read_metadata
from vae_zoo.serving.request_shapes import RowShapes, max_body_mib, merged, row_shapes
from vae_zoo.serving.version_labels import ServedModel, checked_models

if TYPE_CHECKING:
    import jinja2

IMAGE = "tensorflow/serving:2.21.0"
# The official image includes the JavaScript module.
PROXY_IMAGE = "nginx:1.28"
# Files that the containers read.
READ = (
    "models.config",
    "batching.config",
    "monitoring.config",
    "nginx.conf",
    "requests.js",
)
# Files that run the containers -> where the proxy finds the server: by name in Compose,
# on the same host in a pod.
UPSTREAM = {"compose.yaml": "server:8501", "kubernetes.yaml": "127.0.0.1:8501"}
FILES = (*READ, *UPSTREAM)
NOTICE = "Made by `vae-zoo serve-config`, which replaces it when it is run again."
# A service name in Kubernetes, short enough to append a suffix.
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

    The files are

    - `models.config`, `batching.config` and `monitoring.config`, for the server;
    - `nginx.conf` and `requests.js`, for a proxy that refuses empty or misshapen
      requests;
    - `compose.yaml` for `docker compose`, which mounts the models where they are;
    - `kubernetes.yaml`: a ConfigMap, a Deployment, a Service and a
      HorizontalPodAutoscaler.

    The container finds a model in `/models/<name>`.

    A running server takes a changed `models.config` within 30 seconds, but it cannot
    move a label to a version that it has not loaded. So if a label would move to a
    version that the configuration in `output` does not load, this call only adds that
    version, and the next call moves the label. `label_steps.next_step` returns what a
    call will write.

    Args:
        models: at least one, as `served_models` returns them.
        output: folder to write to; replaces the files of an earlier call.
        name: name of the compose project and the Kubernetes objects.
        image: the server's image.
        proxy_image: the proxy's image: nginx with its JavaScript module.
        max_batch_size: rows that the server computes together, and the most that a
            request may have.
        rest_threads: REST requests that the server handles at the same time.
        cpus: CPUs of one server.
        memory_gib: memory of one server, GiB.
        min_replicas, max_replicas: fewest and most servers that the autoscaler keeps,
            only for Kubernetes.
        at_once: whether labels move at once, for servers that are restarted.

    Returns:
        List of the files' paths.

    Raises:
        ValueError: if an argument is out of its range, or `output` holds anything that
            this function did not write; then nothing is written.
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
            # The folder itself stays, since a running container has mounted it.
            for file in FILES:
                os.replace(folder / file, output / file)
        else:
            os.rename(folder, output)
    return [output / file for file in FILES]


def _check_names(name: object, **images: object) -> None:
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


def _checked_sizes(sizes: Mapping[str, object]) -> dict[str, int]:
    meanings = {
        "max_batch_size": "the rows computed together",
        "rest_threads": "the requests in hand at a time",
        "cpus": "the CPUs of one server",
        "memory_gib": "the memory of one server in GiB",
        "min_replicas": "the fewest servers",
        "max_replicas": "the most servers",
    }
    checked = {
        argument: check_count(argument, value, 1, meanings[argument])
        for argument, value in sizes.items()
    }
    if checked["min_replicas"] > checked["max_replicas"]:
        raise ValueError(
            "`min_replicas` must be at most `max_replicas`. Received: "
            f"min_replicas={checked['min_replicas']}, "
            f"max_replicas={checked['max_replicas']}"
        )
    return checked


def _check_destination(output: pathlib.Path) -> None:
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


def _texts(models: Sequence[ServedModel], values: Config) -> dict[str, str]:
    """File name -> its content."""
    shapes = {model.name: merged(_shapes_of(model)) for model in models}
    values = {
        **values,
        "models": models,
        "shapes": json.dumps(shapes, indent=2),
        "max_body_mib": max_body_mib(shapes.values(), values["max_batch_size"]),
        "upstream": UPSTREAM["compose.yaml"],
    }
    templates = _templates()
    texts = {file: templates.get_template(file).render(values) for file in READ}
    together = "".join(texts.values())
    values["config_sha256"] = hashlib.sha256(together.encode()).hexdigest()
    for file, upstream in UPSTREAM.items():
        values["upstream"] = upstream
        texts[file] = templates.get_template(file).render(values)
    return texts


def _templates() -> "jinja2.Environment":
    import jinja2  # Its import would slow down `vae-zoo --help`.

    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("vae_zoo.serving"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    # A JSON string is a YAML string.
    templates.filters["json_text"] = lambda path: json.dumps(
        str(path), ensure_ascii=False
    )
    return templates


def _shapes_of(model: ServedModel) -> list[RowShapes]:
    """For each served version: signature -> input -> the shape of a row."""
    folders = (model.folder / str(version) for version in model.versions)
    return [row_shapes(read_metadata(folder)) for folder in folders]
