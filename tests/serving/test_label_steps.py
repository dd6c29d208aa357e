"""How labels move: a running server first loads a version, then takes its label."""

import shutil

import pytest

from tests.server_files import make_versions, read_models
from vae_zoo import cli
from vae_zoo.serving import next_step, served_models, write_server_config


class RunningServer:
    """What TF Serving makes of a `models.config` that changes while it runs.

    As in `ServerCore::ReloadConfig`: versions that are listed are loaded afterwards,
    others dropped, and all labels stay as they are if one of them would move to a
    version that is not loaded yet.
    """

    def __init__(self, folder):
        (config,) = read_models(folder).values()
        self.labels = dict(config.version_labels)
        self.loaded = set(config.model_version_policy.specific.versions)

    def read(self, folder):
        """Whether the labels were taken."""
        (config,) = read_models(folder).values()
        labels = dict(config.version_labels)
        is_taken = all(
            version in self.loaded or self.labels.get(label, version) == version
            for label, version in labels.items()
        )
        self.labels = labels if is_taken else self.labels
        self.loaded = set(config.model_version_policy.specific.versions)
        return is_taken

    def answers(self):
        """Whether a request by either label finds its version."""
        return set(self.labels.values()) <= self.loaded


@pytest.fixture
def output(tmp_path):
    return tmp_path / "serving"


def write(folder, output, **options):
    write_server_config(served_models([folder], **options), output)


def test_a_new_version_is_loaded_before_it_gets_its_label(tmp_path, output):
    folder = make_versions(tmp_path / "m", [1, 2])
    write(folder, output)
    server = RunningServer(output)
    assert server.labels == {"stable": 1, "canary": 2}
    make_versions(folder, [3])
    write(folder, output)
    assert server.read(output)
    assert server.answers()
    assert server.labels == {"stable": 1, "canary": 2}
    assert server.loaded == {1, 2, 3}
    write(folder, output)
    assert server.read(output)
    assert server.answers()
    assert server.labels == {"stable": 2, "canary": 3}
    assert server.loaded == {2, 3}
    # What has been reached stays.
    before = (output / "models.config").read_bytes()
    write(folder, output)
    assert (output / "models.config").read_bytes() == before


def test_in_one_step_labels_would_be_refused_and_requests_fail(tmp_path, output):
    # Or else there were no need for two.
    folder = make_versions(tmp_path / "m", [1, 2])
    write(folder, output)
    server = RunningServer(output)
    make_versions(folder, [3])
    write_server_config(served_models([folder]), output, at_once=True)
    assert not server.read(output)
    assert not server.answers()


def test_labels_go_back_in_two_steps_too(tmp_path, output):
    folder = make_versions(tmp_path / "m", [1, 2, 3])
    write(folder, output)
    server = RunningServer(output)
    for expected in ({"stable": 2, "canary": 3}, {"stable": 1, "canary": 3}):
        write(folder, output, stable={"m": 1})
        assert server.read(output)
        assert server.answers()
        assert server.labels == expected


def test_a_label_among_loaded_versions_moves_in_one_step(tmp_path, output):
    folder = make_versions(tmp_path / "m", [1, 2])
    write(folder, output)
    (model,) = next_step(served_models([folder], stable={"m": 2}), output)
    assert (model.stable, model.canary, model.versions) == (2, 2, [2])


def test_what_is_gone_from_the_disk_keeps_no_label(tmp_path, output):
    folder = make_versions(tmp_path / "m", [1, 2])
    write(folder, output)
    make_versions(folder, [3, 4])
    shutil.rmtree(folder / "1")
    wanted = served_models([folder])
    assert next_step(wanted, output) == wanted


def test_new_models_and_new_folders_get_their_labels_at_once(tmp_path, output):
    first = make_versions(tmp_path / "m", [1, 2])
    assert next_step(served_models([first]), output) == served_models([first])
    write(first, output)
    both = served_models([first, make_versions(tmp_path / "n", [5])])
    assert next_step(both, output) == both


def test_the_command_says_what_comes_next(tmp_path, output, capsys):
    folder = make_versions(tmp_path / "m", [1, 2])
    command = ["serve-config", str(folder), "--output", str(output)]
    assert cli.main(command) == 0
    make_versions(folder, [3])
    capsys.readouterr()
    assert cli.main(command) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "m: stable 1, canary 2"
    assert "loads version 3 now" in printed[1]
    assert "labels to stable 2, canary 3" in printed[1]
    assert cli.main(command) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "m: stable 2, canary 3"
    assert "loads version" not in printed[1]
    make_versions(folder, [4])
    assert cli.main([*command, "--at-once"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "m: stable 3, canary 4"
