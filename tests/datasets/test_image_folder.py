from __future__ import annotations

import builtins
import io
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from glassgrad import datasets
from glassgrad.datasets.image_folder import image_files, parse_image
from glassgrad.errors import DataError, FileError, ShapeError
from glassgrad.preprocessing import ImageEncoder, deserialize
from glassgrad.preprocessing.targets import ClassTarget
from glassgrad.serialization import serialize

GREY = ImageEncoder(4, 5, 1, ClassTarget("class", ["a", "b"]))
COLOURS = ImageEncoder(4, 5, 3, ClassTarget("class", ["a", "b"]))


def save(path: Path, shade: int = 100, size: tuple[int, int] = (5, 4), mode: str = "L") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    colour: Any = {"L": shade, "RGB": (shade, 0, 0), "RGBA": (shade, 0, 0, 128)}[mode]
    Image.new(mode, size, colour).save(path)


def fill(folder: Path, count: int = 5, **options: Any) -> Path:
    for name, shade in (("cats", 50), ("dogs", 200)):
        for number in range(count):
            save(folder / name / f"{number}.png", shade, **options)
    return folder


def packed(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def test_a_folder_for_each_class(tmp_path: Path) -> None:
    dataset = datasets.load(fill(tmp_path / "pets"))
    assert repr(dataset) == "Dataset('pets', x_train (8, 4, 5), x_test (2, 4, 5), classes=2)"
    assert dataset.class_names == ("cats", "dogs")
    assert (dataset.x_train.dtype, dataset.scale) == (np.uint8, 1 / 255)
    for x, y in ((dataset.x_train, dataset.y_train), (dataset.x_test, dataset.y_test)):
        np.testing.assert_array_equal(x[:, 0, 0], np.where(y == 0, 50, 200))


def test_folders_of_parts(tmp_path: Path) -> None:
    fill(tmp_path / "train")
    fill(tmp_path / "test", count=2, size=(9, 9))
    dataset = datasets.load(tmp_path)
    assert (dataset.x_train.shape, dataset.x_test.shape) == ((10, 4, 5), (4, 4, 5))
    np.testing.assert_array_equal(dataset.y_test, [0, 0, 1, 1])


def test_one_image_in_colour_makes_all_so(tmp_path: Path) -> None:
    fill(tmp_path)
    save(tmp_path / "cats" / "red.png", mode="RGB")
    assert datasets.load(tmp_path).x_train.shape[1:] == (4, 5, 3)


def test_the_size_of_most_is_the_size_of_all(tmp_path: Path) -> None:
    fill(tmp_path)
    save(tmp_path / "cats" / "large.png", size=(90, 80))
    assert datasets.load(tmp_path).x_train.shape[1:] == (4, 5)


def test_large_images_of_many_sizes_become_small(tmp_path: Path) -> None:
    fill(tmp_path, size=(200, 100))
    save(tmp_path / "cats" / "other.png", size=(90, 80))
    assert datasets.load(tmp_path).x_train.shape[1:] == (32, 64)
    large = fill(tmp_path / "of one size", size=(200, 100))
    assert datasets.load(large).x_train.shape[1:] == (100, 200)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_every_mode_is_read(mode: str) -> None:
    image = (
        Image.fromarray(np.full((4, 5), 65_535, np.uint16))
        if mode == "I;16"
        else Image.new("RGB", (5, 4), (255, 255, 255)).convert(mode)
    )
    content = packed(image, "JPEG" if mode == "CMYK" else "PNG")
    for encoder in (GREY, COLOURS):
        found = parse_image(content, "it", encoder)
        assert found.shape == encoder.shape
        assert found.min() > 250


WHOLE = packed(Image.fromarray(np.arange(20, dtype=np.uint8).reshape(4, 5)))
HUGE = WHOLE.replace(b"\0\0\0\x05\0\0\0\x04", b"\0\0\x7f\xff\0\0\x7f\xff")


def with_right_sum(content: bytes) -> bytes:
    return content[:29] + zlib.crc32(content[12:29]).to_bytes(4, "big") + content[33:]


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "no whole image"),
        (b"junk", "no whole image"),
        (WHOLE[:-20], "no whole image"),
        (WHOLE[:50], "no whole image"),
        (HUGE, "no whole image"),
        (with_right_sum(HUGE), "no whole image|pixels at the most"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "no whole image"),
    ],
)
def test_a_broken_image_is_explained(content: bytes, message: str) -> None:
    with pytest.raises(FileError, match=message) as caught:
        parse_image(content, "'cat.png'", GREY)
    assert "'cat.png'" in str(caught.value)


def test_a_broken_image_in_a_folder_is_named(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / "cats" / "half.png").write_bytes(WHOLE[:-20])
    with pytest.raises(FileError, match=r"half\.png"):
        datasets.load(tmp_path)


def test_one_class_is_too_few(tmp_path: Path) -> None:
    save(tmp_path / "cats" / "a.png")
    with pytest.raises(DataError, match=r"two classes at least.* has cats"):
        datasets.load(tmp_path)


def test_parts_must_have_the_same_classes(tmp_path: Path) -> None:
    fill(tmp_path / "train")
    with pytest.raises(DataError, match="images for testing"):
        datasets.load(tmp_path)
    save(tmp_path / "test" / "birds" / "a.png")
    with pytest.raises(DataError, match=r"those of training: cats, dogs\. Got birds"):
        datasets.load(tmp_path)


def test_files_for_prediction(tmp_path: Path) -> None:
    fill(tmp_path, count=1)
    assert [path.parent.name for path in image_files(tmp_path)] == ["cats", "dogs"]
    with pytest.raises(DataError, match="neither"):
        image_files(tmp_path / "nothing")


def test_an_encoder_survives_json() -> None:
    again = deserialize(serialize(COLOURS))
    assert again.get_config() == COLOURS.get_config()
    assert again.report()[0] == ("images", "5 x 4 pixels, in colours")
    with pytest.raises(ShapeError, match=r"of shape \(4, 5, 3\). Got \(4, 5\)"):
        COLOURS.inputs(np.zeros((2, 4, 5)))


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    found = builtins.__import__

    def refuse(name: str, *arguments: Any) -> Any:
        if name == "PIL":
            raise ImportError
        return found(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(FileError, match=r"pip install 'glassgrad\[images\]'"):
        parse_image(WHOLE, "it", GREY)
