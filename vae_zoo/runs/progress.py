"""What a training run says of where it stands."""

import contextlib
from collections.abc import Iterator

from vae_zoo.runs import termination
from vae_zoo.runs.checkpoint import RunCheckpoint


def print_resumption(
    checkpoint: RunCheckpoint, epochs: int, first_epoch: int, is_exhausted: bool
) -> None:
    """Prints where a run goes on.

    Args:
        checkpoint: its `RunCheckpoint`, resumed.
        epochs: all that it is to have.
        first_epoch: those that are done.
        is_exhausted: whether its patience has ended it.
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
    """Has Ctrl-C and SIGTERM say where they stopped the run, and how to go on."""
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
