import pytest
import tensorflow as tf

from vae_zoo import VAE, atomic, cli, export
from vae_zoo.components import networks


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

    def save_late(*arguments, **options):
        save(*arguments, **options)
        (tmp_path / "7").mkdir(exist_ok=True)
        (tmp_path / "7" / "saved_model.pb").touch()

    monkeypatch.setattr(tf.saved_model, "save", save_late)
    with pytest.raises(FileExistsError, match="version=7"):
        export_decoder(tmp_path, version=7)
    assert names(tmp_path) == ["7"]
    assert names(tmp_path / "7") == ["saved_model.pb"]
    # Without a number of its own it takes the next.
    assert export_decoder(tmp_path).name == "8"


@pytest.mark.parametrize("wanted", [["decode", "cluster"], []])
def test_a_signature_that_the_model_lacks_is_refused(model, tmp_path, wanted):
    with pytest.raises(ValueError, match="`signatures` must be some of"):
        export(model, tmp_path / "m", signatures=wanted)
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("name", ["version", "keep"])
def test_a_number_that_is_none_is_refused(model, tmp_path, name):
    with pytest.raises(ValueError, match=f"`{name}` must be at least 1"):
        export(model, tmp_path / "m", **{name: 0})
    assert not (tmp_path / "m").exists()


def test_the_command_line_takes_all_of_it(export_decoder, tmp_path, capsys):
    source, target = export_decoder(tmp_path / "source"), tmp_path / "target"
    words = ["export", str(source), str(target), "--signatures", "encode"]
    assert cli.main([*words, "--version", "3"]) == 0
    assert set(tf.saved_model.load(str(target / "3")).signatures) == {"encode"}
    assert cli.main([*words, "--version", "3"]) == cli.BAD_INPUT
    assert "version=3" in capsys.readouterr().err
    assert cli.main([*words, "--keep", "1"]) == 0
    assert names(target) == ["4"]
