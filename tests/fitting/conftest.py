import pytest

from tests.fitting.blind_models import blind, compiled


@pytest.fixture(scope="module")
def resting():
    """A blind model that learns at a rate of 0: the same after each `fit`."""
    return compiled(blind())
