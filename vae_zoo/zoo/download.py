"""SavedModels from elsewhere: an archive at an https address, kept once fetched."""

import pathlib
import re

import keras


def fetch(url: str, sha256: str | None) -> pathlib.Path:
    """The folder of the model in the archive at `url`, downloaded unless it is there.

    Args:
        url: https address of a .tar.gz or .zip of a model's folder, with its versions
            or one of these alone.
        sha256: of the archive, 64 hexadecimal digits, from a source you trust.

    Returns:
        The folder, in Keras' cache (`~/.keras`, or `KERAS_HOME`).

    Raises:
        ValueError: if `url` is not https, `sha256` is missing or not that of what
            came, or the archive holds no model of this package, or several.
        OSError: if it cannot be downloaded.
    """
    if not url.startswith("https://"):
        raise ValueError(f"`name_or_path` must be https as a URL. Received: '{url}'")
    if not re.fullmatch(r"[0-9a-fA-F]{64}", sha256 or ""):
        raise ValueError(
            "`sha256` must come with a URL: that of the archive, 64 hexadecimal "
            f"digits. Received: sha256={sha256!r}"
        )
    sha256 = sha256.lower()
    try:
        # One folder for each archive: what was unpacked from another is never found.
        folder = keras.utils.get_file(
            origin=url,
            file_hash=sha256,
            hash_algorithm="sha256",
            cache_subdir=f"vae_zoo/{sha256}",
            extract=True,
        )
    except ValueError as error:
        raise ValueError(
            f"`sha256` must be that of '{url}'. Received: sha256={sha256!r}, and an "
            "archive of another"
        ) from error
    except Exception as error:  # Keras wraps whatever goes wrong in a bare one.
        raise OSError(f"'{url}' could not be downloaded: {error}") from error
    return _only_model(pathlib.Path(folder), url)


def _only_model(folder, url):
    """The one folder in `folder` whose versions are a model's."""
    versions = [path.parents[1] for path in folder.rglob("assets.extra/vae_zoo.json")]
    found = {version.parent for version in versions}
    if len(found) != 1:
        raise ValueError(
            "`name_or_path` must be the URL of an archive of one model of vae_zoo, "
            f"with its saved_model.pb and assets.extra/. Received: '{url}', with "
            f"{len(found)} of them"
        )
    return found.pop() if len(versions) > 1 else versions[0]
