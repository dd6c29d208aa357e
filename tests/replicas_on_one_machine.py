"""A program: training on two virtual devices of this machine beside training on one.

Prints as JSON, for the model named on the command line, the histories and what
`evaluate` gives, and for the two devices of models without a condition the noise that
equal examples have there and what the second one's share of the weights is.
"""

import json
import sys

import keras
import numpy as np
import tensorflow as tf

import vae_zoo
from tests.additions.conditional import OnCondition
from vae_zoo.components import (
    cluster_initializers,
    distortions,
    networks,
    posteriors,
    priors,
)
from vae_zoo.datasets import open_source
from vae_zoo.fitting import distribute

BATCH_SIZE, NUM_EXAMPLES, EPOCHS = 32, 97, 3
STEPS = -(-NUM_EXAMPLES // BATCH_SIZE)  # The last batch is one example.


def noisy():
    """An encoder with noise of its own for each row."""
    return distortions.Distorted(
        networks.MLP((16,), dropout_rate=0.2), rotation=10.0, elastic=0.05, seed=1
    )


def vae():
    return vae_zoo.VAE((8, 8, 1), 3, encoder=noisy(), seed=2)


def gaussian_mixture_vae():
    start = cluster_initializers.KMeans(1, num_restarts=2, max_examples=60)
    return vae_zoo.GaussianMixtureVAE(
        (8, 8, 1),
        3,
        num_clusters=10,
        encoder=networks.MLP((16,)),
        initialization=start,
        free_bits=1.0,
        seed=2,
    )


def hyperspherical_vae():
    return vae_zoo.HypersphericalVAE((8, 8, 1), 4, encoder=networks.MLP((16,)), seed=2)


def weighted_beta_vae():
    """With sample weights, and a capacity to which their mean over a batch comes."""
    return vae_zoo.BetaVAE(
        (8, 8, 1), 3, encoder=noisy(), beta=3.0, capacity=2.0, seed=2
    )


def conditional_vae():
    """Of the upper half, given the lower one; with labels' place taken by these."""
    return OnCondition((32,), 3, 32, encoder=networks.MLP((16,)), seed=2)


def vamp_prior_vae():
    return vae_zoo.VAE(
        (8, 8, 1),
        3,
        encoder=networks.MLP((16,)),
        prior=priors.VampPrior(20),
        seed=2,
    )


def flow_vae():
    return vae_zoo.VAE(
        (8, 8, 1),
        3,
        encoder=networks.MLP((16,)),
        posterior=posteriors.InverseAutoregressiveFlow(2, (8,)),
        prior=priors.Flow(2, (8,)),
        seed=2,
    )


def halves(x):
    x = tf.reshape(x, [-1, 64])
    return x[:, :32], x[:, 32:]


def with_weights(x):
    return x, None, 0.1 + tf.reduce_sum(x, [1, 2, 3]) ** 2


def train(make_model, strategy):
    keras.utils.set_random_seed(0)
    labels = make_model is gaussian_mixture_vae
    source = open_source("digits").first(NUM_EXAMPLES)

    def batches(**share):
        data = source.batches(
            BATCH_SIZE, binarize="dynamic", labels=labels, first_epoch=0, **share
        )
        further = {weighted_beta_vae: with_weights, conditional_vae: halves}
        return data.map(further[make_model]) if make_model in further else data

    with strategy.scope():
        model = make_model()
        model.compile(
            keras.optimizers.Adam(0.01, weight_decay=0.01, use_ema=True),
            jit_compile=False,
        )
    data = batches()
    if distribute.is_distributed(strategy):
        data = distribute.sharded(strategy, batches)
    callbacks = [keras.callbacks.SwapEMAWeights()]
    callbacks += model.training_callbacks(batches(), STEPS)
    history = model.fit(
        data,
        steps_per_epoch=STEPS,
        epochs=EPOCHS,
        validation_data=data,
        validation_steps=STEPS,
        callbacks=callbacks,
        verbose=0,
    ).history
    measured = model.evaluate(data, steps=STEPS, return_dict=True, verbose=0)
    found = {"history": history, "measured": measured}
    if distribute.is_distributed(strategy) and make_model is not conditional_vae:
        x = next(iter(source.batches(1))).numpy()
        found |= dealt_out_by_keras(model, x)
    return found


def dealt_out_by_keras(model, x):
    """Here Keras and TensorFlow deal out: the first half and the second."""
    x = np.repeat(x, 4, axis=0)
    # Arrays, whose weights need no labels.
    sides = [np.zeros((50, 8, 8, 1)), np.ones((50, 8, 8, 1))]
    bounds = [model.evaluate(each, batch_size=50, verbose=0)[0] for each in sides]
    light = {"sample_weight": np.repeat([1e-6, 1.0], 50), "batch_size": 100}
    weighted = model.evaluate(np.concatenate(sides), **light, verbose=0)[0]
    # 1 if the weights count, 1/2 if they do not.
    second_share = (weighted - bounds[0]) / (bounds[1] - bounds[0])
    draws = model.predict(x, batch_size=4, verbose=0)["elbo"]
    return {"draws": draws.tolist(), "second_share": second_share}


def main():
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * 2
    )
    make_model = globals()[sys.argv[1]]
    two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    found = [train(make_model, each) for each in (tf.distribute.get_strategy(), two)]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
