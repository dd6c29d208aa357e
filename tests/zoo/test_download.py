"""Models from a URL: what is kept, what is refused, what ends.

A server of this machine stands in for the address; only its scheme and host differ.
"""

import hashlib
import http.server
import io
import shutil
import tarfile
import threading
import time
import urllib.request
import zipfile

import pytest
from numpy.testing import assert_array_equal

from vae_zoo import VAE, export
from vae_zoo.components import networks
from vae_zoo.zoo import archive, download

HOST = "https://models.example.org"
URL = f"{HOST}/small.tar.gz"


@pytest.fixture(scope="module")
def model():
    return VAE((4, 3), 2, encoder=networks.MLP((8,)))


@pytest.fixture(scope="module")
def served(model, tmp_path_factory):
    """A folder with archives of the model, and of things that are not one model."""
    folder = tmp_path_factory.mktemp("served")
    export(model, folder / "small", signatures=["decode"])
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
        with tarfile.open(folder / f"{name}.tar.gz", "w:gz") as packed:
            packed.add(folder / content, arcname=content)
    shutil.make_archive(folder / "small", "zip", folder, "small")
    return folder


class Handler(http.server.BaseHTTPRequestHandler):
    """Sends a file of `served`; some of its names are told how."""

    def do_GET(self):
        self.server.asked.append(self.path)
        path = self.server.served / self.path.rsplit("/", 1)[-1]
        if self.path.endswith("/.."):
            path = self.server.served / "small.tar.gz"
        if not path.is_file():
            self.send_error(404, "Not Found")
            return
        content = path.read_bytes()
        self.send_response(200)
        if "nolength" not in self.path:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if "/stalled/" in self.path:
            self.wfile.write(content[:100])
            self.server.released.wait(30)
        elif "/slow/" in self.path:
            for byte in content[:300]:
                self.wfile.write(bytes([byte]))
                self.server.released.wait(0.05)
        elif "/short/" in self.path:
            self.wfile.write(content[:100])
        else:
            self.wfile.write(content)

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def server(served):
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.served, running.asked = served, []
    running.released = threading.Event()
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield running
    running.released.set()
    running.shutdown()
    running.server_close()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    return tmp_path / "vae_zoo"


@pytest.fixture
def downloads(server, cache, monkeypatch):
    """The addresses that were asked for, as the server saw them."""
    urlopen = urllib.request.urlopen

    def open_here(url, timeout):
        here = url.replace(HOST, f"http://127.0.0.1:{server.server_port}")
        answer = urlopen(here, timeout=timeout)
        answer.url = url.replace("/redirected/", "/").replace(
            HOST, "http://elsewhere" if "/redirected/" in url else HOST
        )
        return answer

    monkeypatch.setattr(download.urllib.request, "urlopen", open_here)
    server.asked.clear()
    return server.asked


def sha256(served, name):
    name = name if "." in name else f"{name}.tar.gz"
    return hashlib.sha256((served / name).read_bytes()).hexdigest()


def left(cache):
    return sorted(path.name for path in cache.iterdir()) if cache.exists() else []


@pytest.mark.parametrize("name", ["small.tar.gz", "version.tar.gz", "small.zip"])
def test_a_model_is_downloaded_once(model, served, downloads, cache, name):
    url = f"{HOST}/{name}"
    for _ in range(2):
        loaded = VAE.from_preset(url, sha256=sha256(served, name).upper())
        for a, b in zip(model.get_weights(), loaded.get_weights(), strict=True):
            assert_array_equal(a, b)
    assert downloads == [f"/{name}"]
    assert left(cache) == [f"{sha256(served, name)}.archive"]


def test_another_archive_is_refused_also_on_the_second_try(downloads, cache):
    for _ in range(2):
        with pytest.raises(ValueError, match="an archive of another"):
            VAE.from_preset(URL, sha256="0" * 64)
    assert len(downloads) == 2
    assert left(cache) == []


@pytest.mark.parametrize(
    ("url", "digest", "match"),
    [
        (URL, None, "`sha256` must come with a URL"),
        (URL, "12ab", "`sha256` must come with a URL"),
        (URL, 3, "`sha256` must come with a URL.*sha256=3"),
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


def test_what_cannot_be_downloaded(downloads, cache):
    with pytest.raises(OSError, match="could not be downloaded: .*404"):
        VAE.from_preset(URL.replace("small", "missing"), sha256="0" * 64)
    assert left(cache) == []


@pytest.mark.parametrize(
    "tail", ["/..", "/../..", "/%2e%2e", "/.", "/", "", "/a?b=/../c"]
)
def test_an_address_does_not_say_where_files_go(
    served, downloads, cache, tmp_path, tail
):
    # Once, one that ends in `/..` was unpacked a folder up, into the places of others.
    digest = sha256(served, "small")
    before = sorted(tmp_path.rglob("*"))
    try:
        VAE.from_preset(f"{HOST}/small.tar.gz{tail}", sha256=digest)
    except OSError:  # Not found.
        assert left(cache) == []
    else:
        assert left(cache) == [f"{digest}.archive"]
    after = set(tmp_path.rglob("*")) - {*before}
    assert after <= {cache, cache / f"{digest}.archive"}


def test_what_lies_in_the_cache_is_checked(model, served, downloads, cache):
    digest = sha256(served, "small")
    cache.mkdir(parents=True)
    # Another archive, and a folder as earlier versions kept it.
    shutil.copy(served / "other.tar.gz", cache / f"{digest}.archive")
    shutil.copytree(served / "other", cache / digest / "small.tar.gz")
    loaded = VAE.from_preset(URL, sha256=digest)
    assert_array_equal(loaded.get_weights()[0], model.get_weights()[0])
    assert downloads == ["/small.tar.gz"]
    assert sha256(cache, f"{digest}.archive") == digest


@pytest.mark.parametrize(
    ("where", "variable", "value", "message"),
    [
        ("stalled", "VAE_ZOO_DOWNLOAD_TIMEOUT", "0.3", "timed out"),
        ("slow", "VAE_ZOO_MAX_DOWNLOAD_SECONDS", "0.3", "MAX_DOWNLOAD_SECONDS"),
        ("short", None, None, "ended after 100 of"),
        ("redirected", None, None, "leads to 'http://elsewhere.*not https"),
    ],
)
def test_servers_that_do_not_end_are_left(
    served, downloads, cache, monkeypatch, where, variable, value, message
):
    if variable:
        monkeypatch.setenv(variable, value)
    start = time.monotonic()
    with pytest.raises(OSError, match=f"could not be downloaded: .*{message}"):
        VAE.from_preset(f"{HOST}/{where}/small.tar.gz", sha256=sha256(served, "small"))
    assert time.monotonic() - start < 10
    assert left(cache) == []


@pytest.mark.parametrize("name", ["small.tar.gz", "nolength-small.tar.gz"])
def test_archives_have_a_largest_size(served, downloads, cache, monkeypatch, name):
    shutil.copy(served / "small.tar.gz", served / "nolength-small.tar.gz")
    digest = sha256(served, "small")
    monkeypatch.setenv("VAE_ZOO_MAX_DOWNLOAD_MIB", "0.001")
    with pytest.raises(ValueError, match="at most 0.001 MiB.*MAX_DOWNLOAD_MIB raises"):
        VAE.from_preset(f"{HOST}/{name}", sha256=digest)
    assert left(cache) == []
    monkeypatch.setenv("VAE_ZOO_MAX_DOWNLOAD_MIB", "5000")
    VAE.from_preset(f"{HOST}/{name}", sha256=digest)


def test_what_is_unpacked_has_a_largest_size(served, downloads, monkeypatch):
    monkeypatch.setenv("VAE_ZOO_MAX_UNPACKED_MIB", "0.01")
    for name in ("small.tar.gz", "small.zip"):
        with pytest.raises(ValueError, match="at most 0.01 MiB unpacked .*larger"):
            VAE.from_preset(f"{HOST}/{name}", sha256=sha256(served, name))


@pytest.mark.parametrize("value", ["many", "0", "-1", "nan", ""])
def test_a_limit_that_is_none_is_named(downloads, monkeypatch, value):
    monkeypatch.setenv("VAE_ZOO_MAX_DOWNLOAD_MIB", value)
    message = "`VAE_ZOO_MAX_DOWNLOAD_MIB` must be a finite number > 0"
    with pytest.raises(ValueError, match=message):
        VAE.from_preset(URL, sha256="0" * 64)
    assert not downloads


def tar(path, *members, content=b""):
    with tarfile.open(path, "w:gz") as packed:
        for member in members:
            member.size = len(content) if member.isfile() else 0
            packed.addfile(member, io.BytesIO(content))


def member(name, kind=tarfile.REGTYPE, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


HOSTILE = {
    "up": (member("../out"), "a path out of it"),
    "up in the midst": (member("a/../../out"), "a path out of it"),
    "absolute": (member("/tmp/out"), "a path out of it"),
    "backslashes": (member("..\\out"), "a path out of it"),
    "a drive": (member("C:out"), "a path out of it"),
    "a link": (member("a", tarfile.SYMTYPE, "/etc/passwd"), "no file and no folder"),
    "a link within": (member("a", tarfile.SYMTYPE, "b"), "no file and no folder"),
    "a hard link": (member("a", tarfile.LNKTYPE, "/etc/passwd"), "no file"),
    "a device": (member("a", tarfile.CHRTYPE), "no file and no folder"),
    "a pipe": (member("a", tarfile.FIFOTYPE), "no file and no folder"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_an_archive_writes_nothing_but_files_below_its_folder(tmp_path, name):
    info, message = HOSTILE[name]
    tar(tmp_path / "x", info, content=b"mine")
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    with pytest.raises(ValueError, match=message):
        archive.unpack(tmp_path / "x", folder, 2**20, "here")
    assert list(folder.iterdir()) == []
    assert list(folder.parent.iterdir()) == [folder]


def test_a_zip_writes_nothing_but_files_below_its_folder(tmp_path):
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    link = zipfile.ZipInfo("a")
    link.external_attr = 0o120777 << 16
    for name, message in (("../out", "out of it"), ("/out", "out"), (link, "no file")):
        with zipfile.ZipFile(tmp_path / "x", "w") as packed:
            packed.writestr(name, "/etc/passwd")
        with pytest.raises(ValueError, match=message):
            archive.unpack(tmp_path / "x", folder, 2**20, "here")
    assert list(folder.iterdir()) == []


def test_bombs_do_not_go_off(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_MEMBERS", 20)
    folder = tmp_path / "a"
    folder.mkdir()
    zeros = bytes(2**25)
    tar(tmp_path / "content", member("a"), content=zeros)
    with zipfile.ZipFile(tmp_path / "zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("a", zeros)
    long = tarfile.TarInfo("a")
    long.pax_headers = {"comment": 2**22 * "x"}
    tar(tmp_path / "header", long)
    tar(tmp_path / "many", *(member(f"{i}") for i in range(archive.MAX_MEMBERS + 1)))
    for name in ("content", "zip", "header", "many"):
        assert (tmp_path / name).stat().st_size < 2**20
        with pytest.raises(ValueError, match="larger|no header|more than 20"):
            archive.unpack(tmp_path / name, folder, 2**20, "here")


@pytest.mark.parametrize(
    "content", [b"", b"text", b"PK", b"PK\x03\x04", b"\x1f\x8b\x08"]
)
def test_what_is_no_archive(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(ValueError, match="must be the URL of a .tar.gz or .zip"):
        archive.unpack(tmp_path / "x", tmp_path, 2**20, "here")


def test_a_broken_archive(served, tmp_path):
    whole = (served / "small.tar.gz").read_bytes()
    spoiled = whole[: len(whole) // 2] + b"spoiled" + whole[len(whole) // 2 + 7 :]
    for content in (whole[:-40], spoiled):
        (tmp_path / "x").write_bytes(content)
        with pytest.raises(ValueError, match="a broken one"):
            archive.unpack(tmp_path / "x", tmp_path, 2**25, "here")
