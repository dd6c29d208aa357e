"""Checks that the tests catch faults: puts faults into the package, one at a time.

    python benchmarks/mutations.py --jobs 2

`mutations.toml` lists the faults: a file, the text to replace, the new text, and the
tests that must notice. The script copies the tracked files, puts one fault at a time
into the copy, and runs its tests there as `pytest` does by default, without those
marked as slow. A fault is caught if a test fails; a fault that keeps modules or tests
from being imported is an error in the list. First all of the tests have to pass without
a fault, since a test that always fails proves nothing.

It prints the test that failed for each fault. The exit code is 1 if a fault was not
caught, and 2 if the list does not fit the code.
"""

import argparse
import concurrent.futures
import contextlib
import dataclasses
import os
import pathlib
import queue
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import xml.etree.ElementTree

from vae_zoo.cli.arguments import positive

ROOT = pathlib.Path(__file__).resolve().parents[1]
LIST = pathlib.Path(__file__).with_suffix(".toml")
PACKAGE = "vae_zoo"
# A fault may make its tests wait for ever; this is the limit.
SECONDS = 300
# These errors mean that the listed fault breaks the import, not the behaviour.
BROKEN = ("ImportError", "ModuleNotFoundError", "NameError")
# Tags in pytest's report of a test that did not pass.
NOT_PASSED = ("failure", "error", "skipped")
ROW = "{:<35} {:<45} {:>3}  {}"


class ListError(ValueError):
    """The list does not fit the code or its tests."""


@dataclasses.dataclass(frozen=True)
class Mutation:
    """One fault.

    Attributes:
        name: says what is wrong.
        file: the file to change, from the root of the repository.
        old: the text to replace, which has to be there once.
        new: what takes its place.
        tests: node ids of tests, at least one of which must fail. A node id without
            brackets runs all cases of a parametrized test.
    """

    name: str
    file: str
    old: str
    new: str
    tests: list[str]

    def applied(self, text):
        """`text`, the file's, with the fault in it."""
        if (count := text.count(self.old)) != 1:
            raise ListError(
                f"'{self.name}' must replace a text that '{self.file}' has once. "
                f"Received: one that it has {count} times"
            )
        text = text.replace(self.old, self.new)
        if self.file.endswith(".py"):
            try:
                compile(text, self.file, "exec")
            except SyntaxError as error:
                raise ListError(f"'{self.name}' must give Python: {error}") from error
        return text


@dataclasses.dataclass(frozen=True)
class Run:
    """What pytest did.

    Attributes:
        code: its exit code; None if it took too long.
        outcomes: node id of a test -> "passed", "failure", "error" or "skipped".
        message: that of the test that failed, if one did.
        output: what it printed.
    """

    code: int | None
    outcomes: dict[str, str]
    message: str
    output: str

    @property
    def failed(self):
        """The node id of the test that failed, or None."""
        if self.code != 1 or self.message.startswith(BROKEN):
            return None
        failed = [test for test, what in self.outcomes.items() if what == "failure"]
        return failed[0] if failed else None


def read_list():
    """The mutations, known to fit the code: each folder of the package has one."""
    listed = tomllib.loads(LIST.read_text(encoding="utf-8"))["mutation"]
    found = [Mutation(**each) for each in listed]
    files = tracked()
    for mutation in found:
        path = ROOT / mutation.file
        mutation.applied(path.read_text(encoding="utf-8") if path.is_file() else "")
        for test in mutation.tests:
            check_is_there(test, files)
    folders = {path.parent for path in files if path.parts[0] == PACKAGE}
    mutated = {pathlib.PurePath(mutation.file).parent for mutation in found}
    if missing := sorted(map(str, folders - mutated)):
        raise ListError(f"Each folder must have a fault. Received: none in {missing}")
    return found


def check_is_there(test, files):
    """Raises ListError unless one of the files has the test of this node id."""
    file, _, name = test.partition("::")
    path, function = pathlib.Path(file), name.partition("[")[0]
    if path not in files or f"def {function}(" not in (ROOT / path).read_text("utf-8"):
        raise ListError(f"'{test}' must be a test in a file that git knows")


def tracked():
    """The files that git knows, from the root, as far as they are there."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z"]
    names = subprocess.check_output(command, text=True).split("\0")
    paths = map(pathlib.Path, filter(None, names))
    return [path for path in paths if (ROOT / path).is_file()]


def copied(folder):
    """A copy of the repository in the new `folder`, and the tests' data beside it."""
    for path in tracked():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, folder / path)
    data = folder.parent / "shared"
    if (ROOT.parent / "shared").exists() and not data.exists():
        data.symlink_to(ROOT.parent / "shared")
    return folder


def environment(copy):
    """The environment in which every process imports the package from the copy."""
    paths = [str(copy), os.environ.get("PYTHONPATH")]
    # A compiled module would outlive a fault of the same length and second.
    ours = {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    ours |= {"PYTHONDONTWRITEBYTECODE": "1", "PYTEST_ADDOPTS": ""}
    return {**os.environ, **ours}


def check_import(copy):
    """Raises RuntimeError unless Python imports the copy, whatever is installed."""
    program = f"import {PACKAGE}; print({PACKAGE}.__file__)"
    options = {"text": True, "cwd": copy.parent, "env": environment(copy)}
    found = subprocess.check_output([sys.executable, "-c", program], **options).strip()
    if not pathlib.Path(found).is_relative_to(copy):
        raise RuntimeError(f"'{copy}' must be what Python imports. Received: '{found}'")


def run_tests(copy, tests, workers=0, seconds=None):
    """Runs tests in the copy up to the first that fails; returns a `Run`."""
    report = copy.with_suffix(".xml")
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-n", str(workers)]
    command += ["-p", "no:cacheprovider", f"--basetemp={copy.with_suffix('.tmp')}"]
    command += [f"--junitxml={report}", *tests]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    options |= {"cwd": copy, "env": environment(copy), "errors": "replace"}
    try:
        process = subprocess.run(command, timeout=seconds, **options)
    except subprocess.TimeoutExpired:
        return Run(None, {}, "", f"It took more than {seconds} s")
    return Run(process.returncode, *outcomes_in(report), process.stdout)


def outcomes_in(report):
    """What pytest's report says of each test, and the message of one that failed."""
    outcomes, message = {}, ""
    if not report.exists():
        return outcomes, message
    for case in xml.etree.ElementTree.parse(report).iter("testcase"):
        test = f"{case.get('classname').replace('.', '/')}.py::{case.get('name')}"
        notes = [each for each in case if each.tag in NOT_PASSED]
        outcomes[test] = notes[0].tag if notes else "passed"
        if outcomes[test] == "failure":
            message = notes[0].get("message", "")
    return outcomes, message


def check_unmutated(copy, mutations, jobs):
    """Raises ListError unless all tests run and pass where there is no fault."""
    tests = dict.fromkeys(test for each in mutations for test in each.tests)
    run = run_tests(copy, tests, workers=jobs if jobs > 1 else 0)
    passed = [test for test, outcome in run.outcomes.items() if outcome == "passed"]
    if run.code != 0:
        print(run.output, file=sys.stderr)
        raise ListError(f"All tests must pass without a fault. Received: {run.code}")
    for test in tests:
        if not any(each == test or each.startswith(f"{test}[") for each in passed):
            raise ListError(
                f"'{test}' must be a test that `pytest` runs by default. Received: none"
            )
    return len(passed)


@contextlib.contextmanager
def mutated(mutation, copy):
    """Within it the file in the copy has the fault."""
    path = copy / mutation.file
    text = path.read_text(encoding="utf-8")
    path.write_text(mutation.applied(text), encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(text, encoding="utf-8")


def try_all(mutations, copies):
    """Prints what each of the mutations comes to; returns how many were caught."""
    free = queue.SimpleQueue()
    for copy in copies:
        free.put(copy)

    def tried(mutation):
        copy, start = free.get(), time.monotonic()
        try:
            with mutated(mutation, copy):
                run = run_tests(copy, mutation.tests, seconds=SECONDS)
        finally:
            free.put(copy)
        return run, time.monotonic() - start

    print(ROW.format("fault", "file", "s", "the test that failed"))
    num_caught = 0
    with concurrent.futures.ThreadPoolExecutor(len(copies)) as pool:
        for mutation, (run, seconds) in zip(
            mutations, pool.map(tried, mutations), strict=True
        ):
            num_caught += run.failed is not None
            verdict = run.failed or "NOT CAUGHT"
            if run.failed is None and run.code != 0:
                verdict = f"ERROR: pytest ended with {run.code}"
                print(run.output[-3000:], file=sys.stderr)
            row = mutation.name, mutation.file, f"{seconds:.0f}"
            print(ROW.format(*row, verdict), flush=True)
    return num_caught


def chosen(mutations, names):
    """Those of these names, or all."""
    known = [mutation.name for mutation in mutations]
    if unknown := sorted({*(names or ())} - {*known}):
        raise ListError(f"`--only` must name some of {known}. Received: {unknown}")
    return [each for each in mutations if not names or each.name in names]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these faults alone")
    parser.add_argument("--list", action="store_true", help="print the faults and end")
    parser.add_argument(
        "--jobs", type=positive(int), default=1, help="how many at once"
    )
    options = parser.parse_args()
    try:
        mutations = chosen(read_list(), options.only)
        if options.list:
            for mutation in mutations:
                print(ROW.format(mutation.name, mutation.file, "", *mutation.tests))
            return 0
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder).resolve()
            names = [f"copy_{number}" for number in range(options.jobs)]
            copies = [copied(folder / name) for name in names]
            check_import(copies[0])
            start = time.monotonic()
            num_passed = check_unmutated(copies[0], mutations, options.jobs)
            seconds = time.monotonic() - start
            print(f"Without a fault {num_passed} tests pass, in {seconds:.0f} s.\n")
            num_caught = try_all(mutations, copies)
    except ListError as error:
        parser.error(str(error))
    print(f"\n{num_caught} of {len(mutations)} caught")
    return int(num_caught < len(mutations))


if __name__ == "__main__":
    sys.exit(main())
