"""Fine-tune a preset on another data set, and compare with training from scratch.

    python examples/fine_tune.py fashion_mnist [--preset vae_mnist] [--epochs 3]

DATASET is a TFDS name, a .npy or .npz file or a folder of images of the preset's size;
its grey values are binarized, as the preset's likelihood wants them.
"""

import argparse

import keras

import vae_zoo


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("dataset")
    parser.add_argument("--preset", default="vae_mnist")
    parser.add_argument("--data-dir", default=None, help="where TFDS keeps its data")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--output", default="served/fine_tuned")
    arguments = parser.parse_args()

    def load(split, binarize):
        return vae_zoo.datasets.load(
            arguments.dataset,
            split,
            binarize=binarize,
            labels=False,
            data_dir=arguments.data_dir,
        )

    train, held_out = load("train[:90%]", "dynamic"), load("train[90%:]", "fixed")
    pretrained = vae_zoo.VAE.from_preset(arguments.preset)
    keras.utils.set_random_seed(0)
    # The same configuration with untrained weights.
    fresh = type(pretrained).from_config(pretrained.get_config())
    for name, model in (("from scratch", fresh), ("fine-tuned", pretrained)):
        model.compile(keras.optimizers.Adam(1e-3))
        before = model.evaluate(held_out, return_dict=True, verbose=0)["elbo"]
        model.fit(train, epochs=arguments.epochs, shuffle=False, verbose=2)
        after = model.evaluate(held_out, return_dict=True, verbose=0)["elbo"]
        print(f"{name}: held-out ELBO {before:.1f} -> {after:.1f} nats")
    print("saved as", pretrained.save_to_preset(arguments.output))


if __name__ == "__main__":
    main()
