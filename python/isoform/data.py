"""Samples and answers from NumPy arrays (or what becomes one) to what the library learns from."""
from __future__ import annotations

import math
from typing import Any, Sequence

import numpy as np

from . import _isoform


def array_of(X: Any, what: str = "X") -> Any:
    """What NumPy reads; arrays of other libraries by DLPack, without a copy (read-only)."""
    if hasattr(X, "toarray"):
        raise _isoform.UsageError(f"{what}: is sparse, and samples are dense here; give {what.split()[-1]}.toarray()")
    if isinstance(X, np.ndarray) or not hasattr(X, "__dlpack__"):
        return X
    try:
        return np.from_dlpack(X)
    except (TypeError, ValueError, RuntimeError, BufferError) as error:
        # A type that DLPack does not know may still have a way of its own.
        try:
            return np.asarray(X)
        except (TypeError, ValueError, RuntimeError):
            raise _isoform.UsageError(f"{what}: cannot be read where it lies: {error}; give an array in the processor's memory that no "
                                      "gradient is followed through (of PyTorch: X.detach().cpu())") from None


def samples_of(X: Any, what: str = "X") -> tuple[np.ndarray, list[int]]:
    """X as [samples, features], and rows, columns and channels where the samples are pictures ([samples, rows, columns] or
    [samples, channels, rows, columns]). Bytes stay bytes; everything else becomes floating point."""
    array = np.asarray(array_of(X, what))
    if array.dtype == object or array.dtype.kind not in "biuf":
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise _isoform.UsageError(f"{what}: needs an array of numbers, got {array.dtype} ({error})") from None
    image: list[int] = []
    if array.ndim == 3:
        image = [array.shape[1], array.shape[2], 1]
    elif array.ndim == 4:
        image = [array.shape[2], array.shape[3], array.shape[1]]
    if array.ndim not in (2, 3, 4):
        raise _isoform.UsageError(
            f"{what}: needs the shape [samples, features], or [samples, rows, columns] of pictures, got {list(array.shape)}")
    if array.dtype != np.uint8 and array.dtype != np.float32:
        array = array.astype(np.float64)
    return array.reshape(len(array), math.prod(array.shape[1:])), image


def feature_names(X: Any) -> list[str]:
    """Names of the columns of a data frame; none of an array."""
    columns = getattr(X, "columns", None)
    return [] if columns is None else [str(name) for name in columns]


def dataset(X: Any, name: str = "X") -> Any:
    """Samples without answers."""
    rows, image = samples_of(X)
    return _isoform.Dataset(name, rows, None, None, None, ["none"], [], image)


def name_of(value: Any) -> str:
    """The name of a class: 3 and 3.0 are "3"."""
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value.item() if isinstance(value, np.generic) else value)


def kind_of(y: np.ndarray, loss: str | None) -> str:
    """classes: whole numbers, truth values or text in one column; labels: several columns of 0 and 1; numbers: others. A loss
    decides where it can."""
    if loss == "cross_entropy":
        return "classes"
    if loss == "binary":
        return "labels"
    if loss in ("squared", "huber"):
        return "numbers"
    if y.ndim == 1:
        return "numbers" if y.dtype.kind == "f" else "classes"
    return "labels" if np.isin(y, (0, 1)).all() else "numbers"


def labels_of(y: np.ndarray, classes: Sequence[str] | None) -> tuple[np.ndarray, list[str]]:
    """Positions among classes [samples], and the classes: those given, or all there are, ascending."""
    if y.ndim != 1:
        raise _isoform.UsageError(f"y: classes need the shape [samples], got {list(y.shape)}")
    try:
        values, positions = np.unique(y, return_inverse=True)
    except TypeError:  # what has no order
        kinds = sorted({type(value).__name__ for value in y.tolist()})
        raise _isoform.UsageError(f"y: classes need to be all numbers or all text, got {', '.join(kinds)}") from None
    names = [name_of(value) for value in values]
    if classes is None:
        return positions.astype(np.uint32), names
    known = {name: position for position, name in enumerate(classes)}
    missing = [name for name in names if name not in known]
    if missing:
        raise _isoform.UsageError(
            f"y: '{missing[0]}' is none of the classes that the task answers with, {', '.join(classes[:20])}"
            f"{', …' if len(classes) > 20 else ''}; model.add_outputs appends classes")
    places = np.array([known[name] for name in names], np.uint32)
    return places[positions], list(classes)


def numbers_of(y: np.ndarray, outputs: int | None) -> np.ndarray:
    """Targets as [samples, outputs]."""
    targets = np.asarray(y, np.float64)
    targets = targets[:, None] if targets.ndim == 1 else targets
    if targets.ndim != 2 or (outputs is not None and targets.shape[1] != outputs):
        raise _isoform.UsageError(
            f"y: needs the shape [samples, {outputs or 'outputs'}], got {list(np.shape(y))}")
    return targets


def require_rows(count: int, **others: Any) -> None:
    """UsageError unless each has as many rows."""
    for name, array in others.items():
        if array is not None and len(array) != count:
            raise _isoform.UsageError(f"{name}: needs one entry for each of the {count} samples, got {len(array)}")
