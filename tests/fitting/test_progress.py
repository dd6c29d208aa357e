"""What `fit` prints of how far it has come."""

from vae_zoo.fitting.progress import EpochLines, ProgressBar


def test_the_bar_does_not_pass_its_total(capsys):
    bar = ProgressBar()
    bar.set_params({"verbose": 1, "epochs": 1, "steps": 41})
    bar.on_train_begin()
    bar.on_epoch_begin(0)
    for step in (13, 27, 41):  # Fourteen steps at once.
        bar.on_train_batch_end(step, {"loss": 1.0})
    bar.on_epoch_end(0, {"loss": 1.0})
    printed = capsys.readouterr().out
    assert "41/41" in printed
    assert "42/41" not in printed


def test_an_epoch_is_a_line(capsys):
    lines = EpochLines()
    lines.set_params({"epochs": 20})
    lines.on_epoch_end(2, {"elbo": -30.12344, "val_elbo": -31.0})
    assert capsys.readouterr().out == (
        "Epoch 3/20 - elbo: -30.1234 - val_elbo: -31.0000\n"
    )
