import hashlib
import shutil
import tarfile

import pytest
from keras.src.utils import file_utils
from numpy.testing import assert_array_equal

from vae_zoo import VAE, export
from vae_zoo.components import networks

URL = "https://models.example.org/small.tar.gz"


@pytest.fixture(scope="module")
def model():
    return VAE((4, 3), 2, encoder=networks.MLP((8,)))


@pytest.fixture(scope="module")
def served(model, tmp_path_factory):
    """A folder with archives of the model, and of things that are not one model."""
    folder = tmp_path_factory.mktemp("served")
    export(model, folder / "small")
    shutil.copytree(folder / "small", folder / "twins" / "a")
    shutil.copytree(folder / "small", folder / "twins" / "b")
    (folder / "other").mkdir()
    (folder / "other" / "notes.txt").write_text("no model")
    for name, content in (
        ("small", "small"),
        ("version", "small/1"),
        ("twins", "twins"),
        ("other", "other"),
    ):
        with tarfile.open(folder / f"{name}.tar.gz", "w:gz") as archive:
            archive.add(folder / content, arcname=content)
    return folder


@pytest.fixture
def downloads(served, tmp_path, monkeypatch):
    """Serves the archives to Keras; a list of the addresses that it asked for."""
    asked = []

    def urlretrieve(origin, target, hook=None):
        asked.append(origin)
        path = served / origin.rsplit("/", 1)[1]
        if not path.exists():
            raise file_utils.urllib.error.HTTPError(origin, 404, "Not Found", {}, None)
        shutil.copy(path, target)

    monkeypatch.setattr(file_utils, "urlretrieve", urlretrieve)
    monkeypatch.setattr(file_utils.config, "keras_home", lambda: str(tmp_path))
    return asked


def sha256(served, name):
    return hashlib.sha256((served / f"{name}.tar.gz").read_bytes()).hexdigest()


@pytest.mark.parametrize("name", ["small", "version"])
def test_a_model_is_downloaded_once(model, served, downloads, name):
    url = URL.replace("small", name)
    for _ in range(2):
        loaded = VAE.from_preset(url, sha256=sha256(served, name).upper())
        for a, b in zip(model.get_weights(), loaded.get_weights(), strict=True):
            assert_array_equal(a, b)
    assert downloads == [url]


def test_another_archive_is_refused_also_on_the_second_try(served, downloads):
    for _ in range(2):
        with pytest.raises(ValueError, match="an archive of another"):
            VAE.from_preset(URL, sha256="0" * 64)


@pytest.mark.parametrize(
    ("url", "digest", "match"),
    [
        (URL, None, "`sha256` must come with a URL"),
        (URL, "12ab", "`sha256` must come with a URL"),
        (URL.replace("https", "http"), "0" * 64, "must be https"),
        ("file:///etc/passwd", "0" * 64, "must be https"),
        ("vae_mnist", "0" * 64, "`sha256` must be left out but for a URL"),
    ],
)
def test_bad_addresses_and_digests(downloads, url, digest, match):
    with pytest.raises(ValueError, match=match):
        VAE.from_preset(url, sha256=digest)
    assert not downloads


@pytest.mark.parametrize(("name", "count"), [("twins", 2), ("other", 0)])
def test_an_archive_of_anything_but_one_model(served, downloads, name, count):
    with pytest.raises(ValueError, match=f"with {count} of them"):
        VAE.from_preset(URL.replace("small", name), sha256=sha256(served, name))


def test_what_cannot_be_downloaded(downloads):
    with pytest.raises(OSError, match="could not be downloaded: .*404"):
        VAE.from_preset(URL.replace("small", "missing"), sha256="0" * 64)
