import os
import pathlib
import subprocess
import sys

import pytest

from vae_zoo.datasets import check_name, load


def test_names_are_checked_without_tensorflow():
    program = (
        "import sys\n"
        "from vae_zoo.datasets import check_name\n"
        "print([check_name(name) for name in ('digits', '.', 'mnist:3.*.*')])\n"
        "try: check_name('mnits')\n"
        "except ValueError as error: print(error)\n"
        "print('tensorflow' in sys.modules)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True
    )
    kinds, error, is_loaded = result.stdout.splitlines()
    assert kinds == "['built-in', 'images', 'tfds']", result.stderr
    assert "nearest names are mnist" in error
    assert is_loaded == "False"


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("my table.csv", r"np\.save\('my table\.npy', np\.loadtxt\('my table\.csv', d"),
        ("a.tsv", r"delimiter='\\t'"),
        ("a.PNG", "is a single image; give its folder, '"),
        ("a.tar.gz", "is an archive; unpack it"),
        ("a.parquet", r"a file of another type; make a \.npy file"),
    ],
)
def test_files_of_other_types_are_told_what_to_do(file, message, tmp_path):
    (tmp_path / file).write_text("1,2")
    with pytest.raises(ValueError, match=message):
        load(tmp_path / file)
    with pytest.raises(ValueError, match="which does not exist"):
        load(tmp_path / "nothing" / file)


def test_what_is_no_file_is_told_apart(tmp_path, monkeypatch):
    (tmp_path / "folder.npy").mkdir()
    os.mkfifo(tmp_path / "pipe.npy")
    os.mkfifo(tmp_path / "pipe")
    for name, message in (
        ("folder.npy", "is a folder"),
        ("pipe.npy", "is no regular file"),
        ("pipe", "is no regular file"),
    ):
        with pytest.raises(ValueError, match=f"`name` must be.*which {message}"):
            check_name(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"ends in \.npy.*'x\.npy', which does not"):
        check_name("x.npy")


@pytest.mark.parametrize(
    "name", ["", " ", None, 7, b"digits", pathlib.Path, ["digits"], "x\0y", "a" * 999]
)
def test_what_is_no_name(name):
    with pytest.raises(ValueError, match="`name` must be 'digits', 'sprites', a TFDS"):
        check_name(name)
