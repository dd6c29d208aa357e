"""`train` of pythae's trainer, its VAE and SVAE with the same layers in PyTorch.

It runs in a separate environment without TensorFlow; see `fit_speed.py`.
"""

import itertools
import math
import tempfile

import protocol
import torch
from pythae.data.datasets import BaseDataset
from pythae.models import SVAE, VAE, SVAEConfig, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from pythae.trainers.training_callbacks import TrainingCallback
from torch import nn

HALVE = {"kernel_size": protocol.KERNEL_SIZE, "stride": 2, "padding": 1}
SMALL = protocol.SIDE // 2 ** len(protocol.FILTERS)


def stack(make, sizes):
    """Layers from each size to the next, each with its activation."""
    pairs = itertools.pairwise(sizes)
    return [part for pair in pairs for part in (make(*pair), nn.ReLU())]


class Encoder(BaseEncoder):
    """The encoder, with both projections of the posterior."""

    def __init__(self, network, latent_dim, is_spherical):
        super().__init__()
        if network == "mlp":
            sizes = (protocol.SIDE**2, *protocol.HIDDEN_UNITS)
            layers = stack(nn.Linear, sizes)
        else:
            flat = SMALL**2 * protocol.FILTERS[-1]
            layers = [
                *stack(lambda i, o: nn.Conv2d(i, o, **HALVE), (1, *protocol.FILTERS)),
                nn.Flatten(),
                *stack(nn.Linear, (flat, protocol.DENSE_UNITS)),
            ]
        self.layers = nn.Sequential(*layers)
        features = next(m for m in reversed(layers) if isinstance(m, nn.Linear))
        self.mean = nn.Linear(features.out_features, latent_dim)
        self.second_name = "log_concentration" if is_spherical else "log_covariance"
        self.second = nn.Linear(
            features.out_features, 1 if is_spherical else latent_dim
        )

    def forward(self, x):
        features = self.layers(x)
        parameters = {self.second_name: self.second(features)}
        return ModelOutput(embedding=self.mean(features), **parameters)


class Decoder(BaseDecoder):
    """The decoder, to probabilities."""

    def __init__(self, network, latent_dim):
        super().__init__()
        if network == "mlp":
            sizes = (latent_dim, *reversed(protocol.HIDDEN_UNITS))
            last = nn.Linear(sizes[-1], protocol.SIDE**2)
            layers = [*stack(nn.Linear, sizes), last]
        else:
            shape = (protocol.FILTERS[-1], SMALL, SMALL)
            sizes = (latent_dim, protocol.DENSE_UNITS, math.prod(shape))
            channels = (protocol.FILTERS[-1], *[protocol.FILTERS[0]] * 2)
            layers = [
                *stack(nn.Linear, sizes),
                nn.Unflatten(1, shape),
                *stack(lambda i, o: nn.ConvTranspose2d(i, o, **HALVE), channels),
                nn.Conv2d(channels[-1], 1, 1),
            ]
        self.layers = nn.Sequential(*layers, nn.Sigmoid())

    def forward(self, z):
        return ModelOutput(reconstruction=self.layers(z))


class Epochs(TrainingCallback):
    """Lets a clock of `protocol` time the epochs of `train`."""

    def __init__(self, clock):
        self.clock = clock

    def on_epoch_begin(self, training_config, **kwargs):
        self.clock.start()

    def on_epoch_end(self, training_config, **kwargs):
        self.clock.stop()


def main():
    asked = protocol.settings()
    x = torch.from_numpy(protocol.data(asked))
    x = x if asked.network == "mlp" else x.permute(0, 3, 1, 2).contiguous()
    is_spherical = asked.model == "SVAE"
    latent_dim = protocol.LATENT_DIM + is_spherical
    settings = {
        "input_dim": tuple(x.shape[1:]),
        "latent_dim": latent_dim,
        "reconstruction_loss": "bce",
    }
    config = SVAEConfig(**settings) if is_spherical else VAEConfig(**settings)
    model = (SVAE if is_spherical else VAE)(
        config,
        encoder=Encoder(asked.network, latent_dim, is_spherical),
        decoder=Decoder(asked.network, latent_dim),
    )
    with tempfile.TemporaryDirectory() as folder:
        # No checkpoints, evaluation or pictures.
        training = BaseTrainerConfig(
            output_dir=folder,
            per_device_train_batch_size=asked.batch_size,
            num_epochs=1_000_000,
            learning_rate=1e-3,
        )
        data = BaseDataset(x, torch.zeros(len(x)))
        clock = protocol.Clock(sum(each.numel() for each in model.parameters()))
        BaseTrainer(
            model, data, training_config=training, callbacks=[Epochs(clock)]
        ).train()


if __name__ == "__main__":
    main()
