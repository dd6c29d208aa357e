"""Several threads use one model."""

import threading

import keras

from vae_zoo import VAE


def test_predict_and_evaluate_in_other_threads_are_no_matter_to_fit(binary_images):
    # The first `fit`, which chooses whether to use XLA.
    model = VAE((6, 5, 1), 2, seed=0)
    model.compile("adam")
    failures, number = [], 0
    stop = threading.Event()

    def others():
        nonlocal number
        try:
            while not stop.is_set():
                rows = model.predict(binary_images, batch_size=5, verbose=0)
                assert len(rows["latents"]) == 32
                number += 1
        except Exception as error:
            failures.append(error)

    class UntilTheOthersAreDone(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = number >= 3 or failures

    thread = threading.Thread(target=others)
    thread.start()
    try:
        until = [UntilTheOthersAreDone()]
        model.fit(binary_images, batch_size=3, epochs=400, verbose=0, callbacks=until)
    finally:
        stop.set()
        thread.join()
    assert failures == []
    assert number >= 3
