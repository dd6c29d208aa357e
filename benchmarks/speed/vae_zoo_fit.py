"""`fit` of the models of this package."""

import keras
import protocol
from keras_layers import NUM_EPOCHS, Epochs

import vae_zoo
from vae_zoo.components import networks


def make_model(asked):
    sizes = {"input_shape": (protocol.SIDE**2,), "latent_dim": protocol.LATENT_DIM}
    encoder = networks.MLP(protocol.HIDDEN_UNITS, dtype=asked.dtype)
    if asked.network == "conv":
        sizes["input_shape"] = (protocol.SIDE, protocol.SIDE, 1)
        encoder = networks.Conv(
            protocol.FILTERS,
            hidden_units=(protocol.DENSE_UNITS,),
            kernel_size=protocol.KERNEL_SIZE,
            dtype=asked.dtype,
        )
    options = {
        "VAE": {},
        "BetaVAE": {"beta": 4.0},
        # On a sphere of as many dimensions.
        "HypersphericalVAE": {"latent_dim": protocol.LATENT_DIM + 1},
        # Without groups of data to wait for, all of it is at work from the start.
        "GaussianMixtureVAE": {"num_clusters": 10, "initialization": None},
    }
    arguments = {**sizes, **options[asked.model]}
    return getattr(vae_zoo, asked.model)(**arguments, encoder=encoder)


def main():
    asked = protocol.settings()
    keras.utils.set_random_seed(0)
    x, model = protocol.data(asked), make_model(asked)
    steps = {"steps_per_execution": asked.steps_per_execution}
    model.compile("adam", **(steps if asked.steps_per_execution else {}))
    epochs = Epochs(protocol.Clock(sum(v.shape.num_elements() for v in trained(model))))
    model.fit(
        x,
        batch_size=asked.batch_size,
        epochs=NUM_EPOCHS,
        callbacks=[epochs],
        verbose=0,
    )


def trained(model):
    return [variable.value for variable in model.trainable_variables]


if __name__ == "__main__":
    main()
