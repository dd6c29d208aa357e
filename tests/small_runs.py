"""A training run that takes a moment, and what every run leaves."""

TINY = [
    *("--dataset", "digits", "--hidden-units", "16", "8", "--latent-dim", "2"),
    *("--epochs", "6", "--seconds-between-checkpoints", "0"),
]
ARTEFACTS = {
    "history.csv",
    "latent.png",
    "metrics.json",
    "model.keras",
    "reconstructions.png",
    "run.json",
    "saved_model",
    "samples.png",
    "timing.json",
}
