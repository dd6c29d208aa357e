"""Which folders and versions a server gets, and which are refused."""

import pytest

from tests.server_files import make_versions
from vae_zoo.serving import next_step, served_models
from vae_zoo.serving.version_labels import ServedModel


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"stable": {"m": 3}}, (3, 3)),
        ({"stable": {"m": 1}}, (1, 3)),
        ({"canary": {"m": 2}}, (1, 2)),
        ({"canary": {"m": 1}}, (1, 1)),
        ({"stable": {"m": 3}, "canary": {"m": 1}}, (3, 1)),
    ],
)
def test_versions_can_be_chosen(tmp_path, wanted, expected):
    (model,) = served_models([make_versions(tmp_path / "m", [1, 2, 3])], **wanted)
    assert (model.stable, model.canary) == expected


def test_a_run_is_served_under_its_own_name(tmp_path):
    make_versions(tmp_path / "run" / "saved_model", [1])
    (model,) = served_models([tmp_path / "run"])
    assert (model.name, model.folder) == ("run", tmp_path / "run" / "saved_model")


def test_a_relative_folder_has_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(make_versions(tmp_path / "m", [1]))
    (model,) = served_models(["."])
    assert (model.name, model.folder) == ("m", tmp_path / "m")


def break_nothing(folder):
    pass


def remove_the_graph(folder):
    (folder / "3" / "saved_model.pb").unlink()


def remove_the_metadata(folder):
    (folder / "2" / "assets.extra" / "vae_zoo.json").unlink()


def break_the_metadata(folder):
    (folder / "2" / "assets.extra" / "vae_zoo.json").write_text("{}")


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        (break_nothing, {"stable": {"m": 4}}, r"`stable` must be a version of m: \[1"),
        (break_nothing, {"canary": {"n": 1}}, r"`canary` must name models.*'n'"),
        (remove_the_graph, {}, r"with a saved_model\.pb.*/m/3'"),
        (remove_the_metadata, {}, r"A SavedModel of vae_zoo must be.*/m/2'"),
        (break_the_metadata, {}, r"must be what `export` wrote"),
    ],
)
def test_what_cannot_be_served_is_refused(tmp_path, change, arguments, message):
    folder = make_versions(tmp_path / "m", [1, 2, 3])
    change(folder)
    with pytest.raises(ValueError, match=message):
        served_models([folder], **arguments)


@pytest.mark.parametrize(
    ("folders", "labels", "message"),
    [
        ("m", {}, "`folders` must be a list.*folders='m'"),
        (None, {}, "`folders` must be a list.*folders=None"),
        ([3], {}, "`folders` must be the path.*folders=3"),
        ([""], {}, "`folders` must be the path.*folders=''"),
        (["m"], {"stable": "m=1"}, "`stable` must be a dict.*stable='m=1'"),
        (["m"], {"stable": {"m": "1"}}, r"`stable\['m'\]` must be an integer.*'1'"),
        (["m"], {"canary": {"m": 1.5}}, r"`canary\['m'\]` must be an integer.*1.5"),
    ],
)
def test_what_are_no_folders_or_versions_is_refused(folders, labels, message):
    with pytest.raises(ValueError, match=message):
        served_models(folders, **labels)


def test_folders_that_cannot_be_served_are_refused(tmp_path):
    folder = make_versions(tmp_path / "m", [1])
    with pytest.raises(ValueError, match="each of another name"):
        served_models([folder, make_versions(tmp_path / "other" / "m", [1])])
    with pytest.raises(ValueError, match="each of another name"):
        served_models([])
    for none in (tmp_path, folder / "1", tmp_path / "nowhere"):
        with pytest.raises(ValueError, match="`folders` must hold versions.*none"):
            served_models([none])
    with pytest.raises(ValueError, match="`folders` must have names of letters"):
        served_models([make_versions(tmp_path / "a b", [1])])


@pytest.mark.parametrize(
    ("models", "output", "message"),
    [
        (None, "out", "`models` must be at least one.*None"),
        ([1], "out", "`models` must be a list of what `served_models` returns.*1"),
        ([ServedModel("m", None, 1, 1)], None, "`output` must be the path.*None"),
    ],
)
def test_of_what_is_no_model_there_is_no_next_step(models, output, message):
    with pytest.raises(ValueError, match=message):
        next_step(models, output)
