"""The pictures that a run leaves and `vae-zoo plot` writes."""

import pathlib

from vae_zoo import plotting

NUM_PICTURED = 64
NUM_LATENTS_PICTURED = 2000
NUM_PICTURED_OF_CLUSTER = 10


def write_pictures(model, source, folder, settings):
    """Writes `samples.png`, `reconstructions.png` and `latent.png` to `folder`.

    Of a mixture model `clusters.png` too, a row of samples for each cluster.

    Args:
        model: a trained model.
        source: the examples to show, a `datasets.Source`.
        folder: where the pictures go.
        settings: dict with `seed` and `binarize`.
    """
    folder = pathlib.Path(folder)
    with_classes = source.has_labels and not source.factor_names
    examples, classes = [], []
    data = source.batches(
        NUM_LATENTS_PICTURED,
        binarize=settings["binarize"] and "fixed",
        labels=with_classes,
        seed=settings["seed"],
    )
    for element in data.take(1):
        examples, classes = element if with_classes else (element, None)
    x = examples.numpy()
    pictures = {
        "samples": plotting.samples(
            model.sample(NUM_PICTURED, seed=settings["seed"]).numpy()
        ),
        "reconstructions": plotting.reconstructions(x[:10], model.reconstruct(x[:10])),
        "latent": plotting.latent(model.encode(x), classes),
    }
    if model.num_clusters:
        pictures["clusters"] = plotting.clusters(
            [
                model.sample(
                    NUM_PICTURED_OF_CLUSTER, seed=settings["seed"], cluster=cluster
                ).numpy()
                for cluster in range(model.num_clusters)
            ]
        )
    for name, figure in pictures.items():
        plotting.save(figure, folder / f"{name}.png")
