import json

import keras
import pytest
from numpy.testing import assert_array_equal

from tests.small_runs import draw_nothing, export_one_signature
from vae_zoo import BetaVAE
from vae_zoo.callbacks import BestWeights, RunCheckpoint, read_history
from vae_zoo.cli import main

# A rate so high that the validation loss soon goes up and down.
RUN = [
    *("train", "beta-vae", "--dataset", "digits", "--latent-dim", "3"),
    *("--hidden-units", "8", "--learning-rate", "0.1", "--batch-size", "256"),
    *("--epochs", "60", "--patience", "2", "--warmup-epochs", "3"),
    *("--seconds-between-checkpoints", "0"),
]


class Model(keras.Model):
    """Counts how often its weights are saved."""

    num_saved = 0
    stop_training = False

    def save_weights(self, path):
        self.num_saved += 1


def test_patience_counts_epochs_after_the_warm_up(tmp_path):
    losses = [1.0, 0.5, 9.0, 8.0, 8.5, 8.0, 7.9, 8.0, 8.0, 8.0]
    rows = [{"epoch": n, "val_loss": loss} for n, loss in enumerate(losses, 1)]
    # Resumed or not, after any number of epochs, it is the same.
    for first in range(len(rows)):
        best, model = BestWeights(tmp_path, patience=3, warmup_epochs=2.5), Model()
        best.resume(rows[:first], model)
        best.on_train_begin()
        for row in rows[first:]:
            assert not best.is_exhausted
            assert not model.stop_training
            best.on_epoch_end(row["epoch"] - 1, row)
        # The two epochs of the warm-up are the lowest and do not count.
        assert model.num_saved == sum(epoch > first for epoch in (3, 4, 7))
        assert best.is_exhausted
        assert model.stop_training
        assert (best.num_epochs, best.best) == (7, 7.9)


@pytest.mark.usefixtures("without_xla")
def test_a_stopped_run_keeps_its_best_epoch_also_if_it_was_killed(
    tmp_path, monkeypatch
):
    draw_nothing(monkeypatch)
    export_one_signature(monkeypatch)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert main([*RUN, "--output", str(whole)]) == 0
    rows = read_history(whole / "history.csv")
    losses = {row["epoch"]: row["val_loss"] for row in rows if row["epoch"] > 3}
    best = min(losses, key=losses.get)
    assert len(rows) == best + 2 < 60
    # The exported model is the best epoch's, not the last's.
    model = BetaVAE.from_preset(whole)
    last = BetaVAE.from_config(model.get_config())
    last.load_weights(whole / "best.weights.h5")
    for a, b in zip(model.trainable_weights, last.trainable_weights, strict=True):
        assert_array_equal(a, b)
    metrics = json.loads((whole / "metrics.json").read_text())
    # Measured anew, with other noise.
    assert metrics["validation"]["loss"] == pytest.approx(losses[best], rel=0.02)
    assert metrics["epochs"] == best
    assert metrics["train"]["loss"] == rows[best - 1]["loss"]

    write = RunCheckpoint.on_epoch_end

    def die(self, epoch, logs):
        if epoch == best - 1:  # After the best weights, before the row and the model.
            raise KeyboardInterrupt
        write(self, epoch, logs)

    with monkeypatch.context() as patch:
        patch.setattr(RunCheckpoint, "on_epoch_end", die)
        assert main([*RUN, "--output", str(killed)]) == 130
    assert main([*RUN, "--output", str(killed)]) == 0
    assert read_history(killed / "history.csv") == rows
    for name in ("history.csv", "metrics.json"):
        assert (killed / name).read_text() == (whole / name).read_text()
    resumed = BetaVAE.from_preset(killed)
    for a, b in zip(model.weights, resumed.weights, strict=True):
        assert_array_equal(a, b)


def test_patience_and_weight_averaging_exclude_each_other(tmp_path, capsys):
    arguments = [*RUN, "--ema-momentum", "0.9", "--output", str(tmp_path / "run")]
    assert main(arguments) == 2
    assert "--patience" in capsys.readouterr().err
    arguments = [*RUN, "--warmup-epochs", "60", "--output", str(tmp_path / "run")]
    assert main(arguments) == 2
    assert "--warmup-epochs must be below --epochs" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("patience", ["0", "-1", "1.5"])
def test_bad_patience(patience, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main([*RUN, "--patience", patience, "--output", str(tmp_path / "run")])
    assert "must be a positive integer" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("folder", [None, "", 3]),
        ("patience", [None, 0, -1, 1.5, "3", True]),
        ("warmup_epochs", [None, -1, "3", float("nan"), float("inf")]),
        ("is_writer", [None, 1]),
    ],
)
def test_bad_arguments(name, values, tmp_path):
    for value in values:
        arguments = {"folder": tmp_path, "patience": 3, name: value}
        with pytest.raises(ValueError, match=f"`{name}` must .*Received"):
            BestWeights(**arguments)


def test_epochs_without_validation_are_refused(tmp_path):
    for logs in (None, {}, {"loss": 1.0}):
        with pytest.raises(ValueError, match="`validation_data` must be given"):
            BestWeights(tmp_path, patience=3).on_epoch_end(0, logs)
