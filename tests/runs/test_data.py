import dataclasses
import json

import numpy as np
import pytest

from vae_zoo.cli import checks as cli_checks
from vae_zoo.cli.options import build_parser
from vae_zoo.runs import (
    data as run_data,
    folder as run_folder,
    settings as run_settings,
)

RANGES = {"split": "train[:90%]", "validation_split": "train[90%:]"}


def plan_of(*arguments):
    """The plan of a run that the command line makes of its arguments."""
    runs = dict.fromkeys(("list", "train", "evaluate", "sample", "plot", "export"))
    command = ["train", "vae", "--output", "run", "--dataset", *arguments]
    command += ["--binarize", "none"]
    options = build_parser({**runs, "serve-config": None}).parse_args(command)
    return run_settings.completed(cli_checks.settings_of(options))


@pytest.fixture
def table(tmp_path):
    x = np.arange(40, dtype=np.float32).reshape(20, 2) / 40
    np.savez(tmp_path / "x.npz", x=x, y=np.repeat([0, 1], 10))
    return str(tmp_path / "x.npz")


def test_by_default_a_tenth_of_each_class_is_held_out(table, capsys):
    plan = plan_of(table)
    sources = run_data.open_sources(plan)
    train, validation = sources["train"], sources["validation"]
    assert sorted(validation.classes[validation.indices]) == [0, 1]
    assert sorted([*train.indices, *validation.indices]) == list(range(20))
    # Whatever the seed, and in whichever process: it is in no run's settings.
    other = run_data.open_sources(dataclasses.replace(plan, seed=7))["validation"]
    np.testing.assert_array_equal(other.indices, validation.indices)
    assert not capsys.readouterr().err


def test_workers_share_the_batches_of_a_drawn_part(table):
    plan = plan_of(table, "--batch-size", "7")
    train = run_data.open_sources(plan)["train"]
    whole = list(run_data.training_batches(plan, train, first_epoch=3).take(3))
    shares = [
        run_data.training_batches(
            plan,
            train,
            first_epoch=3,
            replicas=range(worker, worker + 1),
            num_replicas=2,
        ).take(3)
        for worker in range(2)
    ]
    for batch, *parts in zip(whole, *shares, strict=True):
        for worker, part in enumerate(parts):
            np.testing.assert_array_equal(part, batch[worker::2])


def test_a_run_of_an_earlier_version_keeps_its_data(table, tmp_path):
    new = plan_of(table)
    named = dataclasses.replace(new, **RANGES)
    assert run_data.open_sources(named)["validation"].indices == range(18, 20)
    later = ("image_size", "image_fit", "max_gib")
    settings = run_folder.recorded(named)
    old = {key: value for key, value in settings.items() if key not in later}
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text(json.dumps(old))
    (tmp_path / "run" / "model.keras").write_bytes(b"")
    # With the ranges named it resumes, else it says so.
    run_folder.check(tmp_path / "run", named)
    with pytest.raises(ValueError, match=r"a run with split='train\[:90%\]'"):
        run_folder.check(tmp_path / "run", new)


def test_a_run_of_another_version_is_refused(table, tmp_path):
    plan = plan_of(table)
    settings = run_folder.recorded(plan)
    (tmp_path / "model.keras").write_bytes(b"")
    without = {k: v for k, v in settings.items() if k != "shear"}
    # It had options for networks that it had not, or lacks one of today's.
    for name, found in (("filters", {**settings, "filters": [8]}), ("shear", without)):
        (tmp_path / "run.json").write_text(json.dumps(found))
        with pytest.raises(ValueError, match=f"of another version .*`{name}`"):
            run_folder.check(tmp_path, plan)
        # An option that differs is named first.
        other = dataclasses.replace(plan, seed=3)
        with pytest.raises(ValueError, match="holds a run with seed=0"):
            run_folder.check(tmp_path, other)


def test_validation_on_what_was_trained_on_is_said(table, capsys):
    run_data.open_sources(plan_of(table, "--split", "train"))
    note = "2 of the 2 examples of --validation-split 'train[held-out]' are among"
    assert note in capsys.readouterr().err
