"""Reads image files into arrays of pixels."""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import stat
import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import PIL.Image
import PIL.ImageOps
import PIL.TiffImagePlugin
import tensorflow as tf

from vae_zoo.arguments import check_choice, check_count, shown
from vae_zoo.datasets.defaults import IMAGE_FITS, ImageFit

# Others start programs (EPS) or are not used for images.
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF")
GREY_MODES = ("1", "L", "LA", "La")
BITS_PER_SAMPLE = 258  # A tag of TIFF.
ORIENTATION = 274  # A tag of EXIF.
# The positions of these bytes in the first chunk of a PNG file, and the grey types.
PNG_DEPTH, PNG_COLOUR_TYPE, PNG_GREY_TYPES = 24, 25, (0, 4)
WHITE = 255
RESAMPLING = PIL.Image.Resampling.BICUBIC


class Kind(NamedTuple):
    """The content of a file's header.

    Attributes:
        num_pixels: height times width.
        is_grey: whether it has no colours.
        num_bits: 8, or 9 to 16 if a value takes two bytes.
    """

    num_pixels: int
    is_grey: bool
    num_bits: int


@dataclasses.dataclass(frozen=True)
class Fit:
    """The size of images, and how they get it; `size` None does not change them."""

    size: tuple[int, int] | None = None
    how: ImageFit = "scale-and-crop"

    @classmethod
    def checked(
        cls, image_size: tuple[int, int] | list[int] | None, image_fit: ImageFit
    ) -> Fit:
        """The fit for these arguments of `datasets.load`."""
        check_choice("image_fit", image_fit, IMAGE_FITS)
        if image_size is None:
            return cls(None, image_fit)
        if not isinstance(image_size, (list, tuple)) or len(image_size) != 2:
            raise ValueError(
                "`image_size` must be None or (height, width), two integers. "
                f"Received: image_size={shown(image_size)}"
            )
        names = ("height", "width")
        height, width = (
            check_count(
                f"image_size[{index}]", each, 1, f"the {names[index]} in pixels"
            )
            for index, each in enumerate(image_size)
        )
        return cls((height, width), image_fit)

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """`pixels` [H, W, C], uint8 or float in [0, 1], brought to the size."""
        if self.size is None or pixels.shape[:2] == self.size:
            return pixels
        height, width = self.size
        if self.how == "crop":
            top, left = ((pixels.shape[i] - self.size[i]) // 2 for i in (0, 1))
            if min(top, left) < 0 or (
                pixels.shape[0] < height or pixels.shape[1] < width
            ):
                raise ValueError(
                    f"it is {pixels.shape[0]} x {pixels.shape[1]}, too small to crop "
                    f"to {height} x {width}"
                )
            return pixels[top : top + height, left : left + width]
        resize: Callable[..., PIL.Image.Image] = PIL.ImageOps.fit
        if self.how == "stretch":
            resize = PIL.Image.Image.resize
        planes = [
            np.asarray(resize(PIL.Image.fromarray(plane), (width, height), RESAMPLING))
            for plane in np.ascontiguousarray(np.moveaxis(pixels, -1, 0))
        ]
        stacked = np.stack(planes, axis=-1)
        # At sharp edges the interpolation exceeds black and white.
        return stacked if stacked.dtype == np.uint8 else np.clip(stacked, 0, 1)


def inspect(path: pathlib.Path) -> Kind:
    """The `Kind` of an image file, only from its header.

    Raises:
        ValueError: if it is no regular file or no image of one of the `FORMATS`.
    """
    with _opened(path) as image:
        num_bits = _num_bits(image, path)
        is_grey = image.mode in GREY_MODES or image.mode.startswith("I;16")
        if image.format == "PNG" and num_bits > 8:  # Pillow turns these into colours.
            is_grey = _png_header(path)[PNG_COLOUR_TYPE] in PNG_GREY_TYPES
        return Kind(image.width * image.height, is_grey, num_bits)


def read(path: pathlib.Path, is_grey: bool, is_deep: bool) -> np.ndarray:
    """The pixels [H, W, C], C = 1 or 3, upright, with transparency on white.

    Args:
        path: an image file.
        is_grey: whether to return one channel, else three.
        is_deep: whether to return float32 in [0, 1], else uint8.

    Raises:
        ValueError: if the file is broken.
    """
    with _opened(path) as image:
        num_bits = _num_bits(image, path)
        if num_bits > 8:
            pixels = _deep_pixels(image, path, num_bits)
        else:
            pixels = _shallow_pixels(image, is_grey)
            pixels = _as_share(pixels, 8) if is_deep else pixels
    if is_grey or pixels.shape[-1] == 3:
        return pixels
    return np.repeat(pixels, 3, axis=-1)


@contextlib.contextmanager
def _opened(path: pathlib.Path) -> Iterator[PIL.Image.Image]:
    """The image, not yet decoded; errors name the file."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ValueError("no regular file")  # A named pipe would block.
        with PIL.Image.open(path, formats=FORMATS) as image:
            yield image
    except (
        OSError,
        EOFError,
        SyntaxError,
        TypeError,
        ValueError,
        struct.error,
        tf.errors.OpError,
    ) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(
            f"'{path}' must be a readable image ({', '.join(FORMATS)}). Received: a "
            f"broken one, or none ({reason})"
        ) from error
    except PIL.Image.DecompressionBombError as error:
        raise ValueError(
            f"'{path}' must be an image of fewer pixels. Received: {error}; where that "
            "is meant, raise PIL.Image.MAX_IMAGE_PIXELS"
        ) from error


def _num_bits(image: PIL.Image.Image, path: pathlib.Path) -> int:
    """The bits of a value in the file, which Pillow may cut to 8."""
    if image.mode in ("I", "F"):
        raise ValueError(f"its pixels have no fixed range (mode {image.mode})")
    if isinstance(image, PIL.TiffImagePlugin.TiffImageFile):
        num_bits = max(image.tag_v2.get(BITS_PER_SAMPLE, (1,)))
        if num_bits > 8 and not image.mode.startswith("I;16"):
            raise ValueError(
                f"it has colours of {num_bits} bits, which are read from PNG alone"
            )
        return max(8, num_bits)
    if image.format == "PNG":
        return max(8, _png_header(path)[PNG_DEPTH])
    return 8


def _png_header(path: pathlib.Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(PNG_COLOUR_TYPE + 1)


def _shallow_pixels(image: PIL.Image.Image, is_grey: bool) -> np.ndarray:
    image = PIL.ImageOps.exif_transpose(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        paper = PIL.Image.new("RGBA", image.size, (WHITE,) * 4)
        image = PIL.Image.alpha_composite(paper, image)
    pixels = np.asarray(image.convert("L" if is_grey else "RGB"))
    return pixels[..., None] if is_grey else pixels


def _deep_pixels(
    image: PIL.Image.Image, path: pathlib.Path, num_bits: int
) -> npt.NDArray[np.float32]:
    """Float32 [H, W, C] in [0, 1]: 1 is 65535 for 16 bits, 4095 for 12 bits."""
    if image.format == "PNG":  # Pillow cuts its colours to 8 bits.
        pixels = tf.io.decode_png(path.read_bytes(), dtype=tf.uint16).numpy()
    else:
        pixels = np.asarray(image)[..., None]
    hidden = image.info.get("transparency")  # The transparent colour.
    is_hidden = hidden is not None and (pixels == hidden).all(axis=-1)
    pixels = _as_share(pixels, num_bits)
    if hidden is not None:
        pixels[is_hidden] = 1
    if pixels.shape[-1] in (2, 4):
        opacity = pixels[..., -1:]
        pixels = pixels[..., :-1] * opacity + (1 - opacity)
    return _upright(pixels, image.getexif().get(ORIENTATION, 1))


def _as_share(pixels: np.ndarray, num_bits: int) -> npt.NDArray[np.float32]:
    """`pixels` over the largest value of `num_bits` bits, float32."""
    return np.divide(pixels, 2**num_bits - 1, dtype=np.float32)


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """`pixels` [H, W, C] turned upright by EXIF's orientation, 1 to 8."""
    if orientation in (5, 6, 7, 8):
        pixels = np.swapaxes(pixels, 0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels
