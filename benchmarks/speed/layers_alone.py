"""The layers' matrix products or convolutions alone, forward and backward.

There are no biases, activations, loss or optimizer: only what a step cannot do without.
"""

import keras
import keras_layers
import protocol
import tensorflow as tf


def main():
    asked = protocol.settings()
    keras.config.set_dtype_policy(asked.dtype)
    x = tf.constant(protocol.data(asked))
    encoder = keras_layers.encoder(asked.network)
    decoder = keras_layers.decoder(asked.network)
    head = keras.layers.Dense(2 * protocol.LATENT_DIM, dtype="float32")
    parts = (encoder, head, decoder)
    for layer in (*encoder.layers, head, *decoder.layers):
        layer.use_bias, layer.activation = False, None
    decoder(head(encoder(x[:1]))[:, : protocol.LATENT_DIM])
    weights = [v.value for part in parts for v in part.trainable_variables]

    # With XLA and without where `tf_loop` has it.
    @tf.function(jit_compile=asked.network == "mlp")
    def step(batch):
        with tf.GradientTape() as tape:
            logits = decoder(head(encoder(batch))[:, : protocol.LATENT_DIM])
        # Any gradient of the logits will do; this one is there already.
        return tape.gradient(logits, weights, output_gradients=batch)

    @tf.function
    def epoch():
        batches = tf.reshape(x, [-1, asked.batch_size, *x.shape[1:]])
        gradients = [tf.zeros_like(each) for each in weights]
        for index in tf.range(len(batches)):
            gradients = step(batches[index])
        return gradients

    def run():
        epoch()[0].numpy()

    protocol.Clock(sum(v.shape.num_elements() for v in weights)).run(run)


if __name__ == "__main__":
    main()
