"""Images from folders, one for each class, read by Pillow: `pip install glassgrad[images]`."""

from __future__ import annotations

import io
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from glassgrad.datasets.dataset import Dataset
from glassgrad.datasets.splitting import scarce_classes, split_rows
from glassgrad.errors import DataError, FileError
from glassgrad.files import read_bytes
from glassgrad.preprocessing import ImageEncoder
from glassgrad.preprocessing.targets import ClassTarget

__all__ = [
    "IMAGE_FILES",
    "holds_images",
    "image_files",
    "load_images",
    "parse_image",
    "read_images",
]

Images = npt.NDArray[np.uint8]

IMAGE_FILES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".ppm", ".pgm")
"""The endings of files that hold images."""

_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "PPM")
_MOST_PIXELS = 1 << 26
_LARGEST_SIDE = 64  # of what a network is given, where the images do not agree on a size
_GREY = ("1", "L", "LA", "I", "F", "I;16", "I;16B", "I;16L")
# What Pillow raises for a file that is no whole image.
_BROKEN = (OSError, ValueError, TypeError, SyntaxError, LookupError, EOFError, OverflowError,
           AttributeError, ArithmeticError, MemoryError, NotImplementedError, RuntimeError,
           Warning)  # fmt: skip


def holds_images(folder: Path) -> bool:
    """Whether a folder has folders with images in it, directly or as train and test.

    Examples:
        >>> holds_images(Path("no such folder"))
        False
    """
    return bool(_classes_in(folder)) or bool(_classes_in(folder / "train"))


def load_images(folder: Path, test_size: float = 0.2, seed: int = 0) -> Dataset:
    """A data set from a folder with a folder for each class.

    Where there are the folders `train` and `test`, each with folders of classes, they are the
    parts; else the seed divides the images, each class with its share in both parts. The images
    are brought to the size that most of them have in training, or to 64 pixels on the longer side
    where that is larger, and to shades of grey where all of them are grey.

    Args:
        folder: The folder.
        test_size: Which share of the images is for testing.
        seed: Decides which images.

    Raises:
        FileError: An image is damaged, or Pillow is not installed.
        DataError: There is one class only, or a class of the test part is none of training.
    """
    divided = bool(_classes_in(folder / "train"))
    root = folder / "train" if divided else folder
    classes = _classes_in(root)
    if len(classes) < 2:
        raise DataError(
            f"There must be a folder with images for each of two classes at least. {str(root)!r} "
            f"has {', '.join(classes) or 'none'}."
        )
    paths, labels = _files_of(root, classes)
    known = len(paths)
    if divided:
        more, their_labels = _files_of(folder / "test", classes)
        if not more:
            raise DataError(f"There must be images for testing, and {str(folder / 'test')!r} "
                            "has none.")  # fmt: skip
        paths, labels = paths + more, labels + their_labels
    encoder = _encoder_for(paths[:known], ClassTarget("class", classes))
    x, y = read_images(paths, encoder), np.array(labels, np.int32)
    if divided:
        train, test = np.split(np.arange(len(x)), [known])
    else:
        train, test = split_rows(len(x), test_size, seed, y)
    return Dataset(
        folder.resolve().name,
        x[train],
        y[train],
        x[test],
        y[test],
        classes=len(classes),
        scale=1 / 255,
        description=f"{len(x):,} images of the folder {folder}",
        attribution="",
        preprocessing=encoder,
        class_names=tuple(classes),
        remarks=tuple(scarce_classes(classes, y[train], y[test])),
    )


def image_files(path: Path) -> list[Path]:
    """An image, or all images of a folder and of the folders in it, in the order of their names.

    Raises:
        DataError: There is none.

    Examples:
        >>> image_files(Path("cat.png"))
        [PosixPath('cat.png')]
    """
    if path.suffix.lower() in IMAGE_FILES:
        return [path]
    found = [file for file in path.rglob("*") if file.suffix.lower() in IMAGE_FILES]
    if not found:
        raise DataError(
            f"There must be an image, or a folder with some ({', '.join(IMAGE_FILES)}). "
            f"{str(path)!r} is neither."
        )
    return sorted(found)


def read_images(paths: Sequence[Path], encoder: ImageEncoder) -> Images:
    """Images of the size and the number of channels that a network takes.

    Args:
        paths: The files.
        encoder: What the network takes.

    Returns:
        (images, height, width), or (images, height, width, 3) with colours, of uint8.

    Raises:
        FileError: A file cannot be read or is no image, or Pillow is not installed.
    """
    images = np.empty((len(paths), *encoder.shape), np.uint8)
    for number, path in enumerate(paths):
        images[number] = parse_image(read_bytes(path), repr(str(path)), encoder)
    return images


def parse_image(content: bytes, source: str, encoder: ImageEncoder) -> Images:
    """The image that the bytes of a file hold, as a network takes it.

    Args:
        content: The bytes.
        source: What to call the file in messages.
        encoder: What the network takes.

    Raises:
        FileError: It is no whole image, or Pillow is not installed.
    """
    mode = "L" if encoder.channels == 1 else "RGB"
    pillow, image = _opened(content, source)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what Pillow doubts is refused
            if image.mode.startswith("I;16"):  # 16 bits are cut to their upper half
                image = pillow.fromarray((np.asarray(image) >> 8).astype(np.uint8))
            flat = image.convert("RGBA").convert(mode) if "transparency" in image.info else image
            sized = flat.convert(mode).resize(
                (encoder.width, encoder.height), pillow.Resampling.BILINEAR, reducing_gap=3.0
            )
            return np.asarray(sized, np.uint8)
    except _BROKEN as error:
        raise _no_image(source, error) from error


def _opened(content: bytes, source: str) -> tuple[Any, Any]:
    """Pillow, and an image whose size is known and whose pixels are not read yet."""
    try:
        from PIL import Image
    except ImportError as error:
        raise FileError(
            f"Reading {source} needs Pillow. Install it: pip install 'glassgrad[images]'"
        ) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            image = Image.open(io.BytesIO(content), formats=_FORMATS)
    except (*_BROKEN, Image.DecompressionBombError) as error:
        raise _no_image(source, error) from error
    if image.width * image.height > _MOST_PIXELS:
        raise FileError(
            f"{source} must have {_MOST_PIXELS:,} pixels at the most. It announces {image.width:,} "
            f"x {image.height:,}; make it smaller."
        )
    return Image, image


def _no_image(source: str, error: BaseException) -> FileError:
    reason = str(error) or type(error).__name__
    return FileError(
        f"{source} is no whole image ({', '.join(_FORMATS)}): {reason}. It may be truncated; fetch "
        "it anew, or take it out of the folder."
    )


def _classes_in(folder: Path) -> list[str]:
    """The names of the folders in it that hold images."""
    if not folder.is_dir():
        return []
    return [one.name for one in _entries(folder) if one.is_dir() and any(_images_in(one))]


def _images_in(folder: Path) -> list[Path]:
    return [path for path in _entries(folder) if path.suffix.lower() in IMAGE_FILES]


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise FileError(
            f"Cannot look into the folder {str(folder)!r}: {error.strerror}. Ask for the "
            "permission, or choose another folder."
        ) from error


def _files_of(folder: Path, classes: Sequence[str]) -> tuple[list[Path], list[int]]:
    unknown = set(_classes_in(folder)) - set(classes)
    if unknown:
        raise DataError(
            f"The classes of {str(folder)!r} must be those of training: {', '.join(classes)}. "
            f"Got {', '.join(sorted(unknown))}."
        )
    found = [
        (path, label)
        for label, name in enumerate(classes)
        if (folder / name).is_dir()
        for path in _images_in(folder / name)
    ]
    return [path for path, _ in found], [label for _, label in found]


def _encoder_for(paths: Sequence[Path], target: ClassTarget) -> ImageEncoder:
    sizes: Counter[tuple[int, int]] = Counter()
    is_grey = True
    for path in paths:
        _, image = _opened(read_bytes(path), repr(str(path)))
        sizes[image.height, image.width] += 1
        is_grey &= image.mode in _GREY
    (height, width), count = max(sizes.items(), key=lambda item: (item[1], item[0]))
    if count < len(paths) and max(height, width) > _LARGEST_SIDE:
        shrink = _LARGEST_SIDE / max(height, width)
        height, width = max(1, round(height * shrink)), max(1, round(width * shrink))
    return ImageEncoder(height, width, 1 if is_grey else 3, target)
