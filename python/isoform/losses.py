"""Losses of the logits with their gradients, for what takes steps by hand."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

import numpy as np

from . import data

if TYPE_CHECKING:
    from .model import Model

Loss = Callable[[np.ndarray, Any], "tuple[float, Any]"]  #: of (logits, answers): the loss of a batch, its gradient by the logits


def gradient_of(loss: str) -> Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """(z, y) → the loss of each sample [samples] and its gradient [samples, outputs]; y: positions of classes, or targets."""
    return _GRADIENTS[loss]


def _cross_entropy(z: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    z = z - z.max(axis=1, keepdims=True)
    p = np.exp(z)
    total = p.sum(axis=1, keepdims=True)
    at = np.arange(len(z)), y
    losses = np.log(total[:, 0]) - z[at]
    p /= total
    p[at] -= 1
    return losses, p


def _binary(z: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return (np.logaddexp(0, z) - y * z).sum(axis=1), 0.5 * (1 + np.tanh(0.5 * z)) - y


def _squared(z: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    error = z - y
    return 0.5 * (error**2).sum(axis=1), error


def _huber(z: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    error = z - y
    bent = np.clip(error, -1, 1)
    return (bent * (error - 0.5 * bent)).sum(axis=1), bent


_GRADIENTS = {"cross_entropy": _cross_entropy, "binary": _binary, "squared": _squared, "huber": _huber}


def loss_of(model: Model, task: str = "") -> Loss:
    """The mean loss of a task, of answers as people write them: names of classes, numbers in their own units."""
    about, schema = model._task(task), model.schema
    gradient = gradient_of(about["loss"])
    # A table of classes has a schema without means.
    mean, scale = (np.array(schema["mean"]), np.array(schema["scale"])) if schema and schema["mean"] else (0.0, 1.0)

    def loss(z: np.ndarray, y: Any) -> tuple[float, np.ndarray]:
        answers = np.asarray(data.array_of(y, "y"))
        data.require_rows(len(z), y=answers)
        if about["loss"] == "cross_entropy":
            targets = data.labels_of(answers, about["outputs"])[0]
        else:
            targets = (data.numbers_of(answers, z.shape[1]) - mean) / scale
        losses, own = gradient(z.astype(np.float64), targets)
        return float(losses.mean()), own / len(z)
    return loss
