"""The arguments of constructors, read from source: importing them takes seconds."""

import ast
import dataclasses
import functools
import importlib.machinery
import importlib.util
import inspect
import pathlib
import re
import sys
from collections.abc import Iterator, Mapping, Sequence

REQUIRED = inspect.Parameter.empty


@dataclasses.dataclass(frozen=True)
class Argument:
    """An argument of a constructor.

    Attributes:
        name: of the argument.
        annotation: its type as the source has it, "" if it has none.
        default: its value, `REQUIRED` if there is none, ... if the source does not say.
        meaning: the first sentence about it in the class' docstring, or "".
    """

    name: str
    annotation: str
    default: object
    meaning: str


@functools.cache
def arguments_of(path: str) -> dict[str, Argument]:
    """The arguments of a class by name, with those that go to its bases by **kwargs.

    Arguments that it hands to `super().__init__` itself are left out. Where its
    docstring says nothing about an argument, the docstring of a base counts.

    Args:
        path: of the class, "package.module.Class".

    Raises:
        ValueError: if there is no such class.
    """
    module, _, name = path.rpartition(".")
    found = _found(module, name)
    if found is None:
        raise ValueError(f"`path` must name a class. Received: path={path!r}")
    return _arguments(*found)


def meanings(docstring: str | None) -> dict[str, str]:
    """Argument -> the first sentence about it in the section "Args" of a docstring."""
    lines = inspect.cleandoc(docstring or "").partition("\nArgs:\n")[2].split("\n")
    found: dict[str, str] = {}
    last: Sequence[str] = ()
    for line in lines:
        if line and not line.startswith(" "):
            break
        if match := re.match(r"    (\**\w[\w, ]*): (.*)", line):
            last = match[1].split(", ")
            found |= dict.fromkeys(last, match[2])
        elif line.strip():
            found |= {name: f"{found[name]} {line.strip()}" for name in last}
    return {
        # Not at the dots of abbreviations.
        name: re.split(r"\.(?= [A-Z`]|$)|; ", text)[0].replace("`", "")
        for name, text in found.items()
    }


def _arguments(module: str, node: ast.ClassDef) -> dict[str, Argument]:
    bases = [
        found for base in node.bases if (found := _found(module, ast.unparse(base)))
    ]
    inherited: dict[str, Argument] = {}
    for base in reversed(bases):
        inherited |= _arguments(*base)
    own = meanings(ast.get_docstring(node))
    constructor = next(
        (
            each
            for each in node.body
            if isinstance(each, ast.FunctionDef) and each.name == "__init__"
        ),
        None,
    )
    if constructor is None:
        every = inherited | {each.name: each for each in _fields(module, node)}
        return {k: _described(v, own, inherited) for k, v in every.items()}
    taken = {
        each.name: _described(each, own, inherited)
        for each in _signature(module, constructor)
    }
    if constructor.args.kwarg is None:
        return taken
    closed = _handed_on(constructor, list(inherited))
    return taken | {
        name: _described(each, own, inherited)
        for name, each in inherited.items()
        if name not in taken and name not in closed
    }


def _described(
    argument: Argument, own: Mapping[str, str], inherited: Mapping[str, Argument]
) -> Argument:
    """The argument with what its class, or else a base, says of it."""
    base = inherited.get(argument.name, argument)
    meaning = own.get(argument.name, "")
    if not meaning or meaning.startswith("as in "):
        meaning = base.meaning
    annotation = argument.annotation or base.annotation
    return dataclasses.replace(argument, annotation=annotation, meaning=meaning)


def _signature(module: str, constructor: ast.FunctionDef) -> Iterator[Argument]:
    """The arguments, without what their docstring says."""
    args = constructor.args
    positional = args.args[1:]
    without = len(positional) - len(args.defaults)
    defaults = [None] * without + args.defaults + args.kw_defaults
    for each, default in zip(positional + args.kwonlyargs, defaults, strict=True):
        annotation = "" if each.annotation is None else ast.unparse(each.annotation)
        yield Argument(each.arg, annotation, _value(module, default), "")


def _fields(module: str, node: ast.ClassDef) -> Iterator[Argument]:
    """The arguments of a class that `dataclasses` makes the constructor of."""
    if not any("dataclass" in ast.unparse(each) for each in node.decorator_list):
        return
    for each in node.body:
        if isinstance(each, ast.AnnAssign):
            annotation, name = ast.unparse(each.annotation), ast.unparse(each.target)
            yield Argument(name, annotation, _value(module, each.value), "")


def _value(module: str, node: ast.expr | None) -> object:
    """The value of a literal, or of a constant of the module that is one."""
    if node is None:
        return REQUIRED
    if isinstance(node, ast.Name):
        for each in _tree(module).body:
            if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == node.id:
                return _value(module, each.value)
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ...


def _handed_on(constructor: ast.FunctionDef, names: Sequence[str]) -> set[str | None]:
    """The arguments of bases that `super().__init__(...)` gets by place or name."""
    for node in ast.walk(constructor):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "super().__init__":
            return {*names[: len(node.args)], *(each.arg for each in node.keywords)}
    return set()


def _found(module: str, name: str) -> tuple[str, ast.ClassDef] | None:
    """The module and the syntax tree of a class, None if it is another library's.

    Args:
        module: in which it has the name.
        name: "Class", or "imported_module.Class".
    """
    prefix, _, last = name.rpartition(".")
    for node in _tree(module).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return module, node
        for source, imported, alias in _imports(module, node):
            if source.split(".")[0] not in ("vae_zoo", module.split(".")[0]):
                continue
            if alias == name:
                return _found(source, imported)
            if alias == prefix:
                return _found(f"{source}.{imported}".rstrip("."), last)
    return None


def _imports(module: str, node: ast.stmt) -> Iterator[tuple[str, str, str]]:
    """The imports of a statement: from where, of what, and under which name."""
    if isinstance(node, ast.Import):
        yield from ((each.name, "", each.asname or each.name) for each in node.names)
    if isinstance(node, ast.ImportFrom):
        is_package = _file_of(module).endswith("__init__.py")
        package = module if is_package else module.rpartition(".")[0]
        source = "." * node.level + (node.module or "")
        source = importlib.util.resolve_name(source, package)
        for each in node.names:
            yield source, each.name, each.asname or each.name


@functools.cache
def _tree(module: str) -> ast.Module:
    path = pathlib.Path(_file_of(module))
    stub = path.with_suffix(".pyi")  # Of a package whose names load on first use.
    return ast.parse((stub if stub.exists() else path).read_text(encoding="utf-8"))


def _file_of(module: str) -> str:
    """The source of a module, without importing its packages."""
    loaded = sys.modules.get(module)
    if loaded is not None and loaded.__file__ is not None:
        return loaded.__file__
    package, _, _ = module.rpartition(".")
    paths = None
    if package:
        parent = _file_of(package)
        paths = [str(pathlib.Path(parent).parent)]
    spec = importlib.machinery.PathFinder.find_spec(module, paths)
    if spec is None or spec.origin is None:
        raise ValueError(f"`path` must be that of a class. Received: {module!r}")
    return spec.origin
