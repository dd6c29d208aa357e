import pkgutil
import subprocess
import sys

import pytest

import vae_zoo


@pytest.mark.parametrize(
    "name", ["components", "fitting.calls", "plotting", "serving.loading"]
)
def test_a_part_of_the_package_may_be_imported_first(name):
    # Keras is imported in the midst of it, and with it the models.
    program = f"import vae_zoo.{name}; vae_zoo.VAE((2,), 1)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True)
    assert result.returncode == 0, result.stderr.decode()


def test_every_name_of_a_package_that_loads_late_is_there():
    for package in (vae_zoo, vae_zoo.datasets, vae_zoo.serving):
        assert set(package.__all__) <= set(dir(package))
        for name in package.__all__:
            assert getattr(package, name) is not None
    assert vae_zoo.serving.export is vae_zoo.export


@pytest.mark.parametrize(
    "name",
    [
        module.name
        for module in pkgutil.iter_modules(vae_zoo.__path__)
        if not module.name.startswith("_")
    ],
)
def test_every_public_module_is_there_after_one_import(name):
    # As if nothing had imported it before.
    assert vae_zoo.__getattr__(name).__name__ == f"vae_zoo.{name}"
    assert name in dir(vae_zoo)


def test_what_is_not_there_is_an_attribute_error():
    for name in ("nothing", "__main__", "_modules_"):
        with pytest.raises(AttributeError, match=f"vae_zoo attribute {name}"):
            getattr(vae_zoo, name)
