"""Runs whose folder holds damaged files, or whose disk is full."""

import contextlib
import errno
import resource
import shutil
import zipfile

import keras
import pytest

from vae_zoo import VAE, atomic
from vae_zoo.callbacks import BestWeights, RunCheckpoint, read_history
from vae_zoo.components import networks
from vae_zoo.runs import folder as run_folder, model as run_model
from vae_zoo.runs.interrupted_epoch import MEMBER
from vae_zoo.runs.plan import Plan

STEPS_PER_EPOCH = 4
PLAN = Plan(model="vae", options={}, dataset="digits")


def small(units=3):
    model = VAE((3,), 1, encoder=networks.MLP((units,)), seed=1)
    model.compile(keras.optimizers.Adam(), jit_compile=False)
    return model


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder with what a run of two epochs leaves of its training."""
    folder = tmp_path_factory.mktemp("saved")
    model = small()
    model.optimizer.build(model.trainable_variables)
    model.optimizer.iterations.assign(2 * STEPS_PER_EPOCH)
    checkpoint = RunCheckpoint(folder, STEPS_PER_EPOCH)
    checkpoint.set_model(model)
    checkpoint.seconds = 3.0
    checkpoint.save()
    model.save_weights(folder / "best.weights.h5")
    (folder / "history.csv").write_text("epoch,loss\n1,2.5\n2,2.0\n")
    return folder


@pytest.fixture
def folder(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "run")


def resumed(folder):
    checkpoint = RunCheckpoint(folder, STEPS_PER_EPOCH)
    checkpoint.resume(run_model.load(folder / "model.keras"))
    return checkpoint


def halve(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def overwrite_the_middle(path):
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 200] = b"x" * 200
    path.write_bytes(data)


def without(member):
    def rewrite(path):
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        del members[member]
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)

    return rewrite


def with_member(content):
    def add(path):
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(MEMBER, content)

    return add


def replace_by(model):
    return lambda path: model.save(path)


def test_what_is_whole_is_resumed(folder):
    checkpoint = resumed(folder)
    assert checkpoint.rows == [{"epoch": 1, "loss": 2.5}, {"epoch": 2, "loss": 2.0}]
    assert checkpoint.seconds == 3


@pytest.mark.parametrize("content", ["[]", "null", "{", "", "\0", "[" * 100_000])
def test_damaged_settings_are_named(content, folder):
    path = folder / "run.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=f"'{path}' must hold the settings of a run"):
        run_folder.check(folder, PLAN)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match=f"'{path}'.*start anew in another folder"):
        run_folder.check(folder, PLAN)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "epoch,loss\n",
        "a,b\n1,2\n",
        "epoch,loss\n1,x\n",
        "epoch,loss\n1,2\n2\n",
        "epoch,loss\n1,2\n2,3,4\n",
        "epoch,loss\n1,2\n3,4\n",
        "epoch,loss\n1.0,2\n",
        "\0\0",
    ],
)
def test_a_damaged_history_is_named(content, folder):
    path = folder / "history.csv"
    path.write_text(content)
    with pytest.raises(ValueError, match=f"'{path}' must be the table that a run"):
        read_history(path)
    with pytest.raises(ValueError, match=f"'{path}'.*put back a copy"):
        resumed(folder)


def test_a_history_behind_its_model_is_named(folder):
    path = folder / "history.csv"
    path.write_text("epoch,loss\n1,2.5\n")
    with pytest.raises(ValueError, match=f"'{path}'.*each of the 2.*Received: 1 row"):
        resumed(folder)
    path.unlink()
    with pytest.raises(ValueError, match=f"'{path}'.*each of the 2.*Received: 0 row"):
        resumed(folder)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"seconds": "x"}', "3"])
def test_a_damaged_timing_is_named(content, folder):
    path = folder / "timing.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=f"'{path}' must hold the seconds.*remove it"):
        resumed(folder)
    path.unlink()
    assert resumed(folder).seconds == 0


@pytest.mark.parametrize(
    "damage",
    [
        halve,
        overwrite_the_middle,
        without("config.json"),
        without("model.weights.h5"),
        with_member("{"),
        with_member('{"steps_per_epoch": 4}'),
        with_member('{"steps_per_epoch": 4, "steps_at_once": 0, "metrics": []}'),
        with_member('{"steps_per_epoch": 4, "steps_at_once": 1, "metrics": [1]}'),
        replace_by(keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])),
    ],
)
def test_a_damaged_model_is_named(damage, folder):
    path = folder / "model.keras"
    damage(path)
    with pytest.raises(ValueError, match=f"'{path}' must hold a model.*damaged"):
        resumed(folder)


def test_damaged_weights_of_the_best_epoch_are_named(folder):
    best = BestWeights(folder, patience=3)
    best.resume([{"epoch": 1, "val_loss": 2.0}], small())
    best.restore(small())
    with pytest.raises(ValueError, match=f"'{best.path}' must hold the model's weigh"):
        best.restore(small(units=4))
    for damage in (halve, lambda path: path.unlink()):
        damage(best.path)
        with pytest.raises(ValueError, match=f"'{best.path}'.*epoch 1.*damaged"):
            best.restore(small())


@contextlib.contextmanager
def files_up_to(size):
    """Within it no file grows beyond so many bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("number", ["ENOSPC", "EDQUOT", "EIO"])
def test_what_cannot_be_written_is_named(number, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(OSError, match=f"'{path}'"), atomic.whole_file(path):
        raise OSError(getattr(errno, number), "as of a disk")
    with pytest.raises(OSError, match=f"'{tmp_path}'"), atomic.partial_folder(tmp_path):
        raise OSError(getattr(errno, number), "as of a disk")
    with pytest.raises(OSError, match="Is a directory: 'b'"), atomic.whole_file(path):
        raise IsADirectoryError(errno.EISDIR, "Is a directory", "b")
    assert [each.read_text() for each in tmp_path.iterdir()] == ["old"]


def test_a_full_disk_names_the_file_and_keeps_what_was_there(folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    checkpoint = RunCheckpoint(folder, STEPS_PER_EPOCH)
    checkpoint.set_model(small())
    checkpoint.rows = [{"epoch": 1, "loss": 1.0}]
    for size, name, write in (
        (20_000, "model.keras", checkpoint.save),
        (5, "history.csv", checkpoint._write_history),
        (5, "run.json", lambda: run_folder.claim(folder, PLAN)),
    ):
        message = f"'{folder / name}'"
        with pytest.raises(OSError, match=message), files_up_to(size):
            write()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
