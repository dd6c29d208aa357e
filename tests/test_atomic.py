import os
import subprocess
import sys

import pytest

from vae_zoo import atomic


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(FileNotFoundError), atomic.whole_file(path) as partial:
        partial.unlink()  # So that it cannot get its name.
    assert path.read_text() == "old"
    with atomic.whole_file(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_process_works_on_is_not_abandoned(tmp_path):
    program = (
        "import sys, time; from vae_zoo import atomic\n"
        "with atomic.partial_folder(sys.argv[1]) as folder:\n"
        "    print(folder, flush=True)\n"
        "    time.sleep(60)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        theirs = process.stdout.readline().strip()
        with atomic.partial_folder(tmp_path) as ours:
            atomic.remove_abandoned(tmp_path)
            assert ours.is_dir()
            assert os.path.isdir(theirs)
        process.kill()
    assert os.path.isdir(theirs)
    atomic.remove_abandoned(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_process_may_have_had_our_number(tmp_path):
    (tmp_path / f".partial-{os.getpid()}-abc").mkdir()
    (tmp_path / f".partial-{os.getpid()}-def.txt").touch()
    atomic.remove_abandoned(tmp_path)
    assert list(tmp_path.iterdir()) == []
