"""Makes the presets known to the models' `from_preset`."""

from vae_zoo.models.preset_methods import provide
from vae_zoo.zoo.presets import load_preset, presets_of
from vae_zoo.zoo.publishing import save_to_preset


class _Zoo:
    presets_of = staticmethod(presets_of)
    load_preset = staticmethod(load_preset)
    save_to_preset = staticmethod(save_to_preset)


provide(_Zoo())
