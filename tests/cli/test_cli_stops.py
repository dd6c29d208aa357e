"""Commands that are told to stop, and runs that resume."""

import os
import signal
import time

import keras
import pytest
from numpy.testing import assert_array_equal

from tests.small_runs import TINY, draw_nothing, export_one_signature
from vae_zoo.callbacks import RunCheckpoint
from vae_zoo.cli import commands, main
from vae_zoo.fitting import compilation
from vae_zoo.runs import termination


def test_a_run_is_stopped_resumed_and_extended(tmp_path, capsys, monkeypatch):
    whole, part = tmp_path / "whole", tmp_path / "part"
    draw_nothing(monkeypatch)
    export_one_signature(monkeypatch)

    def train(folder, epochs, *more):
        arguments = [*TINY, "--epochs", str(epochs), "--output", str(folder), *more]
        code = main(["train", "vae", *arguments])
        return code, *capsys.readouterr()

    def interrupt(self, epoch, logs):
        on_epoch_end(self, epoch, logs)
        raise KeyboardInterrupt

    assert train(whole, 4, "--quiet") == (0, "", "")
    on_epoch_end = RunCheckpoint.on_epoch_end
    with monkeypatch.context() as patch:
        patch.setattr(RunCheckpoint, "on_epoch_end", interrupt)
        code, out, err = train(part, 2)
    assert code == 130
    # Grey values are no data of a Bernoulli likelihood, and no note says that they are.
    assert "x ~ Bernoulli(x) anew" in out
    assert err == (
        "vae-zoo: interrupted: stopped in epoch 2 of 2, with 1 epoch saved; the same "
        f"command resumes the run in '{part}'\n"
    )
    code, out, err = train(part, 2)
    assert (code, err) == (0, "")
    assert out.startswith(f"{part}: resuming from epoch 2 of 2\n")
    # Two epochs were too short for XLA, and more of them do not change how it computes.
    monkeypatch.setattr(compilation, "STEPS_TO_WIN_BACK", 1)
    code, out, err = train(part, 4)
    assert (code, err) == (0, "")
    assert out.startswith(f"{part}: resuming from epoch 3 of 4\n")
    assert "all 4 epochs are done" in train(part, 4)[1]
    models = [keras.models.load_model(f / "model.keras") for f in (whole, part)]
    assert [model.jit_compile for model in models] == [False, False]
    for a, b in zip(*(model.weights for model in models), strict=True):
        assert_array_equal(a, b)
    for name in ("history.csv", "metrics.json", "run.json"):
        assert (part / name).read_text() == (whole / name).read_text()
    assert {path.name for path in (part / "saved_model").iterdir()} == {"1", "2"}
    code, _, err = train(part, 3)
    assert code == 2
    assert "holds a run with --epochs=4" in err


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_sigterm_ends_a_command_also_where_python_drops_exceptions(monkeypatch):
    class Dropping:
        def __del__(self):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.1)

    def work(options):
        del options
        dropping = Dropping()
        del dropping
        time.sleep(60)

    monkeypatch.setattr(commands, "RUNS", {**commands.RUNS, "list": work})
    monkeypatch.setattr(termination, "SECONDS_TO_CLEAN_UP", 0.2)
    assert main(["list"]) == commands.TERMINATED
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
