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
from vae_zoo.serving.version_labels import ServedModel

IMAGE = "tensorflow/serving:2.21.0"
FILES = (
    "models.config",
    "batching.config",
    "monitoring.config",
    "compose.yaml",
    "kubernetes.yaml",
)
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
    max_batch_size: int = 128,
    cpus: int = 2,
    memory_gib: int = 2,
    min_replicas: int = 2,
    max_replicas: int = 10,
) -> list[pathlib.Path]:
    """Writes all that TF Serving's stock image needs to serve `models`.

    That is `models.config`, `batching.config` and `monitoring.config`, which the
    server reads, `compose.yaml` for `docker compose`, which mounts the models where
    they are, and `kubernetes.yaml`: a ConfigMap, a Deployment, a Service and a
    HorizontalPodAutoscaler. The container finds a model in `/models/<name>`.

    Args:
        models: at least one, as `served_models` gives them.
        output: folder to write to; files of an earlier call are replaced.
        name: of what runs: the compose project and the Kubernetes objects.
        image: the server's image.
        max_batch_size: rows that the server computes together, and the most that a
            request may have.
        cpus: CPUs of one server.
        memory_gib: memory of one server, GiB.
        min_replicas, max_replicas: servers that the autoscaler keeps, Kubernetes
            only.

    Returns:
        List of the files' paths.

    Raises:
        ValueError: if an argument is out of its range, or `output` holds anything
            that this function did not write. Nothing is written then.
        OSError: if a file cannot be written; those of an earlier call stay.

    Source: TensorFlow Serving, "Tensorflow Serving Configuration", and the server's
    sources.
    """
    output = pathlib.Path(output)
    sizes = {
        "max_batch_size": max_batch_size,
        "cpus": cpus,
        "memory_gib": memory_gib,
        "min_replicas": min_replicas,
        "max_replicas": max_replicas,
    }
    _check(models, name, image, sizes)
    _check_destination(output)
    values = {"notice": NOTICE, "name": name, "image": image, **sizes}
    texts = _texts(models, values)
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


def _check(models, name, image, sizes):
    if not models:
        raise ValueError("`models` must be at least one. Received: none")
    if not re.fullmatch(NAME, name):
        raise ValueError(
            "`name` must be of lower-case letters, digits and '-', start with a "
            f"letter, not end with '-', and have at most 50. Received: {name!r}"
        )
    if not re.fullmatch(r"[\w./:@-]+", image):
        raise ValueError(f"`image` must be the name of an image. Received: {image!r}")
    for argument, value in sizes.items():
        if value < 1:
            raise ValueError(f"`{argument}` must be at least 1. Received: {value}")
    if sizes["min_replicas"] > sizes["max_replicas"]:
        raise ValueError(
            "`min_replicas` must be at most `max_replicas`. Received: "
            f"min_replicas={sizes['min_replicas']}, "
            f"max_replicas={sizes['max_replicas']}"
        )


def _check_destination(output):
    """Raises unless everything in `output` is a file that an earlier call wrote."""
    for entry in sorted(output.iterdir()) if output.exists() else ():
        is_own = entry.name in FILES and entry.is_file()
        if not is_own or not entry.read_bytes().startswith(f"# {NOTICE}".encode()):
            raise ValueError(
                "`output` must be new, empty, or hold what an earlier call wrote "
                f"alone. Received: '{output}', which holds {entry.name!r}"
            )


def _texts(models, values):
    """File name -> its content."""
    models_text = "".join(_model_block(model) for model in models)
    batch_sizes = _allowed_batch_sizes(values["max_batch_size"])
    texts = {
        "models.config": _filled("models.config", models=models_text, **values),
        "batching.config": _filled(
            "batching.config", allowed_batch_sizes=batch_sizes, **values
        ),
        "monitoring.config": _filled("monitoring.config", **values),
    }
    together = "".join(texts.values())
    ready = _filled("ready.sh", models=" ".join(model.name for model in models))
    values = {
        **values,
        "config_sha256": hashlib.sha256(together.encode()).hexdigest(),
        "flags": _filled("flags.yaml", **values),
        "first_model": models[0].name,
    }
    texts["compose.yaml"] = _filled(
        "compose.yaml",
        model_volumes="".join(_volume(model) for model in models),
        # Compose puts variables in, too.
        ready=ready.replace("$", "$$"),
        **values,
    )
    texts["kubernetes.yaml"] = _filled(
        "kubernetes.yaml",
        needed_folders="".join(_needed_folders(model) for model in models),
        models_config=texts["models.config"],
        batching_config=texts["batching.config"],
        monitoring_config=texts["monitoring.config"],
        ready=ready,
        **values,
    )
    return texts


def _filled(template, **values):
    """The text of a template; all lines of a value stand where its place is."""

    def fill(place):
        return textwrap.indent(str(values[place[2]]).rstrip("\n"), place[1])

    text = (TEMPLATES / template).read_text(encoding="utf-8")
    return re.sub(r"((?:^#? *)?)\{\{ (\w+) \}\}", fill, text, flags=re.MULTILINE)


def _allowed_batch_sizes(largest):
    """Powers of two, and the last one `largest`, as the server demands."""
    powers = (2**i for i in range(largest.bit_length()))
    sizes = [*(size for size in powers if size < largest), largest]
    return "\n".join(f"allowed_batch_sizes: {size}" for size in sizes)


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
