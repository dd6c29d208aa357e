import subprocess
import sys

import pytest


@pytest.mark.parametrize("name", ["components", "plotting"])
def test_a_part_of_the_package_may_be_imported_first(name):
    # Keras is imported in the midst of it, and with it the models.
    program = f"from vae_zoo import {name}; import vae_zoo; vae_zoo.VAE((2,), 1)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True)
    assert result.returncode == 0, result.stderr.decode()
