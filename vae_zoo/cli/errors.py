"""Which errors are the user's to mend, and how the command line words them."""

import opcode
import pathlib
import re
from collections.abc import Mapping

from vae_zoo.zoo.catalogue import RENAMED

PACKAGE = str(pathlib.Path(__file__).resolve().parents[1])
# Of TensorFlow those about files and memory; the others mean a mistake in a program.
TENSORFLOW_ERRORS = (
    "AlreadyExistsError",
    "DataLossError",
    "NotFoundError",
    "PermissionDeniedError",
    "ResourceExhaustedError",
    "UnavailableError",
)
# Arguments of functions that a command calls, and the options that they come from.
ALIASES = (
    ("name", "dataset"),
    ("name_or_path", "source"),
    ("name_or_path", "init_from"),
    ("folders", "sources"),
    *RENAMED.items(),
    ("start_from", "pseudo_inputs_from"),
)


def is_for_the_user(error: BaseException) -> bool:
    """Whether `error` is about the input, the files or the memory; else it is a bug.

    A ValueError counts if one of this package's own `raise` statements made it: those
    are its checks. Any that comes out of a library, or of an expression here, is one
    that no check has foreseen.
    """
    if isinstance(error, (OSError, MemoryError)):
        return True
    # Told apart without importing TensorFlow.
    if type(error).__module__ == "tensorflow.python.framework.errors_impl":
        return type(error).__name__ in TENSORFLOW_ERRORS
    return isinstance(error, ValueError) and _is_raised_here(error)


def _is_raised_here(error: BaseException) -> bool:
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return False
    code = traceback.tb_frame.f_code
    instruction = opcode.opname[code.co_code[traceback.tb_lasti]]
    return code.co_filename.startswith(PACKAGE) and instruction == "RAISE_VARARGS"


def in_words(error: object, words: Mapping[str, str]) -> str:
    """The message of `error` in one line, with options for arguments.

    Args:
        error: an exception.
        words: how each argument is written, {"latent_dim": "--latent-dim", …}.
    """
    message = " ".join(str(error).split())
    if isinstance(error, MemoryError) or "OOM when allocating" in message:
        message = f"the memory does not suffice, give smaller sizes. {message}".strip()
    aliases = {alias: words[name] for alias, name in ALIASES if name in words}
    known = {**aliases, **words}

    def word(match: re.Match[str]) -> str:
        return known.get(match[1], match[0])

    message = re.sub(r"`(\w+)`", word, message)
    return re.sub(
        r"(?<![\w'\"./-])(\w+)(?==)",
        lambda match: known.get(match[1], match[1]),
        message,
    )
