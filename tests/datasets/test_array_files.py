import io
import zipfile

import numpy as np
import pytest

from vae_zoo.datasets import load, open_source


def npy_header(shape, dtype):
    """The beginning of a .npy file that claims to hold such an array."""
    file = io.BytesIO()
    header = {"shape": shape, "fortran_order": False, "descr": dtype}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue()


def test_archives_that_grow_too_much_are_refused_before_they_are_read(
    tmp_path, monkeypatch
):
    x = np.zeros((100, 40, 40), np.float32)
    np.savez_compressed(tmp_path / "x.npz", x_train=x, x_test=x[:2])
    assert (tmp_path / "x.npz").stat().st_size < 5000
    gib = x.nbytes / 2**30
    monkeypatch.setattr(np, "load", None)
    with pytest.raises(ValueError, match=r"`max_gib` must be at least 0\.1.*x\.npz'"):
        load(tmp_path / "x.npz", max_gib=0.99 * gib)
    monkeypatch.undo()
    assert len(open_source(tmp_path / "x.npz", max_gib=gib)) == 100
    # What is asked for counts.
    assert len(open_source(tmp_path / "x.npz", "test", max_gib=0.1 * gib)) == 2
    # On disk nothing grows.
    np.save(tmp_path / "x.npy", x)
    assert len(open_source(tmp_path / "x.npy", max_gib=0.1 * gib)) == 100


def test_headers_that_claim_more_than_there_is_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("x.npy", npy_header((1 << 40, 1 << 40), "<f4") + bytes(8))
    (tmp_path / "x.npy").write_bytes(npy_header((1 << 40, 9), "<f4") + bytes(8))
    for name in ("x.npz", "x.npy"):
        with pytest.raises(ValueError, match=f"{name}' must be a whole"):
            load(tmp_path / name)


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was read",))


def test_python_objects_are_never_read(tmp_path):
    objects = np.array([[Bomb()], [Bomb()]])
    np.save(tmp_path / "objects.npy", objects)
    np.savez(tmp_path / "objects.npz", x=objects)
    np.savez(tmp_path / "labels.npz", x=np.zeros((2, 3)), y=objects)
    for name, key in (("objects.npy", "x"), ("objects.npz", "x"), ("labels.npz", "y")):
        with pytest.raises(ValueError, match=f"'{key}' of .*{name}'.*Python objects"):
            load(tmp_path / name)


def test_what_a_file_is_counts_and_not_its_name(tmp_path):
    x = np.random.default_rng(0).random((4, 3), dtype=np.float32)
    np.save(tmp_path / "x.npy", x)
    np.savez(tmp_path / "y.npz", x=x)
    (tmp_path / "x.npy").rename(tmp_path / "x.npz")
    (tmp_path / "y.npz").rename(tmp_path / "y.npy")
    for name in ("x.npz", "y.npy"):
        (received,) = load(tmp_path / name, shuffle=False)
        np.testing.assert_array_equal(received, x)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.full((3, 2), 255), r"integers from 0 to 255.*x\.astype\('uint8'\)"),
        (np.zeros((3, 2), complex), "uint8 or float.*complex128"),
        (np.zeros((3, 0)), r"rank 2 to 4.*\(3, 0\)"),
        (np.zeros(3), r"rank 2 to 4.*\(3,\)"),
        (np.float32(3), r"rank 2 to 4.*shape \(\)"),
        (np.zeros((0, 2)), "at least one of the 0 examples"),
        (np.zeros((3, 2), "f4, f4"), "uint8 or float"),
    ],
)
def test_other_arrays_are_refused(x, message, tmp_path):
    np.save(tmp_path / "x.npy", x)
    with pytest.raises(ValueError, match=message):
        load(tmp_path / "x.npy")


def test_joined_splits_may_be_of_several_types(tmp_path):
    grey = np.full((2, 3), 255, np.uint8)
    np.savez(tmp_path / "x.npz", x_train=grey, x_test=grey // 255, x_more=grey / 510)
    (x,) = load(tmp_path / "x.npz", "train+test+more", shuffle=False)
    np.testing.assert_allclose(x, np.repeat([1, 1, 0.5], 2)[:, None] * np.ones(3))


def test_labels_of_another_length_are_refused(tmp_path):
    for name, y in (("few", np.zeros(2)), ("one", np.float32(1))):
        np.savez(tmp_path / f"{name}.npz", x=np.zeros((3, 2)), y=y)
        with pytest.raises(ValueError, match="must be of one length.*lengths 3 and"):
            load(tmp_path / f"{name}.npz")
