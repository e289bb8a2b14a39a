"""A folder of images as a data set: one sub-folder a class."""

from os import PathLike
from pathlib import Path
from types import ModuleType

import numpy as np

from jaxmath.datasets.bundled import _host_dataset, _needed
from jaxmath.datasets.dataset import Dataset

__all__ = ["image_folder"]

# Formats that Pillow knows but reads no pixels of: it only writes them, or needs another program
# or a handler for them. (MPO is read as JPEG, which it begins with.)
_UNREAD = frozenset({"PDF", "PALM", "EPS", "MPEG", "BUFR", "GRIB", "HDF5", "WMF"})

# Modes of 8 bits a channel, and what they are read as; the rest would be cut to 8 bits unasked.
_MODES = {"1": "L", "L": "L", "LA": "L", "P": "RGB", "PA": "RGB", "RGB": "RGB", "RGBA": "RGB"}


def image_folder(path: str | PathLike[str]) -> Dataset:
    """The images below a folder, one sub-folder a class, all of one size.

    ::

        path/class/file   ↦   xᵢ ∈ [0, 1]^{H·W·C},   yᵢ = the class's place in alphabetical order

    Args:
      path: the folder. Its sub-folders are the classes. In them, whatever is no file with the
        suffix of an image format that Pillow reads (PDF, EPS and HDF5 are none, nor are further
        folders), and names that begin with a dot, are passed over.

    Returns:
      ``x`` of shape (n, H·W·C), float32, C = 1 (grey) or 3 (RGB), and ``y`` of shape (n,), int32;
      classes and files in alphabetical order. The arrays are read-only.

    Raises:
      ImportError: Pillow is not installed.
      ValueError: no such folder, no sub-folder, a class with no image, a file that cannot be read,
        images of several sizes or kinds, or of more than 8 bits a channel.

    Numerics:
      The bytes divided by 255. A palette is resolved to RGB, transparency is dropped, and an
      orientation in the file's metadata is not applied.

    Example:
      >>> image_folder("no such folder")
      Traceback (most recent call last):
      ...
      ValueError: image_folder: argument `path` must be a folder, got 'no such folder'

    References:
      The layout is that of torchvision's ``ImageFolder``.
    """
    root = Path(path)
    if not root.is_dir():
        raise ValueError(f"image_folder: argument `path` must be a folder, got {str(path)!r}")
    image = _needed("PIL.Image", "Pillow", "image_folder")
    files = _files(root, _suffixes(image))
    classes = sorted({file.parent.name for file in files})
    arrays = [_pixels(image, file) for file in files]
    for file, array in zip(files, arrays, strict=True):
        if array.shape != arrays[0].shape:
            raise ValueError(
                f"image_folder: images must have one shape (H, W, C), got {arrays[0].shape} in "
                f"{files[0]} and {array.shape} in {file}"
            )
    x = np.stack(arrays).reshape(len(arrays), -1) / np.float32(255)
    y = np.array([classes.index(file.parent.name) for file in files])
    return _host_dataset(x, y, (), classes, arrays[0].shape)


def _suffixes(image: ModuleType) -> frozenset[str]:
    known = image.registered_extensions()
    return frozenset(suffix for suffix, kind in known.items() if kind not in _UNREAD)


def _visible(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))


def _files(root: Path, suffixes: frozenset[str]) -> list[Path]:
    folders = [entry for entry in _visible(root) if entry.is_dir()]
    if not folders:
        raise ValueError(f"image_folder: no sub-folder, which would be a class, in {root}")
    found = []
    for folder in folders:
        files = [
            entry
            for entry in _visible(folder)
            if entry.suffix.lower() in suffixes and not entry.is_dir()
        ]
        if not files:
            raise ValueError(f"image_folder: no image in {folder}")
        found += files
    return found


def _pixels(image: ModuleType, file: Path) -> np.ndarray:
    try:
        with image.open(file) as opened:
            mode = opened.mode
            pixels = np.asarray(opened.convert(_MODES[mode])) if mode in _MODES else None
    except (OSError, SyntaxError, ValueError, image.DecompressionBombError) as error:
        raise ValueError(f"image_folder: {file} cannot be read as an image") from error
    if pixels is None:
        raise ValueError(
            f"image_folder: {file} has the mode {mode}; known are {', '.join(_MODES)} (8 bits)"
        )
    return pixels.reshape(*pixels.shape[:2], -1)
