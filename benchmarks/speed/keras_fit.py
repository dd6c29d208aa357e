"""`fit` of a stock Keras VAE with a custom `train_step`, as the tutorials teach."""

import keras
import keras_layers
import protocol
import tensorflow as tf
from keras import ops


class StockVAE(keras.Model):
    """Two summed losses, and a metric for each."""

    def __init__(self, network):
        super().__init__()
        self.encoder = keras_layers.encoder(network)
        self.mean = keras.layers.Dense(protocol.LATENT_DIM)
        self.log_variance = keras.layers.Dense(protocol.LATENT_DIM)
        self.decoder = keras_layers.decoder(network)
        self.seed_generator = keras.random.SeedGenerator(0)
        names = ("loss", "reconstruction_loss", "kl_loss")
        self.trackers = [keras.metrics.Mean(name=name) for name in names]

    @property
    def metrics(self):
        return self.trackers

    def call(self, data):
        features = self.encoder(data)
        mean, log_variance = self.mean(features), self.log_variance(features)
        noise = keras.random.normal(ops.shape(mean), seed=self.seed_generator)
        z = mean + ops.exp(0.5 * log_variance) * noise
        return mean, log_variance, ops.sigmoid(self.decoder(z))

    def train_step(self, data):
        with tf.GradientTape() as tape:
            mean, log_variance, reconstruction = self(data)
            cross_entropy = keras.losses.binary_crossentropy(data, reconstruction)
            axes = list(range(1, len(cross_entropy.shape)))
            size = data.shape[-1]
            reconstruction_loss = ops.mean(ops.sum(cross_entropy * size, axis=axes))
            variance = ops.exp(log_variance)
            kl = -0.5 * (1 + log_variance - ops.square(mean) - variance)
            kl_loss = ops.mean(ops.sum(kl, axis=1))
            loss = reconstruction_loss + kl_loss
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(
            zip(gradients, self.trainable_weights, strict=True)
        )
        losses = (loss, reconstruction_loss, kl_loss)
        for tracker, value in zip(self.trackers, losses, strict=True):
            tracker.update_state(value)
        return {tracker.name: tracker.result() for tracker in self.trackers}


def main():
    asked = protocol.settings()
    keras.config.set_dtype_policy(asked.dtype)
    keras.utils.set_random_seed(0)
    x, model = protocol.data(asked), StockVAE(asked.network)
    model(x[:1])
    model.compile("adam")
    epochs = keras_layers.Epochs(protocol.Clock(model.count_params()))
    model.fit(
        x,
        batch_size=asked.batch_size,
        epochs=keras_layers.NUM_EPOCHS,
        callbacks=[epochs],
        verbose=0,
    )


if __name__ == "__main__":
    main()
