"""What `serve-config` does to its folder, at first, once more, and when it fails."""

import math
import pathlib
import subprocess
import sys

import pytest

from tests.server_files import (
    FILES,
    make_versions,
    read_compose,
    read_kubernetes,
    read_models,
)
from vae_zoo import atomic
from vae_zoo.cli.commands import RUNS
from vae_zoo.cli.options import build_parser
from vae_zoo.serving import served_models, write_server_config


def checksums(folder):
    template = read_kubernetes(folder)["Deployment"]["spec"]["template"]
    annotation = template["metadata"]["annotations"]["checksum/config"]
    assert read_compose(folder)["labels"]["config-sha256"] == annotation
    return annotation


def test_another_configuration_starts_the_server_anew(tmp_path):
    folder, output = make_versions(tmp_path / "m", [1, 2]), tmp_path / "out"
    write_server_config(served_models([folder]), output)
    before = checksums(output)
    write_server_config(served_models([folder]), output)
    assert checksums(output) == before
    write_server_config(served_models([folder], stable={"m": 2}), output)
    assert checksums(output) != before
    assert dict(read_models(output)["m"].version_labels)["stable"] == 2
    assert sorted(path.name for path in output.iterdir()) == FILES


def test_the_folder_that_a_container_has_mounted_stays(tmp_path):
    folder, output = make_versions(tmp_path / "m", [1]), tmp_path / "out"
    output.mkdir()
    before = output.stat().st_ino
    write_server_config(served_models([folder]), output)
    write_server_config(served_models([folder]), output)
    assert output.stat().st_ino == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m", "out"]


def test_any_folder_can_be_mounted(tmp_path):
    parent = tmp_path / "ä $HOME \"quoted\" 'too': # \\ {{ name }}"
    folder = make_versions(parent / "m", [1])
    write_server_config(served_models([folder]), tmp_path / "out")
    (volume,) = (
        volume
        for volume in read_compose(tmp_path / "out")["volumes"]
        if volume["target"] == "/models/m"
    )
    assert volume["source"].replace("$$", "$") == str(folder)
    assert "$" not in volume["source"].replace("$$", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "Zoo"}, "`name` must be of lower-case letters"),
        ({"name": "a" * 51}, "`name` must be"),
        ({"image": 'x"\ny: z'}, "`image` must be"),
        ({"max_batch_size": 0}, "`max_batch_size` must be an integer >= 1"),
        ({"cpus": 0}, "`cpus` must be an integer >= 1"),
        ({"cpus": math.nan}, "`cpus` must be an integer >= 1.*cpus=nan"),
        ({"memory_gib": "2"}, "`memory_gib` must be.*memory_gib='2'"),
        ({"rest_threads": 2.5}, "`rest_threads` must be.*rest_threads=2.5"),
        ({"max_replicas": None}, "`max_replicas` must be.*max_replicas=None"),
        ({"min_replicas": True}, "`min_replicas` must be.*min_replicas=True"),
        ({"name": None}, "`name` must be.*Received: None"),
        ({"image": 3}, "`image` must be the name of an image. Received: 3"),
        ({"proxy_image": ""}, "`proxy_image` must be the name of an image"),
        ({"at_once": 1}, "`at_once` must be True or False"),
        ({"min_replicas": 11}, "`min_replicas` must be at most `max_replicas`"),
    ],
)
def test_bad_settings_write_nothing(tmp_path, arguments, message):
    models = served_models([make_versions(tmp_path / "m", [1])])
    with pytest.raises(ValueError, match=message):
        write_server_config(models, tmp_path / "out", **arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


@pytest.mark.parametrize("models", [None, [], "m", 3, ["m"], [None]])
def test_what_are_no_models_is_refused(tmp_path, models):
    with pytest.raises(ValueError, match="`models` must be.*`served_models` returns"):
        write_server_config(models, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("output", [None, "", 3, b"out"])
def test_what_is_no_folder_is_refused(tmp_path, output):
    models = served_models([make_versions(tmp_path / "m", [1])])
    with pytest.raises(ValueError, match="`output` must be the path of a folder"):
        write_server_config(models, output)
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="`output` must be a folder.*a file"):
        write_server_config(models, tmp_path / "file")


@pytest.mark.parametrize("name", ["notes.txt", "compose.yaml"])
def test_foreign_files_stay(tmp_path, name):
    models = served_models([make_versions(tmp_path / "m", [1])])
    output = tmp_path / "out"
    write_server_config(models, output)
    (output / name).write_text("mine")
    before = {path.name: path.read_text() for path in output.iterdir()}
    with pytest.raises(ValueError, match=f"`output` must be new.*'{name}'"):
        write_server_config(models, output, name="another")
    assert {path.name: path.read_text() for path in output.iterdir()} == before


@pytest.mark.parametrize("is_new", [True, False])
def test_a_failed_write_changes_nothing(tmp_path, monkeypatch, is_new):
    models = served_models([make_versions(tmp_path / "m", [1])])
    output = tmp_path / "out"
    if not is_new:
        write_server_config(models, output)
        before = {path.name: path.read_text() for path in output.iterdir()}

    def fail(path, text, encoding):
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(pathlib.Path, "write_text", fail)
        with pytest.raises(OSError, match="No space left"):
            write_server_config(models, output, name="another")
    if is_new:
        assert not output.exists()
    else:
        assert {path.name: path.read_text() for path in output.iterdir()} == before
    assert not [path for path in tmp_path.iterdir() if atomic.is_partial(path)]


def test_no_tensorflow_is_needed(tmp_path):
    folder = make_versions(tmp_path / "m", [1])
    program = (
        "import sys\nfrom vae_zoo.cli import main\n"
        "assert main(['serve-config', *sys.argv[1:]]) == 0\n"
        "heavy = {'tensorflow', 'keras', 'numpy', 'google.protobuf'} & set(sys.modules)"
        "\nassert not heavy, heavy\n"
    )
    arguments = [str(folder), "--output", str(tmp_path / "out")]
    result = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("command", sorted(RUNS))
def test_help_says_a_default_once(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "1000")
    with pytest.raises(SystemExit):
        build_parser(RUNS).parse_args([command, "--help"])
    for line in capsys.readouterr().out.splitlines():
        assert line.lower().count("(default") <= 1, line
