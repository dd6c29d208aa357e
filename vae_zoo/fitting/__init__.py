"""The adapter to Keras: what `fit`, `evaluate` and `predict` take and how they run."""
