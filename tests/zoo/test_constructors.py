"""The arguments of constructors as their source has them."""

import inspect
import subprocess
import sys

import pytest

from vae_zoo.zoo import catalogue
from vae_zoo.zoo.constructors import REQUIRED, arguments_of, meanings

GROUPS = (
    catalogue.MODELS,
    catalogue.SPHERICAL_POSTERIORS,
    catalogue.SCHEDULES,
    {"distorted": catalogue.DISTORTED},
    *catalogue.PARTS.values(),
)
PATHS = sorted({each.path for group in GROUPS for each in group.values() if each})


def loaded(path):
    return catalogue.Entry(path).load()


@pytest.mark.parametrize("path", PATHS)
def test_they_are_those_of_the_class(path):
    kind = loaded(path)
    signatures = [
        inspect.signature(each.__init__).parameters
        for each in kind.__mro__
        if each.__module__.startswith("vae_zoo.") and "__init__" in vars(each)
    ]
    found = arguments_of(path)
    for name, parameter in inspect.signature(kind).parameters.items():
        # Python 3.11.2 shows those of `Layer.__new__`.
        is_any = parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        assert name in found or is_any
    for name, argument in found.items():
        (parameter, *_) = (each[name] for each in signatures if name in each)
        assert argument.default in (parameter.default, ...)
        assert argument.meaning or name == "name"


def test_those_of_bases_are_what_is_not_handed_on():
    conv, resnet = (
        arguments_of(f"vae_zoo.components.networks.{name}")
        for name in ("Conv", "ResNet")
    )
    # `Conv` has its base make no blocks, by place, and both take the rates.
    assert set(resnet) - set(conv) == {"num_blocks"}
    assert conv["dropout_rate"].default == 0.0
    # By name.
    assert "prior" not in arguments_of("vae_zoo.models.GaussianMixtureVAE")
    latent_dim = arguments_of("vae_zoo.models.BetaVAE")["latent_dim"]
    assert (latent_dim.annotation, latent_dim.default) == ("int", REQUIRED)
    assert latent_dim.meaning.startswith("length D of the vector")


SOURCE = '''
import keras
import vae_zoo
from vae_zoo.components import networks
from vae_zoo.components.networks import MLP
from somewhere.else_ import Base

WIDTH = 7
MADE = dict()

class First(MLP, Base):
    """One.

    Args:
        hidden_units: as in `MLP`.
        width: of `it`, >= 1; a second half
            and more. And so on.

    Raises:
        ValueError: if not.
    """

    def __init__(self, hidden_units=(3,), *, width=WIDTH, made=MADE, **kwargs):
        super().__init__(hidden_units, activation="tanh", **kwargs)

class Second(First):
    """Two."""

class Third(networks.MLP, keras.layers.Layer):
    """Three."""

class Fourth(vae_zoo.BetaVAE):
    """Four."""
'''


def test_a_module_is_read_and_not_imported(tmp_path, monkeypatch):
    (tmp_path / "outside_the_zoo.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    found = arguments_of("outside_the_zoo.Second")
    assert "outside_the_zoo" not in sys.modules
    rates = ["dropout_rate", "decoder_dropout_rate"]
    assert list(found) == ["hidden_units", "width", "made", "gated", "name", *rates]
    assert found["hidden_units"].default == (3,)
    assert found["hidden_units"].meaning.startswith("units of each hidden layer")
    assert (found["width"].meaning, found["width"].default) == ("of it, >= 1", 7)
    assert found["made"].default is ...
    mlp = arguments_of("vae_zoo.components.networks.MLP")
    assert arguments_of("outside_the_zoo.Third") == mlp
    # Whose package has its names in a stub.
    assert "beta" in arguments_of("outside_the_zoo.Fourth")
    for path in ("outside_the_zoo.Fifth", "no_such_module.A", "vae_zoo.models.Vae"):
        with pytest.raises(ValueError, match="`path` must"):
            arguments_of(path)


def test_the_first_sentence_is_the_meaning():
    text = "It.\n\n    Args:\n        q, p: two.\n        z: one (e.g. 3), of\n"
    text += "            a batch. More.\n        k: it.\n        **rest: of it.\n\n"
    text += "    Returns:\n        x: no argument.\n    "
    expected = {"q": "two", "p": "two", "z": "one (e.g. 3), of a batch"}
    expected |= {"k": "it", "**rest": "of it"}
    assert meanings(text) == expected
    assert meanings(None) == {}


def test_all_models_are_read_without_tensorflow():
    program = (
        "import sys\nfrom vae_zoo.runs import options\n"
        "from vae_zoo.zoo.catalogue import MODELS\n"
        "for model in MODELS: assert options.of_model(model)\n"
        "assert not {'tensorflow', 'keras', 'numpy'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
