"""What the settings of a run must be to each other."""

import pytest

from vae_zoo.runs import settings as run_settings


@pytest.mark.parametrize("name", ["cosine_decay", "ema_momentum"])
def test_what_depends_on_the_number_of_epochs_is_not_extended(name):
    found = {"epochs": 3, "cosine_decay": False, "ema_momentum": 0.0}
    run_settings.check_extension(found, 5)
    found[name] = 0.9
    with pytest.raises(ValueError, match=f"`epochs` must be 3, since `{name}`"):
        run_settings.check_extension(found, 5)
