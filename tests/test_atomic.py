import os
import subprocess
import sys
import time

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
    with atomic.whole_file(tmp_path / "a") as partial:
        ours = partial.name
    *start, token, _ = ours.split("-")
    earlier = "-".join([*start, token[::-1] + "0", "abc"])
    (tmp_path / earlier).mkdir()
    (tmp_path / f"{earlier}.txt").touch()
    atomic.remove_abandoned(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_what_another_machine_works_on_is_left_alone_for_a_day(tmp_path):
    # Of a container, say, that shares the folder, and whose processes nobody sees.
    theirs = tmp_path / ".partial-0123abcd-1-abc"
    theirs.mkdir()
    atomic.remove_abandoned(tmp_path)
    assert theirs.is_dir()
    two_days_ago = time.time() - 48 * 3600
    os.utime(theirs, (two_days_ago, two_days_ago))
    atomic.remove_abandoned(tmp_path)
    assert not theirs.exists()
