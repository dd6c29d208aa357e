import functools
import json
import math

import pytest

from vae_zoo import VAE, export
from vae_zoo.components import networks
from vae_zoo.serving.layout import read_metadata
from vae_zoo.zoo.model_card import model_card, shown

METRIC = {
    "name": "-log p(x)",
    "value": 88.068,
    "standard_error": 0.238,
    "unit": "nats",
    "protocol": "static, 5000 samples",
    "published": [
        {"name": "Burda et al. 2016", "value": 88.71, "protocol": "static, 5000"}
    ],
}
CARD = {
    "summary": "Digits by dense layers.",
    "data": {"name": "binarized MNIST", "licence": "none stated", "url": "somewhere"},
    "training_command": "vae-zoo train vae --dataset binarized_mnist",
    "evaluation_command": "vae-zoo evaluate small",
    "metrics": [METRIC],
    "pictures": [{"file": "samples.png", "caption": "Draws."}],
    "use": "To look at.",
    "limits": "Many.",
}


@pytest.fixture(scope="module", autouse=True)
def _one_signature():
    """Cards say nothing of signatures, whose tracing takes most of the time."""
    few = functools.partial(export, signatures=["decode"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vae_zoo.zoo.publishing.export", few)
        yield


@pytest.fixture(scope="module")
def model():
    return VAE((4, 3), 2, encoder=networks.MLP((8,), dtype="mixed_bfloat16"))


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    directory = tmp_path_factory.mktemp("presets") / "small"
    metadata = {
        "card": CARD,
        "training": {"seed": 7},
        "training_seconds": 180,
        "machine": "2 CPU cores",
        "git_revision": "abc123",
        "metrics": {"epochs": 20, "num_parameters": 12345},
    }
    return model.save_to_preset(directory, metadata)


def test_a_preset_of_ones_own_loads_and_has_its_card(model, folder):
    assert folder.name == "1"
    loaded = VAE.from_preset(folder.parent)
    assert loaded.sample(2, seed=0).shape == (2, 4, 3)
    for a, b in zip(model.get_weights(), loaded.get_weights(), strict=True):
        assert (a == b).all()
    text = (folder.parent / "README.md").read_text()
    assert text == model_card("small", read_metadata(folder))
    for part in (
        "# small\n\nDigits by dense layers.",
        "![Draws.](samples.png)",
        'vae_zoo.VAE.from_preset("small")',
        "input: 4 x 3",
        "computed in mixed_bfloat16",
        "parameters: 12,345",
        "seed: 7",
        "code: git abc123",
        "time: 3 minutes",
        "machine: 2 CPU cores",
        "licence: none stated",
        "    vae-zoo train vae --dataset binarized_mnist",
        "    vae-zoo evaluate small",
        "| -log p(x) | **88.07 ± 0.24 nats** | static, 5000 samples | "
        "Burda et al. 2016: 88.71 (static, 5000) |",
        "## Intended use\n\nTo look at.",
        "## Limits\n\nMany.",
    ):
        assert part in text, part


def test_what_is_not_known_is_not_made_up(model, tmp_path):
    model.save_to_preset(tmp_path / "own")
    text = (tmp_path / "own" / "README.md").read_text()
    assert "None was measured." in text
    assert "time:" not in text
    assert "None" not in text.replace("None was measured.", "")


def test_a_second_version_renews_the_card(model, tmp_path):
    directory = tmp_path / "own"
    model.save_to_preset(directory)
    (directory / "samples.png").write_bytes(b"a picture")
    second = model.save_to_preset(directory, {"card": CARD})
    assert second.name == "2"
    assert "Digits by dense layers." in (directory / "README.md").read_text()


@pytest.mark.parametrize("missing", ["name", "value", "protocol"])
@pytest.mark.parametrize("is_published", [False, True])
def test_a_figure_without_its_protocol_is_refused(
    model, tmp_path, missing, is_published
):
    card = json.loads(json.dumps(CARD))
    figure = card["metrics"][0]
    figure = figure["published"][0] if is_published else figure
    del figure[missing]
    with pytest.raises(ValueError, match=f"without {missing}"):
        model.save_to_preset(tmp_path / "own", {"card": card})
    assert not (tmp_path / "own").exists()


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"protocol": " "}, "without protocol"),
        ({"value": "88"}, "value .* must be a finite number"),
        ({"value": math.nan}, "value .* must be a finite number"),
        ({"standard_error": "2"}, "standard_error .* must be a finite number"),
    ],
)
def test_a_figure_that_says_nothing_is_refused(model, tmp_path, changes, match):
    card = {"metrics": [{**CARD["metrics"][0], **changes}]}
    with pytest.raises(ValueError, match=match):
        model.save_to_preset(tmp_path / "own", {"card": card})
    card = {"pictures": [{"file": "samples.png"}]}
    with pytest.raises(ValueError, match="without caption"):
        model.save_to_preset(tmp_path / "own", {"card": card})
    assert not (tmp_path / "own").exists()


@pytest.mark.parametrize(
    ("metric", "text"),
    [
        ({"value": 88.068}, "88.07"),
        ({"value": 88.068, "standard_error": 0.2}, "88.07 ± 0.20"),
        ({"value": 95.1, "unit": "%", "digits": 1}, "95.1 %"),
    ],
)
def test_figures_are_shown_with_error_and_unit(metric, text):
    assert shown(metric) == text


@pytest.mark.parametrize(
    ("card", "message"),
    [
        ("a card", "`card` must be a dict. Received: card='a card'"),
        ({"metrics": METRIC}, r"`card\['metrics'\]` must be a list"),
        ({"metrics": ["88"]}, r"`card\['metrics'\]` must be a list of dicts.*'88'"),
        ({"metrics": [{**METRIC, "published": ["88"]}]}, "figure of the card.*'88'"),
        ({"metrics": [{**METRIC, "published": METRIC}]}, "published.* must be a list"),
        ({"metrics": [{**METRIC, "value": True}]}, "value .* must be a finite number"),
        ({"metrics": [{**METRIC, "digits": 1.5}]}, "`digits` must be an integer >= 0"),
        ({"pictures": ["samples.png"]}, "picture of the card.*'samples.png'"),
        ({"pictures": {"file": "a.png"}}, r"`card\['pictures'\]` must be a list"),
        ({"summary": 3}, r"`card\['summary'\]` must be text. Received: .*=3"),
        ({"data": "mnist"}, r"`card\['data'\]` must be a dict.*'mnist'"),
        ({"data": {"url": None}}, r"`card\['data'\]\['url'\]` must be text.*None"),
    ],
)
def test_a_part_of_another_kind_is_refused(model, tmp_path, card, message):
    with pytest.raises(ValueError, match=message):
        model.save_to_preset(tmp_path / "own", {"card": card})
    assert not (tmp_path / "own").exists()


@pytest.mark.parametrize(
    ("directory", "metadata", "message"),
    [
        (None, None, "`directory` must be the path of a folder.*directory=None"),
        ("", None, "`directory` must be the path of a folder.*directory=''"),
        (3, None, "`directory` must be the path of a folder.*directory=3"),
        ("own", "mnist", "`metadata` must be a dict or None.*metadata='mnist'"),
        ("own", {"a": object()}, "`metadata` must be made of what JSON can hold"),
        ("own", {"card": None}, "`card` must be a dict. Received: card=None"),
    ],
)
def test_what_cannot_be_saved_leaves_nothing(
    model, tmp_path, monkeypatch, directory, metadata, message
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=message):
        model.save_to_preset(directory, metadata)
    if not (isinstance(metadata, dict) and "card" in metadata):
        with pytest.raises(ValueError, match=message):
            export(model, directory, metadata=metadata)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("figure", [None, {}, {"value": "88"}, {"value": math.nan}])
def test_a_figure_that_is_none_is_not_shown(figure):
    with pytest.raises(ValueError, match="figure"):
        shown(figure)


@pytest.mark.parametrize(
    ("name", "metadata", "message"),
    [
        (None, {}, "`name` must be the model's name. Received: None"),
        ("m", None, "`metadata` must be the content of a `vae_zoo.json`.*None"),
        ("m", {}, "`metadata` must be the content of .*without 'class'"),
    ],
)
def test_a_card_of_nothing_is_refused(name, metadata, message):
    with pytest.raises(ValueError, match=message):
        model_card(name, metadata)
