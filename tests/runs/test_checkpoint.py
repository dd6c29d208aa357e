import math

import pytest

from vae_zoo.callbacks import RunCheckpoint, read_history


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("folder", [None, "", 3, b"run"]),
        ("steps_per_epoch", [None, 0, -1, 2.5, "3", True]),
        ("seconds_between", [None, -1, "10", math.nan, math.inf, True]),
        ("is_writer", [None, 1, "yes"]),
    ],
)
def test_bad_arguments(name, values, tmp_path):
    for value in values:
        arguments = {"folder": tmp_path, "steps_per_epoch": 3, name: value}
        with pytest.raises(ValueError, match=f"`{name}` must .*Received"):
            RunCheckpoint(**arguments)


def test_a_history_that_is_not_there_has_no_rows(tmp_path):
    assert read_history(tmp_path / "history.csv") == []
    with pytest.raises(ValueError, match="`path` must be a path"):
        read_history(None)
