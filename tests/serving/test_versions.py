import json
import os
import pathlib
import threading

import pytest

from benchmarks import kill_exports
from tests import zoo_of_models
from vae_zoo import VAE, BetaVAE, atomic, export
from vae_zoo.serving import layout, saved_model

# Most of an export's time goes by signature.
FEW = {"signatures": ["decode"]}


def contents(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in pathlib.Path(folder).rglob("*")
        if path.is_file()
    }


def test_versions_count_up_and_appear_when_they_are_complete(tmp_path, monkeypatch):
    model = zoo_of_models.vae()
    directory = tmp_path / "served"
    with atomic.partial_folder(tmp_path) as folder:  # As of a process that is gone.
        name = folder.name.replace(f"-{os.getpid()}-", "-999999999-")
    (directory / name).mkdir(parents=True)
    rename, renamed = os.rename, []

    def recorded_rename(source, target):
        renamed.append((layout.versions(directory), contents(source)))
        rename(source, target)

    monkeypatch.setattr(os, "rename", recorded_rename)
    first, second = (export(model, directory, **FEW) for _ in range(2))
    assert renamed == [([], contents(first)), ([1], contents(second))]
    assert sorted(directory.iterdir()) == [directory / "1", directory / "2"]
    assert [first.name, second.name] == ["1", "2"]


def test_what_is_no_model_is_refused(tmp_path):
    with pytest.raises(ValueError, match="must be one of .* or the folder.*'nothing'"):
        VAE.from_preset("nothing")
    with pytest.raises(ValueError, match=r"must be a folder with saved_model\.pb"):
        VAE.from_preset(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"`directory` must be new.*'notes\.txt'"):
        export(zoo_of_models.vae(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    version = export(zoo_of_models.vae(), tmp_path / "vae", **FEW)
    with pytest.raises(ValueError, match=r"must hold a BetaVAE.*holds a VAE"):
        BetaVAE.from_preset(version)
    path = version / "assets.extra" / "vae_zoo.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"sha256": {}}))
    with pytest.raises(ValueError, match=r"saved_model\.pb' must have the sha256"):
        VAE.from_preset(version)
    for broken in ("{", json.dumps(content | {"sha256": []})):
        path.write_text(broken)
        with pytest.raises(ValueError, match=r"vae_zoo\.json' must be what `export`"):
            VAE.from_preset(version)


def test_a_failed_export_leaves_nothing(tmp_path, monkeypatch):
    def fail(*arguments):
        raise OSError("No space left on device")

    monkeypatch.setattr(saved_model, "write_warmup_requests", fail)
    with pytest.raises(OSError, match="No space left"):
        export(zoo_of_models.vae(), tmp_path / "m", **FEW)
    assert list((tmp_path / "m").iterdir()) == []


def test_metadata_is_json_without_numpy(tmp_path):
    metadata = {"dataset": "digits"}
    version = export(zoo_of_models.vae(), tmp_path / "m", metadata=metadata, **FEW)
    content = json.loads((version / "assets.extra" / "vae_zoo.json").read_text())
    assert content["dataset"] == "digits"


def test_a_killed_export_leaves_nothing_under_a_versions_name(tmp_path):
    # `benchmarks/kill_exports.py` kills fifty.
    result = kill_exports.run(tmp_path, kills=3)
    # Else there was nothing unfinished at these moments.
    assert sum(result["unfinished"].values()) > 0


def test_an_export_during_another_one_disturbs_neither(tmp_path, monkeypatch):
    write_warmup_requests = saved_model.write_warmup_requests
    models = [zoo_of_models.vae(), zoo_of_models.dropout_vae()]
    done = []

    def export_the_other(*arguments):
        monkeypatch.undo()
        done.append(export(models[1], tmp_path, **FEW))
        return write_warmup_requests(*arguments)

    monkeypatch.setattr(saved_model, "write_warmup_requests", export_the_other)
    done.append(export(models[0], tmp_path, **FEW))
    assert [version.name for version in done] == ["1", "2"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2"]
    for version, model in zip(done, reversed(models), strict=True):
        assert VAE.from_preset(version).get_config() == model.get_config()


def mkdir(folder):
    folder.mkdir()
    return folder


def test_exports_that_end_together_get_a_number_each(tmp_path):
    folders = [tmp_path / f".partial-{i}" for i in range(16)]
    for folder in folders:
        folder.mkdir()
        (folder / "model").write_text(folder.name)
        atomic.write_json(mkdir(folder / saved_model.EXTRA) / saved_model.METADATA, {})
    together = threading.Barrier(len(folders))
    published = {}

    def publish(folder):
        together.wait()
        published[folder.name] = saved_model._publish(folder, tmp_path, None)

    threads = [threading.Thread(target=publish, args=[folder]) for folder in folders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert layout.versions(tmp_path) == list(range(1, 17))
    for name, version in published.items():
        assert (version / "model").read_text() == name
