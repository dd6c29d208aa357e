"""How a model is loaded from a preset and saved as one."""

import pathlib
import typing
from typing import Any, NoReturn

import keras

from vae_zoo.arguments import Config, PathLike, shown


class PresetSource(typing.Protocol):
    """Where presets are: the zoo, which stands on the models and makes itself known."""

    def presets_of(self, kind: type) -> dict[str, dict]:
        """Name -> metadata of the presets of a class of models."""

    def load_preset(
        self,
        name_or_path: PathLike,
        kind: type,
        sha256: str | None,
        dtype: str | keras.DTypePolicy | None,
    ) -> Any:
        """See `PresetMethods.from_preset`."""

    def save_to_preset(
        self, model: keras.Model, directory: PathLike, metadata: Config | None
    ) -> pathlib.Path:
        """See `PresetMethods.save_to_preset`."""


_sources: list[PresetSource] = []


def provide(source: PresetSource) -> None:
    """Has the models take their presets from `source`."""
    _sources[:] = [source]


class _Presets:
    """`VAE.presets`: name -> metadata of the presets of the class it is read on."""

    def __get__(self, instance: object, owner: type) -> dict[str, Config]:
        return _sources[0].presets_of(owner)


class PresetMethods:
    """What every model of the zoo has for its presets."""

    presets = _Presets()

    @classmethod
    def from_preset(
        cls,
        name_or_path: PathLike,
        *,
        sha256: str | None = None,
        dtype: str | keras.DTypePolicy | None = None,
    ) -> typing.Self:
        """The trained model of a preset, of an exported SavedModel, or of an archive.

        Args:
            name_or_path: a name in `VAE.presets`, a folder that `export` wrote, or the
                https URL of a .tar.gz or .zip of one, which is downloaded once.
            sha256: of the archive, 64 hexadecimal digits; with a URL only, and there
                demanded.
            dtype: policy that the encoder and the decoder compute by, "float32" or
                "mixed_bfloat16" say; None for that of the model saved.

        Returns:
            A model of the class that was saved, `cls` or a subclass, not compiled.

        Raises:
            ValueError: if there is no such preset or folder, it is not of this
                package, it is corrupted or was edited so that it makes no model for
                its weights, it holds a model that is no `cls`, `sha256` is missing or
                another, an archive is larger than the limits or holds what is no
                file, or `dtype` is no policy with variables in float32.
            OSError: if a URL cannot be downloaded, or its server stalls.

        An archive may have 1 GiB and 2 GiB unpacked, its server may be silent for 30
        seconds and take an hour. `VAE_ZOO_MAX_DOWNLOAD_MIB`,
        `VAE_ZOO_MAX_UNPACKED_MIB`, `VAE_ZOO_DOWNLOAD_TIMEOUT` and
        `VAE_ZOO_MAX_DOWNLOAD_SECONDS` in the environment set other limits.
        """
        return _sources[0].load_preset(name_or_path, cls, sha256, dtype)

    def save_to_preset(
        self, directory: PathLike, metadata: Config | None = None
    ) -> pathlib.Path:
        """Writes a SavedModel, as `export` does, and a model card beside it.

        Args:
            directory: the folder of all versions; its name is the model's.
            metadata: dict to add to the SavedModel's `vae_zoo.json`, from which the
                card is made; `zoo.model_card.model_card` says what it may hold.

        Returns:
            `<directory>/<version>/`; the card is `<directory>/README.md`.

        Raises:
            ValueError: if `directory` holds something else, `metadata` is not what
                JSON can hold, or a part of the card is of another kind or lacks its
                name, value or protocol; then nothing is written.
            OSError: if it cannot be written.
        """
        return _sources[0].save_to_preset(self, directory, metadata)

    def export(self, *args: object, **kwargs: object) -> NoReturn:
        """Refused: `vae_zoo.export` writes what a server needs.

        Raises:
            ValueError: always.
        """
        raise ValueError(
            "`model.export` must be `vae_zoo.export(model, directory)`, which writes "
            "directory/1/, a SavedModel with signatures for TF Serving. Received: "
            f"{', '.join(map(shown, args)) or 'no path'}"
        )
