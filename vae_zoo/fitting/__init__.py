"""The adapter to Keras: what `fit`, `evaluate` and `predict` take and how they run."""

# Keras, once imported, has the models imported, which need the modules here: first.
import keras  # noqa: F401
