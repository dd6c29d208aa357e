import shutil
import threading
import time

import pytest
import tensorflow as tf

from vae_zoo import VAE, atomic, cli, export
from vae_zoo.cli.arguments import BAD_INPUT
from vae_zoo.components import networks
from vae_zoo.serving import saved_model

METADATA = "assets.extra/vae_zoo.json"


@pytest.fixture(scope="module")
def model():
    return VAE((3,), 2, encoder=networks.MLP((4,)))


@pytest.fixture
def export_decoder(model):
    """Exports the smallest signature alone."""

    def call(directory, **options):
        return export(model, directory, signatures=["decode"], **options)

    return call


def names(directory):
    return sorted(path.name for path in directory.iterdir())


def test_only_the_newest_versions_are_kept(export_decoder, tmp_path):
    for _ in range(3):
        export_decoder(tmp_path)
    assert export_decoder(tmp_path, keep=2).name == "4"
    assert names(tmp_path) == ["3", "4"]
    assert VAE.from_preset(tmp_path / "3").latent_dim == 2
    # The new one stays, whatever its number.
    assert export_decoder(tmp_path, version=1, keep=2).name == "1"
    assert names(tmp_path) == ["1", "4"]
    export_decoder(tmp_path, keep=1)
    assert names(tmp_path) == ["5"]


def test_nothing_is_removed_before_the_new_version_is_complete(
    export_decoder, tmp_path, monkeypatch
):
    export_decoder(tmp_path)

    def fail(*arguments):
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(atomic, "write_json", fail)
        with pytest.raises(OSError, match="no space left"):
            export_decoder(tmp_path, keep=1)
    assert names(tmp_path) == ["1"]


def test_a_removed_version_loses_its_name_first(tmp_path, monkeypatch):
    version = tmp_path / "1"
    version.mkdir()
    (version / "saved_model.pb").touch()
    # As if the process were killed before it deletes a file.
    monkeypatch.setattr(atomic.shutil, "rmtree", lambda *_, **__: None)
    atomic.remove_folder(version)
    (left,) = tmp_path.iterdir()
    assert atomic.is_partial(left)
    assert names(left) == ["saved_model.pb"]


def test_a_version_that_exists_is_refused(export_decoder, tmp_path):
    assert export_decoder(tmp_path, version=7).name == "7"
    before = (tmp_path / "7" / "fingerprint.pb").read_bytes()
    with pytest.raises(FileExistsError, match="version=7"):
        export_decoder(tmp_path, version=7)
    assert (tmp_path / "7" / "fingerprint.pb").read_bytes() == before
    assert export_decoder(tmp_path).name == "8"


def test_a_version_that_another_export_takes_meanwhile_is_refused(
    export_decoder, tmp_path, monkeypatch
):
    save = tf.saved_model.save
    theirs = export_decoder(tmp_path.parent / "theirs")
    before = (theirs / METADATA).read_text()

    def save_late(*arguments, **options):
        save(*arguments, **options)
        shutil.copytree(theirs, tmp_path / "7", dirs_exist_ok=True)

    monkeypatch.setattr(tf.saved_model, "save", save_late)
    with pytest.raises(FileExistsError, match="version=7"):
        export_decoder(tmp_path, version=7)
    assert names(tmp_path) == ["7"]
    assert (tmp_path / "7" / METADATA).read_text() == before
    # Without a number of its own it takes the next.
    assert export_decoder(tmp_path).name == "8"


@pytest.mark.parametrize("wanted", [["decode", "cluster"], []])
def test_a_signature_that_the_model_lacks_is_refused(model, tmp_path, wanted):
    with pytest.raises(ValueError, match="`signatures` must be some of"):
        export(model, tmp_path / "m", signatures=wanted)
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    "name", ["version", "keep", "num_importance_samples", "num_imputation_steps"]
)
@pytest.mark.parametrize("value", [0, 1.5, "3"])
def test_a_number_that_is_none_is_refused(model, tmp_path, name, value):
    message = f"`{name}` must be an integer >= 1.*{name}={value!r}"
    with pytest.raises(ValueError, match=message):
        export(model, tmp_path / "m", **{name: value})
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("name", ["2022", "007", "3", "README.md", "x.png"])
@pytest.mark.parametrize("is_folder", [True, False])
def test_a_folder_of_something_else_is_refused(
    export_decoder, tmp_path, name, is_folder
):
    mine = tmp_path / name
    if is_folder:
        mine.mkdir()
        mine = mine / "thesis.tex"
    mine.write_text("mine")
    with pytest.raises(ValueError, match=f"`directory` must be new.*{name!r}"):
        export_decoder(tmp_path, keep=1)
    assert mine.read_text() == "mine"
    assert names(tmp_path) == [name]


def test_of_two_exports_at_once_the_later_version_stays(tmp_path, monkeypatch):
    together = threading.Barrier(8)
    prune = saved_model._prune

    def prune_late(*arguments):
        time.sleep(0.05)  # Time enough for the others to publish, if they may.
        prune(*arguments)

    monkeypatch.setattr(saved_model, "_prune", prune_late)

    def publish(number):
        folder = tmp_path / f".partial-{number}"
        (folder / "assets.extra").mkdir(parents=True)
        (folder / METADATA).touch()
        together.wait()
        saved_model._publish(folder, tmp_path, None, keep=1)

    threads = [threading.Thread(target=publish, args=[i]) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names(tmp_path) == ["8"]


def test_the_command_line_takes_all_of_it(export_decoder, tmp_path, capsys):
    source, target = export_decoder(tmp_path / "source"), tmp_path / "target"
    words = ["export", str(source), str(target), "--signatures", "encode"]
    assert cli.main([*words, "--version", "3"]) == 0
    assert set(tf.saved_model.load(str(target / "3")).signatures) == {"encode"}
    assert cli.main([*words, "--version", "3"]) == BAD_INPUT
    assert "version=3" in capsys.readouterr().err
    assert cli.main([*words, "--keep", "1"]) == 0
    assert names(target) == ["4"]
