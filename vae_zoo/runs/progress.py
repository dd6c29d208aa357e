"""Messages of a training run about its progress."""

import contextlib
from collections.abc import Iterator

from vae_zoo.runs import termination
from vae_zoo.runs.checkpoint import RunCheckpoint


def print_resumption(
    checkpoint: RunCheckpoint, epochs: int, first_epoch: int, is_exhausted: bool
) -> None:
    """Prints where a run resumes.

    Args:
        checkpoint: its `RunCheckpoint`, resumed.
        epochs: the number that the run is to have in all.
        first_epoch: the number that are done.
        is_exhausted: whether early stopping has ended it.
    """
    if is_exhausted:
        text = f"its patience ended it after epoch {first_epoch}"
    elif first_epoch >= epochs:
        text = f"all {epochs} epochs are done; with more of them it goes on"
    else:
        text = f"resuming from epoch {first_epoch + 1} of {epochs}"
    print(f"{checkpoint.folder}: {text}", flush=True)


@contextlib.contextmanager
def stop_explained(checkpoint: RunCheckpoint, epochs: int) -> Iterator[None]:
    """Context in which Ctrl-C and SIGTERM print where they stop, and how to resume."""
    try:
        yield
    except (KeyboardInterrupt, termination.Terminated) as stop:
        stop.args = (
            f"stopped in epoch {min(len(checkpoint.rows) + 1, epochs)} of {epochs}, "
            f"{_saved(checkpoint)}; the same command resumes the run in "
            f"'{checkpoint.folder}'",
        )
        raise


def _saved(checkpoint: RunCheckpoint) -> str:
    if not checkpoint.steps_saved:
        return "with nothing saved yet"
    epochs, steps = divmod(checkpoint.steps_saved, checkpoint.steps_per_epoch)
    saved = f"with {epochs} epoch{'s' * (epochs != 1)}"
    if steps:
        saved += f" and {steps} of {checkpoint.steps_per_epoch} steps"
    return f"{saved} saved"
