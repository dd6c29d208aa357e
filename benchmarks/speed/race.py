"""Runs contenders, each in its own process, for an epoch in turn."""

import json
import pathlib
import subprocess
import sys
import tempfile

FOLDER = pathlib.Path(__file__).resolve().parent


class Contender:
    """A script of this folder that speaks `protocol`.

    Args:
        script: its name, without `.py`.
        python: the interpreter.
        **settings: what `protocol.settings` reads.
    """

    def __init__(self, script, python=sys.executable, **settings):
        words = [str(python), str(FOLDER / f"{script}.py")]
        for name, value in settings.items():
            words += [f"--{name.replace('_', '-')}", str(value)]
        self.name = " ".join(words[1:])
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )

    def ask(self):
        """Has it run an epoch; `answer` waits for the end."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def answer(self):
        """What it says next, a dict.

        Raises:
            RuntimeError: if it ended instead.
        """
        line = self.process.stdout.readline()
        if not line:
            self.errors.seek(0)
            raise RuntimeError(f"{self.name} ended:\n{self.errors.read()[-2000:]}")
        return json.loads(line)

    def end(self):
        """Ends it, and returns its peak memory in GiB."""
        self.process.stdin.close()
        peak = self.answer()["peak_gib"]
        self.process.wait()
        return peak


def race(contenders, num_runs):
    """Times epochs of all contenders, in turn.

    Args:
        contenders: dict of name -> `Contender`.
        num_runs: epochs of each that count; one before them, in which it compiles, does
            not. Every run starts with another contender.

    Returns:
        Dict of name -> dict: `parameters`, `peak_gib`, and of each run `seconds` and
        `processor_seconds`, lists.
    """
    results = {name: each.answer() for name, each in contenders.items()}
    for each in contenders.values():
        each.ask()
    for each in contenders.values():
        each.answer()
    names = list(contenders)
    runs = {name: [] for name in names}
    for run in range(num_runs):
        first = run % len(names)
        for name in names[first:] + names[:first]:
            contenders[name].ask()
            runs[name].append(contenders[name].answer())
    for name, each in contenders.items():
        for key in ("seconds", "processor_seconds"):
            results[name][key] = [run[key] for run in runs[name]]
        results[name]["peak_gib"] = each.end()
    return results
