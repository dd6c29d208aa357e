"""The minimal TensorFlow loop for a VAE: no `fit`, no pipeline, no metrics.

An epoch is one `tf.function`, which gathers its batches inside the graph. XLA compiles
it where that is faster, which excludes convolutions on CPUs.
"""

import keras
import keras_layers
import protocol
import tensorflow as tf


def main():
    asked = protocol.settings()
    keras.config.set_dtype_policy(asked.dtype)
    keras.utils.set_random_seed(0)
    x = tf.constant(protocol.data(asked))
    encoder = keras_layers.encoder(asked.network)
    decoder = keras_layers.decoder(asked.network)
    head = keras.layers.Dense(2 * protocol.LATENT_DIM, dtype="float32")
    decoder(head(encoder(x[:1]))[:, : protocol.LATENT_DIM])
    layers = (encoder, head, decoder)
    weights = [v.value for layer in layers for v in layer.trainable_variables]
    update = adam(weights)

    def loss_of(batch, seed):
        mean, log_variance = tf.split(head(encoder(batch)), 2, axis=1)
        noise = tf.random.stateless_normal(tf.shape(mean), seed)
        logits = decoder(mean + tf.exp(0.5 * log_variance) * noise)
        cross_entropy = tf.nn.sigmoid_cross_entropy_with_logits(batch, logits)
        variance = tf.exp(log_variance)
        kl = -0.5 * (1 + log_variance - tf.square(mean) - variance)
        return (tf.reduce_sum(cross_entropy) + tf.reduce_sum(kl)) / asked.batch_size

    @tf.function(jit_compile=asked.network == "mlp")
    def step(indices, number):
        with tf.GradientTape() as tape:
            loss = loss_of(tf.gather(x, indices), tf.stack([0, number]))
        update(tape.gradient(loss, weights), tf.cast(number + 1, tf.float32))
        return loss

    @tf.function
    def epoch(first_step):
        order = tf.random.shuffle(tf.range(asked.num_examples))
        order = tf.reshape(order, [-1, asked.batch_size])
        total = 0.0
        for index in tf.range(len(order)):
            total += step(order[index], first_step + index)
        return total

    steps_done = tf.Variable(0)

    def run():
        epoch(steps_done).numpy()
        steps_done.assign_add(asked.num_examples // asked.batch_size)

    protocol.Clock(sum(v.shape.num_elements() for v in weights)).run(run)


def adam(weights, rate=1e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """The update of `weights`: a function of the gradients and the step from 1."""
    means = [tf.Variable(tf.zeros_like(each)) for each in weights]
    squares = [tf.Variable(tf.zeros_like(each)) for each in weights]

    def update(gradients, step):
        scaled = rate * tf.sqrt(1 - beta_2**step) / (1 - beta_1**step)
        for each, g, m, v in zip(weights, gradients, means, squares, strict=True):
            m.assign_add((g - m) * (1 - beta_1))
            v.assign_add((g * g - v) * (1 - beta_2))
            each.assign_sub(scaled * m / (tf.sqrt(v) + epsilon))

    return update


if __name__ == "__main__":
    main()
