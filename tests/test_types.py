"""What type checkers and editors know of the package: the promise of `py.typed`."""

import ast
import pathlib
import re
import tomllib

import mypy.api
import pytest

import vae_zoo

ROOT = pathlib.Path(vae_zoo.__file__).parent
PROJECT = tomllib.loads((ROOT.parent / "pyproject.toml").read_text("utf-8"))
# Of libraries without types of their own: just enough to tell a tensor from anything.
STUBS = {
    "keras": "from . import layers\nclass Layer: ...\nclass Model(Layer): ...",
    "keras.layers": "from keras import Layer as Layer",
    "tensorflow": "class Tensor: ...\nclass data:\n    class Dataset: ...",
    "tensorflow_probability": "from . import distributions as distributions",
    "tensorflow_probability.distributions": "class Distribution: ...",
}
ANYTHING_ELSE = "\nfrom typing import Any\ndef __getattr__(name: str) -> Any: ...\n"
# A line's comment is the type that it reveals, or what is wrong with it.
PROGRAM = """
import numpy as np
import vae_zoo
from vae_zoo.components import likelihoods, networks, objectives
x = np.zeros((2, 28, 28, 1))
model = vae_zoo.VAE((28, 28, 1), latent_dim=16, seed=0)
reveal_type(model)  # vae_zoo.models.vae.VAE
reveal_type(model.elbo(x))  # tensorflow.Tensor
reveal_type(model.elbo_terms(x))  # dict[str, tensorflow.Tensor]
reveal_type(model.sample(4, seed=0))  # tensorflow.Tensor
reveal_type(model.posterior(x))  # tensorflow_probability.distributions.Distribution
reveal_type(model.infer(x, 3).log_q)  # dict[str, tensorflow.Tensor]
reveal_type(model.prior_layer)  # vae_zoo.components.priors.prior.Prior
reveal_type(model.get_config())  # dict[str, Any]
reveal_type(vae_zoo.VAE.from_preset("vae_mnist"))  # vae_zoo.models.vae.VAE
reveal_type(vae_zoo.BetaVAE.from_preset("a"))  # vae_zoo.models.beta_vae.BetaVAE
reveal_type(vae_zoo.datasets.load("digits"))  # tensorflow.data.Dataset
reveal_type(vae_zoo.datasets.open_source("digits"))  # vae_zoo.datasets.source.Source
reveal_type(vae_zoo.serving.load("model"))  # vae_zoo.models.vae.VAE
reveal_type(vae_zoo.export(model, "model"))  # pathlib.Path
vae_zoo.GaussianMixtureVAE((8,), 2, 10, encoder=networks.MLP((8,), dropout_rate=0.1))
vae_zoo.BetaVAE((8,), 2, beta=objectives.Elbo)  # arg-type
vae_zoo.VAE((28, 28, 1), latent_dim="16")  # arg-type
vae_zoo.VAE((28, 28, 1), 16, latent_dims=16)  # call-arg
vae_zoo.HypersphericalVAE((8,), 3, encodr=None)  # call-arg
vae_zoo.VAE((28, 28, 1), 16, likelihood=objectives.Elbo())  # arg-type
networks.MLP((8,), activation=3)  # arg-type
networks.Conv(upsampling="bicubic")  # arg-type
likelihoods.Normal(per_elements=True)  # call-arg
model.impute(x, num_steps=3)  # call-arg
vae_zoo.datasets.load("digits", binarize="yes")  # arg-type
"""
REVEALED = r'note: Revealed type is "(.*)"'
FOUND = re.compile(rf"user\.py:(\d+): (?:{REVEALED}|error: .*\[(.*)\])")


def not_annotated(tree, prefix=""):
    """The public functions and methods that lack the type of an argument or a result.

    Also how many there are. What is within a private class, or a function, is private.
    """
    missing, count = [], 0
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            of_class, number = not_annotated(node, f"{prefix}{node.name}.")
            missing, count = missing + of_class, count + number
        if not isinstance(node, ast.FunctionDef) or re.match("_(?!_)", node.name):
            continue
        count += 1
        args = node.args
        every = [*args.posonlyargs, *args.args, *args.kwonlyargs]
        if isinstance(tree, ast.ClassDef) and not is_static(node):
            del every[0]
        every += [each for each in (args.vararg, args.kwarg) if each is not None]
        if node.returns is None or any(each.annotation is None for each in every):
            missing.append(f"{prefix}{node.name}")
    return missing, count


def is_static(node):
    return any(ast.unparse(each) == "staticmethod" for each in node.decorator_list)


def test_every_public_function_says_its_types():
    total = 0
    for path in sorted(ROOT.rglob("*.py")):
        missing, count = not_annotated(ast.parse(path.read_text("utf-8")))
        assert not missing, f"{path} has functions without types: {missing}"
        total += count
    assert total > 900


@pytest.mark.parametrize(
    "definition",
    [
        "f(x) -> int",
        "f(x: int)",
        "f(*, x) -> int",
        "f(*xs) -> int",
        "f(**xs) -> int",
        "__init__(self, x: int)",
    ],
)
def test_what_lacks_a_type_is_found(definition):
    source = f"def {definition}: ..."
    assert not_annotated(ast.parse(source))[0]
    method = f"class A:\n    {source.replace('f(', 'f(self, ')}"
    assert not_annotated(ast.parse(method))[0]
    assert not_annotated(ast.parse("class A:\n    def f(self) -> int: ..."))[0] == []


@pytest.fixture(scope="module")
def findings(tmp_path_factory):
    """What mypy says of `PROGRAM` as of a program of a user, by its lines."""
    folder = tmp_path_factory.mktemp("types")
    for name, content in STUBS.items():
        package = folder / "stubs" / name.replace(".", "/")
        package.mkdir(parents=True)
        (package / "__init__.pyi").write_text(content + ANYTHING_ELSE)
    (folder / "user.py").write_text(PROGRAM)
    (override,) = PROJECT["tool"]["mypy"]["overrides"]
    skipped = [name for name in override["module"] if name[:-2] not in STUBS]
    settings = [
        "[mypy]",
        f"mypy_path = {folder / 'stubs'}:{ROOT.parent}",
        f"cache_dir = {folder / 'cache'}",
        # As an installed package, of which mypy shows no errors.
        "[mypy-vae_zoo.*]",
        "ignore_errors = True",
        *(
            f"[mypy-{name}]\nfollow_imports = skip\nignore_missing_imports = True"
            for name in skipped
        ),
    ]
    (folder / "mypy.ini").write_text("\n".join(settings))
    options = ["--config-file", f"{folder / 'mypy.ini'}", "--no-pretty"]
    text, problems, _ = mypy.api.run([*options, f"{folder / 'user.py'}"])
    found = {int(line): note or error for line, note, error in FOUND.findall(text)}
    assert found, text + problems
    return found


def test_a_users_program_is_checked(findings):
    expected = {
        number: line.partition("  # ")[2]
        for number, line in enumerate(PROGRAM.split("\n"), start=1)
        if "  # " in line
    }
    assert findings == expected
