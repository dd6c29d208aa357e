"""The package's modules import each other in one direction only, without a circle."""

import ast
import graphlib
import pathlib

import pytest

import vae_zoo

ROOT = pathlib.Path(vae_zoo.__file__).parent
# A module imports only from its own part and from those before it; a part is a folder,
# or a module at the top of the package.
ORDER = (
    "arguments",
    "tensors",
    "arrays",
    "atomic",
    "distributions",
    "components",
    "fitting",
    "models",
    "datasets",
    "evaluation",
    "plotting",
    "tasks",
    "serving",
    "zoo",
    "runs",
    "callbacks",
    "cli",
    "__main__",
)
# Imports against this order that are still there: importer, imported.
EXCEPTIONS = set()


class AtRuntime(ast.NodeTransformer):
    """Drops what only type checkers read: `if TYPE_CHECKING`."""

    def visit_If(self, node):
        if ast.unparse(node.test) == "TYPE_CHECKING":
            return node.orelse
        return self.generic_visit(node)


def modules():
    """Name -> syntax tree, of all modules but the one that has everybody's names."""
    found = {}
    for path in ROOT.rglob("*.py"):
        name = ".".join(["vae_zoo", *path.relative_to(ROOT).with_suffix("").parts])
        tree = AtRuntime().visit(ast.parse(path.read_text("utf-8")))
        found[name.removesuffix(".__init__")] = tree
    del found["vae_zoo"]
    return found


def imported_names(tree):
    """What the statements of a module import, those within functions too.

    Names are dotted; the last part may be that of a function or a class.
    """
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (each.name for each in names)
            case ast.ImportFrom(module=module, names=names, level=0):
                yield from (f"{module}.{each.name}" for each in names)
            case ast.ImportFrom():
                raise AssertionError(f"a relative import in line {node.lineno}")
            case ast.Call(
                func=ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(name))],
            ):
                yield name


def imports(trees):
    """The pairs of importer and imported module."""
    pairs = set()
    for importer, tree in trees.items():
        for name in imported_names(tree):
            imported = name if name in trees else name.rpartition(".")[0]
            if imported in trees:
                pairs.add((importer, imported))
    return pairs


def rank(module):
    return ORDER.index(module.split(".")[1])


def against_the_order(pairs):
    return {(a, b) for a, b in pairs if rank(b) > rank(a)}


@pytest.fixture(scope="module")
def pairs():
    return imports(modules())


def test_every_import_points_up_the_list(pairs):
    # An exception that is not needed is to go from the list, so this is an equation.
    assert against_the_order(pairs) == EXCEPTIONS


def test_no_modules_import_each_other_in_a_circle(pairs):
    graph = graphlib.TopologicalSorter()
    for importer, imported in pairs - EXCEPTIONS:
        if importer != imported:
            graph.add(importer, imported)
    graph.prepare()  # Raises CycleError, which names the modules.


def test_the_list_has_every_part():
    assert set(ORDER) == {name.split(".")[1] for name in modules()}


def test_what_is_against_the_order_is_found():
    source = """
import vae_zoo.cli.commands
def f():
    from vae_zoo.models.vae import VAE
    from vae_zoo import arguments
    importlib.import_module("vae_zoo.zoo")
if TYPE_CHECKING:
    from vae_zoo.runs import plan
"""
    known = dict.fromkeys(
        ("arguments", "cli.commands", "models.vae", "zoo", "runs.plan", "fitting"),
        ast.parse(""),
    )
    trees = {f"vae_zoo.{name}": tree for name, tree in known.items()}
    trees["vae_zoo.fitting"] = AtRuntime().visit(ast.parse(source))
    found = imports(trees)
    assert {imported for _, imported in found} == trees.keys() - {
        "vae_zoo.fitting",
        "vae_zoo.runs.plan",
    }
    assert found - against_the_order(found) == {
        ("vae_zoo.fitting", "vae_zoo.arguments")
    }
