"""Folders written to the disk and read back; each thing wrong with one in a clear line."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from jaxmath import datasets

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 4, 3, 3), np.uint8)


@pytest.fixture
def folder(tmp_path):
    """Classes b (2 images) and a (3), with files that are to be passed over."""
    for name, rows in (("b", [0, 1]), ("a", [2, 3, 4])):
        (tmp_path / name).mkdir()
        for row in rows:
            Image.fromarray(PIXELS[row]).save(tmp_path / name / f"{row}.PNG")
    (tmp_path / "README.txt").write_text("not a class")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "a" / "notes.txt").write_text("not an image")
    (tmp_path / "a" / ".hidden.png").write_text("not an image")
    for name in ("paper.pdf", "plot.eps", "plot.PS", "weights.h5", "film.mpg"):
        (tmp_path / "a" / name).write_text("not an image")
    (tmp_path / "b" / "thumbnails.png").mkdir()
    return tmp_path


def test_reads_classes_and_pixels(folder):
    data = datasets.image_folder(str(folder))
    assert (data.class_names, data.image_shape) == (("a", "b"), (4, 3, 3))
    assert (data.y.tolist(), data.x.dtype, data.y.dtype) == ([0, 0, 0, 1, 1], "float32", "int32")
    np.testing.assert_array_equal(data.images, PIXELS[[2, 3, 4, 0, 1]] / np.float32(255))
    datasets.check_dataset(data)


@pytest.mark.parametrize(
    ("mode", "channels"),
    [("1", 1), ("L", 1), ("LA", 1), ("P", 3), ("PA", 3), ("RGB", 3), ("RGBA", 3)],
)
def test_modes(tmp_path, mode, channels):
    (tmp_path / "only").mkdir()
    original = Image.fromarray(PIXELS[0]).convert(mode)
    original.save(tmp_path / "only" / ("0.tiff" if mode == "PA" else "0.png"))
    data = datasets.image_folder(tmp_path)
    assert data.image_shape == (4, 3, channels)
    want = np.asarray(original.convert("L" if channels == 1 else "RGB")) / np.float32(255)
    np.testing.assert_array_equal(data.images[0], want.reshape(4, 3, channels))


def test_refuses_what_is_no_folder_of_classes(tmp_path):
    with pytest.raises(ValueError, match=r"argument `path` must be a folder, got '.*nowhere'"):
        datasets.image_folder(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="image_folder: no sub-folder, which would be a class"):
        datasets.image_folder(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"image_folder: no image in .*empty"):
        datasets.image_folder(tmp_path)


@pytest.mark.parametrize("image", [PIXELS[0][:2], PIXELS[0][:, :, 0]], ids=["size", "grey"])
def test_refuses_mixed_shapes(folder, image):
    Image.fromarray(np.ascontiguousarray(image)).save(folder / "b" / "9.png")
    with pytest.raises(ValueError, match=r"one shape \(H, W, C\), got \(4, 3, 3\) in .*9.png$"):
        datasets.image_folder(folder)


def test_refuses_a_broken_file_and_sixteen_bits(folder):
    broken = folder / "b" / "9.png"
    broken.write_bytes((folder / "b" / "0.PNG").read_bytes()[:60])
    with pytest.raises(ValueError, match=r"9\.png cannot be read as an image"):
        datasets.image_folder(folder)
    broken.write_text("no image at all")
    with pytest.raises(ValueError, match=r"9\.png cannot be read as an image"):
        datasets.image_folder(folder)
    Image.fromarray(PIXELS[0, :, :, 0].astype(np.uint16) * 256).save(broken)
    with pytest.raises(ValueError, match=r"9\.png has the mode I;16; known are"):
        datasets.image_folder(folder)


def test_a_picture_too_large_to_be_meant(tmp_path):
    header = b"IHDR" + struct.pack(">IIBBBBB", 60000, 60000, 8, 0, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk)
    with pytest.raises(ValueError, match="cannot be read as an image"):
        datasets.image_folder(tmp_path)
