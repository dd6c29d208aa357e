"""Which names of data sets there are, without TensorFlow."""

import difflib
import os
import pathlib

BUILT_IN = ("digits", "sprites")


def check_name(name):
    """Raises ValueError unless `name` is a data set's, or a file or folder exists."""
    path = pathlib.Path(name).expanduser()
    if name in BUILT_IN or path.is_dir():
        return
    is_path = os.sep in str(name) and str(name).startswith((".", os.sep, "~"))
    if path.suffix in (".npy", ".npz") or is_path:
        if not path.is_file():
            raise ValueError(
                "`name` must be a data set's name or a path to a .npy or .npz file or "
                f"a folder of images. Received: name={name!r}, which does not exist"
            )
        return
    # Without TensorFlow, and only where it is needed.
    import tensorflow_datasets as tfds

    known = tfds.list_builders(with_community_datasets=False)
    if str(name).split("/")[0].split(":")[0] not in known:
        near = difflib.get_close_matches(
            str(name), [*BUILT_IN, *known], n=3, cutoff=0.5
        )
        hint = f"; the nearest names are {', '.join(near)}" if near else ""
        raise ValueError(
            "`name` must be 'digits', 'sprites', a TFDS name, or a path to a .npy or "
            f".npz file or a folder of images. Received: name={name!r}{hint}"
        )
