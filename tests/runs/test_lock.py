import contextlib
import errno
import fcntl
import subprocess
import sys

import pytest

from vae_zoo.runs import lock as run_lock

HOLDER = """
import sys, time
from vae_zoo.runs import lock as run_lock
with run_lock.locked(sys.argv[1]):
    print("locked", flush=True)
    time.sleep(60)
"""


def test_one_process_at_a_time_writes_and_the_lock_goes_with_it(tmp_path, capsys):
    folder = tmp_path / "run"
    command = [sys.executable, "-c", HOLDER, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        message = f"'{folder}', which is in use by process {process.pid} of "
        with pytest.raises(ValueError, match=message), run_lock.locked(folder, 0.1):
            pass
        assert f"waiting for process {process.pid} of" in capsys.readouterr().err
        assert folder.exists()
        process.kill()
    # Killed, it had no time to remove anything.
    assert (folder / run_lock.NAME).exists()
    with run_lock.locked(folder, 0):
        (folder / "of_the_run").touch()
    assert [path.name for path in folder.iterdir()] == ["of_the_run"]


def test_a_lock_is_waited_for(tmp_path):
    with open(tmp_path / run_lock.NAME, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        held = run_lock.locked(tmp_path, 0)
        with pytest.raises(ValueError, match="in use by another process"), held:
            pass
        # Its process removes it, and only then gives it up: the file is another one.
        (tmp_path / run_lock.NAME).unlink()
        with run_lock.locked(tmp_path, 0):
            assert "process" in (tmp_path / run_lock.NAME).read_text()


def test_a_folder_that_was_made_in_vain_is_removed(tmp_path):
    folder = tmp_path / "a" / "b"
    with contextlib.suppress(ZeroDivisionError), run_lock.locked(folder):
        assert folder.is_dir()
        raise ZeroDivisionError
    assert not (tmp_path / "a").exists()
    with run_lock.locked(folder):
        (folder / "of_the_run").touch()
    assert folder.is_dir()


def test_a_file_is_no_folder(tmp_path):
    file = tmp_path / "file"
    file.touch()
    for path in (file, file / "run"):
        message = f"must be a folder.*'{path}', a file"
        with pytest.raises(ValueError, match=message), run_lock.locked(path):
            pass


def test_a_file_system_without_locks_is_named(tmp_path, monkeypatch, capsys):
    def fail(*arguments):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", fail)
    for _ in range(2):
        with run_lock.locked(tmp_path):
            pass
    assert "has no locks; take care" in capsys.readouterr().err
