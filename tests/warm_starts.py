"""Processes of `python -m MODULE`, forked from one that has imported TensorFlow.

Importing takes seconds in each process that a test starts; these processes share one
import. A process may be forked until TensorFlow runs its first operation, which starts
its threads.

This module is also the program that forks. It reads orders as lines of JSON: start a
command, or wait for a process. It answers with the process's number or its exit code.
"""

import contextlib
import gc
import json
import os
import runpy
import signal
import subprocess
import sys


class Process:
    """The part of `subprocess.Popen` that the tests use."""

    def __init__(self, order, pid, files):
        self._order, self._files = order, files
        self.pid, self.returncode = pid, None

    def poll(self, wait=False):
        """The exit code, or None while it runs; negative of a signal that killed it."""
        if self.returncode is None:
            self.returncode = self._order(pid=self.pid, wait=wait)
        return self.returncode

    def wait(self):
        return self.poll(wait=True)

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def communicate(self):
        """Waits; returns what it wrote to standard output and to standard error."""
        self.wait()
        return tuple(file.read_text() for file in self._files)


@contextlib.contextmanager
def warm_starts(folder):
    """Yields `start(command, **environment)`; output goes to files in `folder`."""
    program = subprocess.Popen(
        [sys.executable, "-m", "tests.warm_starts"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def order(**content):
        print(json.dumps(content), file=program.stdin, flush=True)
        return json.loads(program.stdout.readline())

    def start(command, **environment):
        assert command[:2] == [sys.executable, "-m"]
        files = [folder / f"{len(started)}.{name}" for name in ("out", "err")]
        pid = order(
            command=command[2:],
            environment=environment,
            files=[*map(str, files)],
        )
        started.append(Process(order, pid, files))
        return started[-1]

    started = []
    try:
        yield start
    finally:
        for each in started:
            each.send_signal(signal.SIGKILL)
            each.wait()
        program.stdin.close()
        program.wait()


def _start(command, environment, files):
    if pid := os.fork():
        return pid
    # The child must not read the program's orders or write among its answers.
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, path in enumerate(files, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), number)
    os.environ.update(environment)
    sys.argv = command
    runpy.run_module(command[0], run_name="__main__", alter_sys=True)
    sys.exit()


def _exit_code(pid, wait):
    found, status = os.waitpid(pid, 0 if wait else os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def main():
    import vae_zoo.runs.training  # A run needs it, and it runs no operation.

    assert vae_zoo.runs.training
    # The collector then skips what all processes share.
    gc.collect()
    gc.freeze()
    gc.set_threshold(7000, 10, 10)
    for line in sys.stdin:
        content = json.loads(line)
        answer = _exit_code(**content) if "pid" in content else _start(**content)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
