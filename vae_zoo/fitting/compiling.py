"""Whether a training is long enough for XLA to pay."""

# On two cores compiling a training step and its validation takes 5 to 17 seconds. A
# compiled step of dense layers on 128 images of 28 x 28 pixels is about 2 milliseconds
# faster, which wins that back after 2,500 to 8,000 steps; on 8 x 8 pixels it is no
# faster. Twenty epochs of `digits`, 220 steps, took 19.7 seconds with XLA and 9.6
# without.
STEPS_TO_WIN_BACK = 5_000


def is_long_enough(num_steps: int) -> bool:
    """Whether XLA wins back in so many optimizer steps what compiling costs.

    XLA rounds in other places, so a resumed training has to choose as the uninterrupted
    one did: give the steps of the whole training, not those that are left.

    Args:
        num_steps: epochs times the batches of one, from the first epoch on, >= 0.
    """
    return num_steps >= STEPS_TO_WIN_BACK
