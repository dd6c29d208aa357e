import os
import shutil
import struct
import threading
import zlib

import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from vae_zoo.datasets import load, open_source
from vae_zoo.datasets.image_files import Fit


def images_of(folder, split="train", **options):
    """All x of a folder, float32 in [0, 1]."""
    data = load(folder, split, 1000, shuffle=False, **options)
    return np.concatenate(list(data.as_numpy_iterator()))


@pytest.fixture
def folder(tmp_path):
    """Six colour images of 7 x 5 in two classes, sorted by class."""
    rng = np.random.default_rng(0)
    for index in range(6):
        name = ("cat", "dog")[index % 2]
        (tmp_path / "images" / name).mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (7, 5, 3), dtype=np.uint8)
        PIL.Image.fromarray(pixels).save(tmp_path / f"images/{name}/{index}.png")
    return tmp_path / "images"


def test_image_folders(folder):
    ((x, y),) = load(folder, labels=True, shuffle=False)
    assert x.shape == (6, 7, 5, 3)
    assert_array_equal(y, [0, 0, 0, 1, 1, 1])
    expected = np.asarray(PIL.Image.open(folder / "dog" / "3.png")) / 255
    assert_allclose(x[4], expected, rtol=1e-6)
    assert open_source(folder).class_names == ("cat", "dog")


def test_hidden_files_are_no_data(folder):
    (expected,) = load(folder, shuffle=False)
    for name in (".ipynb_checkpoints", "__MACOSX", "@eaDir"):
        shutil.copytree(folder / "dog", folder / name)
        shutil.copytree(folder / "dog", folder / "cat" / name)
    (folder / "cat" / "._0.jpg").write_bytes(b"no image")
    (folder / "cat" / "Thumbs.db").write_bytes(b"no image")
    ((x, y),) = load(folder, labels=True, shuffle=False)
    assert_array_equal(x, expected)
    assert_array_equal(y, [0, 0, 0, 1, 1, 1])


def test_classes_are_the_same_in_every_split(folder):
    (folder / "train").mkdir()
    for name in ("cat", "dog"):
        shutil.move(folder / name, folder / "train" / name)
    shutil.copytree(folder / "train" / "dog", folder / "test" / "dog")
    source = open_source(folder, "test")
    assert_array_equal(source.classes, [1, 1, 1])
    assert source.class_names == ("cat", "dog")


def test_folders_behind_links_are_read_once(folder, tmp_path):
    (tmp_path / "linked").mkdir()
    for name in ("cat", "dog"):
        (tmp_path / "linked" / name).symlink_to(folder / name)
    assert_array_equal(images_of(tmp_path / "linked"), images_of(folder))
    (folder / "dog" / "loop").symlink_to(folder)
    with pytest.raises(ValueError, match=r"each folder once.*/loop', a link to"):
        load(folder)


def test_broken_images_are_named(folder):
    whole = (folder / "cat" / "2.png").read_bytes()
    (folder / "cat" / "2.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"2\.png' must be a readable image"):
        load(folder)


def test_postscript_named_png_starts_no_program(folder, monkeypatch):
    started = []
    monkeypatch.setattr("subprocess.Popen", lambda *a, **b: started.append(a))
    (folder / "cat" / "2.png").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 5 7\nshowpage\n"
    )
    with pytest.raises(ValueError, match=r"2\.png' must be a readable image"):
        load(folder)
    assert not started


def test_a_named_pipe_is_not_waited_for(folder):
    os.mkfifo(folder / "cat" / "pipe.png")
    errors = []

    def read():
        with pytest.raises(ValueError, match=r"pipe\.png.*no regular file") as found:
            load(folder)
        errors.append(found)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(20)
    assert errors


def test_images_of_several_sizes_get_one(folder):
    odd = PIL.Image.effect_noise((11, 7), 90).convert("RGB")
    odd.save(folder / "cat" / "2.png")
    with pytest.raises(
        ValueError,
        match=r"one size, 7 x 5 .*`image_size` \(--image-size.*2\.png' of size 7 x 11",
    ):
        load(folder)
    pixels = np.asarray(odd)[:, 3:8]
    cropped = images_of(folder, image_size=(7, 5), image_fit="crop")
    assert_allclose(cropped[1], pixels / 255, atol=1e-6)
    # It is as high as asked for, so nothing is to be scaled.
    assert_array_equal(images_of(folder, image_size=(7, 5))[1], cropped[1])
    stretched = images_of(folder, image_size=(4, 4), image_fit="stretch")
    assert stretched.shape == (6, 4, 4, 3)
    expected = odd.resize((4, 4), PIL.Image.Resampling.BICUBIC)
    assert_allclose(stretched[1], np.asarray(expected) / 255, atol=1e-6)
    with pytest.raises(ValueError, match=r"png' must fit `image_size`.*7 x 5, too"):
        load(folder, image_size=(7, 6), image_fit="crop")


@pytest.mark.parametrize("how", ["scale-and-crop", "crop", "stretch"])
def test_a_fit_is_the_same_for_bytes_and_floats(how):
    rng = np.random.default_rng(0)
    pixels = rng.integers(100, 150, (9, 12, 3), dtype=np.uint8)
    fit = Fit((6, 4), how)
    small = fit.apply(pixels)
    assert small.shape == (6, 4, 3)
    assert small.dtype == np.uint8
    # Bytes are rounded twice, after the rows and after the columns.
    assert_allclose(fit.apply(np.float32(pixels / 255)), small / 255, atol=1.2 / 255)


def test_one_colour_image_makes_all_of_them_coloured(folder):
    grey = PIL.Image.new("L", (5, 7), 51)
    grey.save(folder / "cat" / "0.png")
    x = images_of(folder)
    assert x.shape == (6, 7, 5, 3)
    assert_allclose(x[0], 0.2, rtol=1e-6)
    for index, name in enumerate(("cat/2", "cat/4", "dog/1", "dog/3", "dog/5")):
        grey.convert(("1", "L", "LA")[index % 3]).save(folder / f"{name}.png")
    assert images_of(folder).shape == (6, 7, 5, 1)


def test_all_splits_have_the_same_channels_and_type(tmp_path):
    for name, image in (
        ("train", PIL.Image.new("L", (5, 4), 51)),
        ("validation", PIL.Image.new("RGB", (5, 4))),
        ("test", PIL.Image.fromarray(np.full((4, 5), 13107, np.uint16))),
    ):
        (tmp_path / name).mkdir()
        image.save(tmp_path / name / "0.png")
    for name in ("train", "test"):
        x = images_of(tmp_path, name)
        assert x.shape == (1, 4, 5, 3)
        assert_allclose(x, 0.2, rtol=1e-6)


def save(folder, image, **options):
    folder.mkdir(exist_ok=True)
    image.save(folder / "0.png", **options)


def test_what_is_transparent_lies_on_white(tmp_path):
    hidden = PIL.Image.new("RGBA", (3, 2), (9, 8, 7, 0))
    hidden.putpixel((0, 0), (100, 50, 0, 255))
    hidden.putpixel((1, 0), (100, 50, 0, 51))
    save(tmp_path / "colours", hidden)
    x = images_of(tmp_path / "colours") * 255
    assert_allclose(x[0, 0, 0], [100, 50, 0], atol=1e-3)
    assert_allclose(x[0, 0, 1], [224, 214, 204], atol=1e-3)
    assert_allclose(x[0, 1], 255)
    save(tmp_path / "grey", PIL.Image.new("LA", (3, 2), (9, 0)))
    save(tmp_path / "one_grey", PIL.Image.new("L", (3, 2), 9), transparency=9)
    palette = PIL.Image.new("P", (3, 2), 9)
    palette.putpalette([10, 20, 30] * 256)
    save(tmp_path / "palette", palette, transparency=9)
    deep = PIL.Image.fromarray(np.full((2, 3), 999, np.uint16))
    save(tmp_path / "deep", deep, transparency=999)
    for name in ("grey", "one_grey", "palette", "deep"):
        assert_array_equal(images_of(tmp_path / name), 1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_stand_upright(orientation, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (3, 5, 3), dtype=np.uint8)
    image = PIL.Image.fromarray(pixels)
    exif = image.getexif()
    exif[274] = orientation
    save(tmp_path / "bytes", image, exif=exif)
    upright = np.asarray(
        PIL.ImageOps.exif_transpose(PIL.Image.open(tmp_path / "bytes" / "0.png"))
    )
    assert_allclose(images_of(tmp_path / "bytes")[0], upright / 255, rtol=1e-6)
    deep = PIL.Image.fromarray(pixels[..., 0].astype(np.uint16) * 257)
    save(tmp_path / "deep", deep, exif=exif)
    received = images_of(tmp_path / "deep")[0, ..., 0]
    assert_allclose(received, upright[..., 0] / 255, rtol=1e-6)


def test_16_bits_keep_their_precision(tmp_path):
    ramp = np.arange(1 << 16, dtype=np.uint16).reshape(256, 256)
    save(tmp_path / "png", PIL.Image.fromarray(ramp))
    (tmp_path / "tiff").mkdir()
    PIL.Image.fromarray(ramp).save(tmp_path / "tiff" / "0.tif")
    for name in ("png", "tiff"):
        x = images_of(tmp_path / name)
        assert x.shape == (1, 256, 256, 1)
        assert_allclose(x[0, ..., 0], ramp / 65535, rtol=1e-6)
    # Pillow would cut these to 8 bits.
    colours = np.stack([ramp, ramp[::-1], ramp.T], -1)
    (tmp_path / "colours").mkdir()
    png = tf.io.encode_png(colours).numpy()
    (tmp_path / "colours" / "0.png").write_bytes(png)
    assert_allclose(images_of(tmp_path / "colours")[0], colours / 65535, rtol=1e-6)
    # One image of 8 bits among them is scaled alike.
    PIL.Image.new("L", (256, 256), 51).save(tmp_path / "colours" / "1.png")
    assert_allclose(images_of(tmp_path / "colours")[1], 0.2, rtol=1e-6)


def test_12_bits_in_16_keep_their_levels(tmp_path):
    ramp = np.arange(1 << 12, dtype=np.uint16).reshape(64, 64)
    save(tmp_path / "dark", PIL.Image.fromarray(ramp))
    with pytest.warns(UserWarning, match="is 0.0625 of white.*divided by 4095"):
        x = images_of(tmp_path / "dark")
    assert len(np.unique(x)) == 1 << 12


def test_images_that_grow_too_much_are_refused_before_they_are_decoded(
    tmp_path, monkeypatch
):
    for index in range(3):
        PIL.Image.new("RGB", (1000, 500)).save(tmp_path / f"{index}.png")
    decoded = []
    monkeypatch.setattr("vae_zoo.datasets.image_files.read", decoded.append)
    # Three of them, and one more of which eight bytes a pixel are at work.
    needed = (3 * 500_000 * 3 + 500_000 * 8) / 2**30
    with pytest.raises(ValueError, match=r"`max_gib` must be at least 0\.1 to decode"):
        load(tmp_path, max_gib=0.99 * needed)
    assert not decoded
    monkeypatch.undo()
    assert images_of(tmp_path, max_gib=1.01 * needed).shape == (3, 500, 1000, 3)
    small = images_of(tmp_path, image_size=(5, 10), max_gib=4_001_000 / 2**30)
    assert small.shape == (3, 5, 10, 3)
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(ValueError, match=r"0\.png' must be an image of fewer pixels"):
        load(tmp_path)


def test_a_header_alone_is_enough_to_refuse_a_folder(tmp_path):
    PIL.Image.new("RGB", (1, 1)).save(tmp_path / "0.png")
    content = bytearray((tmp_path / "0.png").read_bytes())
    content[16:24] = struct.pack(">II", 9000, 9000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    for index in range(9):
        (tmp_path / f"{index}.png").write_bytes(content)
    with pytest.raises(ValueError, match=r"at least 2\.7 to decode .*max_gib=2$"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image_size": 32}, r"`image_size` must be None or \(height, width\)"),
        ({"image_size": (32,)}, r"\(height, width\), two integers.*\(32,\)"),
        ({"image_size": (32, 0)}, r"`image_size\[1\]` must be an integer >= 1"),
        ({"image_size": (2.5, 3)}, r"`image_size\[0\]` must be an integer.*2\.5"),
        ({"image_fit": "zoom"}, "`image_fit` must be one of 'scale-and-crop'.*'zoom'"),
        ({"max_gib": 0}, "`max_gib` must be a finite number > 0"),
        ({"max_gib": float("nan")}, "`max_gib` must be a finite number > 0.*nan"),
        ({"max_gib": "2"}, "`max_gib` must be a finite number > 0.*'2'"),
        ({"name": "digits", "image_size": (4, 4)}, "`image_size` must be left out"),
    ],
)
def test_bad_options_of_images(arguments, message, folder):
    with pytest.raises(ValueError, match=message):
        load(**{"name": folder, **arguments})
