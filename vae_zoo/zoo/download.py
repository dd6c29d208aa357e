"""SavedModels from https addresses: archives that are cached after the download.

The cache keeps each archive under its sha256, which is checked at each use. So files
that other programs leave in the cache are never taken for it.
"""

import contextlib
import hashlib
import http.client
import os
import pathlib
import re
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping

from vae_zoo import atomic
from vae_zoo.arguments import check_number, shown
from vae_zoo.serving.layout import file_sha256
from vae_zoo.zoo.archive import unpack

# Environment variable -> (its default, what it limits).
LIMITS = {
    "VAE_ZOO_MAX_DOWNLOAD_MIB": (1024, "the size of a downloaded archive"),
    "VAE_ZOO_MAX_UNPACKED_MIB": (2048, "the size of what is unpacked from it"),
    "VAE_ZOO_DOWNLOAD_TIMEOUT": (30, "the seconds that a server may send nothing"),
    "VAE_ZOO_MAX_DOWNLOAD_SECONDS": (3600, "the seconds that a download may take"),
}
MIB = 2**20


@contextlib.contextmanager
def fetched(url: str, sha256: str | None) -> Iterator[pathlib.Path]:
    """Yields a temporary folder with the model in the archive at `url`.

    The archive is downloaded unless it is in Keras' cache already (`~/.keras`, or
    `KERAS_HOME`). The environment variables in `LIMITS` raise the limits.

    Args:
        url: https address of a .tar.gz or .zip of a model's folder, with all its
            versions or only one.
        sha256: of the archive, 64 hexadecimal digits, from a source you trust.

    Raises:
        ValueError: if `url` is not https; if `sha256` is missing or not that of the
            download; if the archive is broken, larger than the limits, or holds links,
            devices or paths that leave it; or if it does not hold exactly one model of
            this package.
        OSError: if it cannot be downloaded or kept, or the server stalls.
    """
    if not url.startswith("https://"):
        raise ValueError(f"`name_or_path` must be https as a URL. Received: '{url}'")
    if not isinstance(sha256, str) or not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise ValueError(
            "`sha256` must come with a URL: that of the archive, 64 hexadecimal "
            f"digits. Received: sha256={shown(sha256)}"
        )
    limits = {name: _limit(name) for name in LIMITS}
    archive = _cache() / f"{sha256.lower()}.archive"
    if not archive.is_file() or file_sha256(archive) != sha256.lower():
        _download(url, archive, sha256.lower(), limits)
    with tempfile.TemporaryDirectory(prefix="vae_zoo-") as folder:
        unpack(archive, folder, limits["VAE_ZOO_MAX_UNPACKED_MIB"] * MIB, url)
        yield _only_model(pathlib.Path(folder), url)


def _limit(name: str) -> float:
    default, meaning = LIMITS[name]
    text = os.environ.get(name, default)
    try:
        value: object = float(text)
    except ValueError:
        value = text
    return check_number(name, value, f"{meaning}, an environment variable", above=0)


def _cache() -> pathlib.Path:
    """The folder of the archives."""
    home = os.environ.get("KERAS_HOME") or pathlib.Path.home() / ".keras"
    folder = pathlib.Path(home) / "vae_zoo"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            f"Downloaded models are kept in '{folder}', which cannot be made: {error}. "
            "The environment variable KERAS_HOME names another folder"
        ) from error
    atomic.remove_abandoned(folder)
    return folder


def _download(
    url: str, archive: pathlib.Path, sha256: str, limits: Mapping[str, float]
) -> None:
    """Downloads `url` to `archive`; leaves nothing if its sha256 differs."""
    with atomic.whole_file(archive) as partial:
        try:
            received = _save(url, partial, limits)
        except (OSError, http.client.HTTPException) as error:
            raise OSError(f"'{url}' could not be downloaded: {error}") from error
        if received != sha256:
            raise ValueError(
                f"`sha256` must be that of '{url}'. Received: sha256={sha256!r}, and "
                f"an archive of another, {received!r}"
            )


def _save(url: str, path: pathlib.Path, limits: Mapping[str, float]) -> str:
    """Downloads `url` to `path`; returns its sha256."""
    print(f"Downloading {url}", file=sys.stderr)
    size, digest = 0, hashlib.sha256()
    end = time.monotonic() + limits["VAE_ZOO_MAX_DOWNLOAD_SECONDS"]
    timeout = limits["VAE_ZOO_DOWNLOAD_TIMEOUT"]
    with (
        urllib.request.urlopen(url, timeout=timeout) as answer,
        open(path, "wb") as file,
    ):
        if not answer.url.startswith("https://"):
            raise OSError(f"it leads to '{answer.url}', which is not https")
        announced = int(answer.headers.get("Content-Length", -1))
        # `read1` returns what has arrived, so a slow server cannot block it for long.
        while size != announced and (chunk := answer.read1(MIB)):
            size += len(chunk)
            if size > limits["VAE_ZOO_MAX_DOWNLOAD_MIB"] * MIB:
                raise ValueError(_too_large(url, limits))
            if time.monotonic() > end:
                raise TimeoutError("it took longer than VAE_ZOO_MAX_DOWNLOAD_SECONDS")
            digest.update(chunk)
            file.write(chunk)
    if size < announced:
        raise OSError(f"it ended after {size} of {announced} bytes")
    return digest.hexdigest()


def _too_large(url: str, limits: Mapping[str, float]) -> str:
    limit = limits["VAE_ZOO_MAX_DOWNLOAD_MIB"]
    return (
        f"`name_or_path` must be the URL of an archive of at most {limit:g} MiB; the "
        "environment variable VAE_ZOO_MAX_DOWNLOAD_MIB raises that. Received: "
        f"'{url}', which is larger"
    )


def _only_model(folder: pathlib.Path, url: str) -> pathlib.Path:
    """The only folder in `folder` that holds a model's versions."""
    versions = [path.parents[1] for path in folder.rglob("assets.extra/vae_zoo.json")]
    found = {version.parent for version in versions}
    if len(found) != 1:
        raise ValueError(
            "`name_or_path` must be the URL of an archive of one model of vae_zoo, "
            f"with its saved_model.pb and assets.extra/. Received: '{url}', with "
            f"{len(found)} of them"
        )
    return found.pop() if len(versions) > 1 else versions[0]
