"""The adapter to Keras: what `fit`, `evaluate` and `predict` take and how they run."""

# First: importing Keras imports the models, which need the modules here.
import keras  # noqa: F401
