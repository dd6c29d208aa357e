"""Model cards: what a trained model is and how good, from its `vae_zoo.json` alone."""

import math
import numbers
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from vae_zoo import arguments
from vae_zoo.arguments import Config, KindT

# What each figure of a card has to say.
REQUIRED = ("name", "value", "protocol")
# What else of a card is text.
TEXTS = ("summary", "use", "limits", "training_command", "evaluation_command")
SIGNATURE_NOTE = (
    "A row of an answer depends on its own row of the request alone. Sampling is a "
    "function of `seeds`."
)


def model_card(name: str, metadata: dict) -> str:
    """The model card of a SavedModel, in Markdown.

    Args:
        name: the model's, as it is to be loaded and served by.
        metadata: the content of its `vae_zoo.json`. What is known of the model beyond
            its making is under `card`, each entry of it optional: `summary`, `use`,
            `limits`, `data` (dict `name`, `url`, `licence`, `preprocessing`),
            `training_command`, `evaluation_command`, `pictures` (list of dicts `file`,
            `caption`), and `metrics`, a list of dicts `name`, `value`,
            `standard_error`, `unit`, `protocol`, and `published`, a list of
            dicts `name`, `value` and `protocol` of others' figures.

    Returns:
        The card's text.

    Raises:
        ValueError: if `name` is no text, `metadata` is not what `export` wrote, or as
            in `check_card`.
    """
    if not isinstance(name, str) or not name.strip():
        raise ValueError(
            f"`name` must be the model's name. Received: {arguments.shown(name)}"
        )
    _check_kind("metadata", metadata, dict, "the content of a `vae_zoo.json`")
    missing = [key for key in ("class", "config", "versions") if key not in metadata]
    if missing:
        raise ValueError(
            "`metadata` must be the content of a `vae_zoo.json`. Received: a dict "
            f"without {missing[0]!r}"
        )
    card = metadata.get("card", {})
    check_card(card)
    metrics = card.get("metrics", [])
    sections = [
        [f"# {name}", card.get("summary", f"A `{metadata['class']}`.")],
        [_picture(picture) for picture in card.get("pictures", [])],
        ["## Load, draw, serve", _usage(name, metadata["class"])],
        ["## Model", _items(_model(metadata))],
        ["## Data", _items(_data(metadata, card.get("data", {})))],
        ["## Training", _items(_training(metadata)), _command(card, "training")],
        [
            "## Figures",
            _metrics(metrics) if metrics else "None was measured.",
            _command(card, "evaluation"),
        ],
        ["## Intended use", card.get("use", "Not stated.")],
        ["## Limits", card.get("limits", "Not stated.")],
    ]
    parts = [part for section in sections for part in section if part]
    return "\n\n".join(parts) + "\n"


def check_card(card: dict) -> None:
    """Raises ValueError if a part of a card is not what `model_card` can show.

    That is if a figure, ours or a published one, does not say what it is, a value or an
    error is no finite number, a picture lacks file or caption, or a part is of another
    kind.

    Args:
        card: what `model_card` takes as `card`.
    """
    _check_kind("card", card, dict)
    for key in TEXTS:
        _check_kind(f"card[{key!r}]", card.get(key, ""), str)
    data = _check_kind("card['data']", card.get("data", {}), dict)
    for key, text in data.items():
        _check_kind(f"card['data'][{key!r}]", text, str)
    for metric in _check_kind("card['metrics']", card.get("metrics", []), list):
        _check_kind("card['metrics']", metric, dict, "a list of dicts")
        published = metric.get("published", [])
        _check_kind("card['metrics'][…]['published']", published, list)
        for figure in (metric, *published):
            _check_figure(figure)
    for picture in _check_kind("card['pictures']", card.get("pictures", []), list):
        _check_has(picture, ("file", "caption"), "picture")


def _check_figure(figure: Config) -> None:
    _check_numbers(figure, REQUIRED)


def _check_numbers(figure: Config, required: Sequence[str]) -> None:
    _check_has(figure, required, "figure")
    for key in ("value", "standard_error"):
        if figure.get(key) is not None and not _is_finite(figure[key]):
            raise ValueError(
                f"The {key} of a model card's figure must be a finite number. "
                f"Received: {figure}"
            )
    digits = figure.get("digits", 2)
    arguments.check_count("digits", digits, 0, "a figure's decimal places")


def _check_kind(
    name: str, value: object, kind: type[KindT], expectation: str | None = None
) -> KindT:
    words: dict[type, str] = {dict: "a dict", list: "a list", str: "text"}
    expectation = expectation or words[kind]
    return arguments.check_instance(name, value, kind, expectation)


def _check_has(part: Any, keys: Sequence[str], kind: str) -> None:
    _check_kind(f"{kind} of the card", part, dict)
    missing = [
        key for key in keys if part.get(key) is None or not str(part[key]).strip()
    ]
    if missing:
        raise ValueError(
            f"A {kind} of a model card must have {', '.join(keys)}. "
            f"Received: {part}, without {missing[0]}"
        )


def _is_finite(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return False
    return math.isfinite(value)


def shown(metric: dict) -> str:
    """A figure as the card has it: value, error and unit.

    Raises:
        ValueError: if it has no value, or one that is no finite number.
    """
    _check_numbers(metric, ("value",))
    value = metric["value"]
    error = metric.get("standard_error")
    digits = metric.get("digits", 2)
    text = f"{value:.{digits}f}"
    if error is not None:
        text += f" ± {error:.{digits}f}"
    return f"{text} {metric.get('unit', '')}".strip()


def _picture(picture: Config) -> str:
    return f"![{picture['caption']}]({picture['file']})\n\n*{picture['caption']}*"


def _usage(name: str, class_name: str) -> str:
    return (
        "```python\n"
        "import vae_zoo\n\n"
        f'model = vae_zoo.{class_name}.from_preset("{name}")\n'
        "images = model.sample(16, seed=0)\n"
        "```\n\n"
        f"    vae-zoo sample {name} --output samples.png\n"
        f"    docker run -p 8501:8501 -v PATH/{name}:/models/{name} "
        f"-e MODEL_NAME={name} tensorflow/serving\n\n"
        f"{SIGNATURE_NOTE}"
    )


def _items(pairs: Iterable[tuple[str, object]]) -> str:
    return "\n".join(f"- {key}: {value}" for key, value in pairs if value)


def _model(metadata: Config) -> Iterator[tuple[str, object]]:
    config = metadata["config"]["config"]
    yield "class", f"`{metadata['class']}`"
    yield "input", " x ".join(map(str, config["input_shape"]))
    yield "latents", config["latent_dim"]
    yield "clusters", config.get("num_clusters")
    for part in ("encoder", "decoder", "posterior", "prior", "likelihood"):
        yield part, _component(config[part]) if part in config else None
    yield "parameters", _thousands(metadata.get("metrics", {}).get("num_parameters"))
    yield "importance samples of `score`", metadata.get("num_importance_samples")
    yield "steps of `impute`", metadata.get("num_imputation_steps")


def _component(described: Config) -> str:
    """A Keras config in words: its class and the settings that say something."""
    if described["class_name"] == "Mirror":
        return "the encoder's mirror image"
    config = described["config"]
    inner = config.get("network")
    name = f"`{described['class_name']}`"
    dropped = ("name", "trainable", "dtype", "network", "seed")
    settings = [
        f"{key} {_plain(value)}"
        for key, value in config.items()
        if key not in dropped and value not in (None, 0, 0.0, False)
    ]
    policy = _policy(config.get("dtype"))
    if policy != "float32":
        settings.append(f"computed in {policy}")
    text = f"{name} ({', '.join(settings)})" if settings else name
    return f"{text} around {_component(inner)}" if inner else text


def _policy(dtype: Any) -> str:
    return dtype["config"]["name"] if isinstance(dtype, dict) else dtype or "float32"


def _plain(value: Any) -> object:
    if isinstance(value, (list, tuple)):
        return "-".join(map(str, value))
    return value["class_name"] if isinstance(value, dict) else value


def _data(metadata: Config, data: Config) -> Iterator[tuple[str, object]]:
    yield "name", data.get("name") or metadata.get("dataset") or "not stated"
    for key in ("url", "licence", "preprocessing"):
        yield {"url": "from"}.get(key, key), data.get(key)


def _training(metadata: Config) -> Iterator[tuple[str, object]]:
    settings = metadata.get("training", {})
    yield "seed", str(settings["seed"]) if "seed" in settings else None
    yield "epochs", metadata.get("metrics", {}).get("epochs")
    yield "code", metadata.get("git_revision") and f"git {metadata['git_revision']}"
    seconds = metadata.get("training_seconds")
    yield "time", seconds and f"{seconds / 60:.0f} minutes"
    yield "machine", metadata.get("machine")
    versions = metadata["versions"].items()
    yield "versions", ", ".join(f"{name} {n}" for name, n in versions if n)


def _command(card: Config, purpose: str) -> str | None:
    command = card.get(f"{purpose}_command")
    return command and f"    {command}"


def _metrics(metrics: Sequence[Config]) -> str:
    lines = [
        "| measure | reached | protocol | published |",
        "| --- | --- | --- | --- |",
    ]
    for metric in metrics:
        published = "; ".join(
            f"{each['name']}: {shown(each)} ({each['protocol']})"
            for each in metric.get("published", [])
        )
        cells = (metric["name"], f"**{shown(metric)}**", metric["protocol"], published)
        escaped = (cell.replace("|", "\\|") for cell in cells)
        lines.append(f"| {' | '.join(escaped)} |")
    return "\n".join(lines)


def _thousands(number: int | None) -> str | int | None:
    return number and f"{number:,}"
