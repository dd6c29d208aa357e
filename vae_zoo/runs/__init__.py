"""A training run and the folder that it leaves."""
