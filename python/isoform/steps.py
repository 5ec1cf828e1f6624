"""Runs with a loss, or with batches, of one's own: what isoform.train does with a callable or with a source of batches."""
from __future__ import annotations

import time
from operator import index
from typing import Any, Callable, Iterable, Iterator, Mapping

import numpy as np

from . import _isoform, data
from .learner import Learner
from .losses import Loss, loss_of
from .model import Model
from .reports import Run

_SETTINGS = ("epochs", "batch_size", "seed", "optimiser", "learning_rate", "weight_decay", "momentum", "second_moment", "dropout",
             "input_dropout", "threads", "task")


def is_source(X: Any) -> bool:
    """Whether X gives batches: a function, or what can be gone through and is no array, no table and no dict."""
    if callable(X):
        return True
    return hasattr(X, "__iter__") and not isinstance(X, Mapping) and not any(
        hasattr(X, name) for name in ("__array__", "__dlpack__", "__array_interface__", "__buffer__", "columns"))


def train_by_steps(model: Model, X: Any, y: Any, loss: Loss | None, callback: Callable[[dict[str, Any]], Any] | None,
                   keywords: dict[str, Any]) -> Run:
    """Steps of a Learner over epochs."""
    for name in keywords:
        if name not in _SETTINGS:
            raise TypeError(f"train() got an unexpected keyword argument '{name}': with a loss or batches of one's own it takes "
                            f"{', '.join(_SETTINGS)} and callback, in which the model may be edited")
    settings = {"epochs": 10, "batch_size": 64, "seed": 0, "optimiser": "adamw", "learning_rate": None, "weight_decay": 1e-3,
                "dropout": 0.0, "input_dropout": 0.0, "threads": 0, "task": "", **keywords}
    for name in ("epochs", "batch_size"):
        settings[name] = index(settings[name])
        if settings[name] < 1:
            raise _isoform.UsageError(f"{name}: needs 1 or more, got {settings[name]}")
    learner = Learner(model, settings["optimiser"], learning_rate=settings["learning_rate"], weight_decay=settings["weight_decay"],
                      threads=settings["threads"],
                      **{name: settings[name] for name in ("momentum", "second_moment") if name in settings})
    batches = _source(X) if is_source(X) else _of_arrays(X, y, settings["batch_size"], int(settings["seed"]))
    loss = loss or loss_of(model, settings["task"])
    history: list[dict[str, Any]] = []
    began, reason, message = time.monotonic(), "finished", ""
    for epoch in range(1, settings["epochs"] + 1):
        total, samples = 0.0, 0
        for x, answers in batches():
            z = learner.forward(x, task=settings["task"], dropout=settings["dropout"], input_dropout=settings["input_dropout"],
                                seed=settings["seed"])
            if not len(z):
                continue
            value, gradient = _said(loss(z, answers))
            if not np.isfinite(value):
                reason, message = "diverged", f"the loss is {value} in epoch {epoch}; try a smaller learning rate"
                break
            learner.step(gradient)
            total, samples = total + value * len(z), samples + len(z)
        if reason == "diverged":
            break
        if not samples:
            raise _isoform.UsageError(f"batches: there were none in epoch {epoch}; give a list or a function that begins anew, as a "
                                      "generator is used up after one epoch")
        history.append({"epoch": epoch, "step": learner.steps, "time_s": time.monotonic() - began, "train_loss": total / samples,
                        "widths": model.widths})
        said = None if callback is None else callback(dict(history[-1]))
        if said is False:
            reason, message = "stopped", "stopped by the callback"
            break
    seconds = time.monotonic() - began
    return Run(model=model, history=history, settings=settings, reason=reason, message=message, steps=learner.steps, born=0, removed=0,
               seconds=seconds, adaptation_seconds=0.0, validation_accuracy=float("nan"))


def _said(answer: Any) -> tuple[float, Any]:
    if not isinstance(answer, tuple) or len(answer) != 2:
        raise _isoform.UsageError("loss: needs to return two things, the loss of the batch and its gradient by the logits [samples, outputs], "
                                  f"got {type(answer).__name__}")
    return float(answer[0]), answer[1]


def _source(X: Any) -> Callable[[], Iterable[Any]]:
    """Batches of each epoch, looked at before they are used."""
    def batches() -> Iterator[Any]:
        for batch in X() if callable(X) else X:
            if not isinstance(batch, (tuple, list)) or len(batch) != 2:
                raise _isoform.UsageError("batches: each needs to be (X, y), of samples [samples, features] and their answers, got "
                                          f"{type(batch).__name__}")
            yield batch
    return batches


def _of_arrays(X: Any, y: Any, size: int, seed: int) -> Callable[[], Iterable[Any]]:
    """Every sample once an epoch, in an order that follows from seed and epoch. y goes to the loss as it is."""
    rows, _ = data.samples_of(X)
    answers = None if y is None else np.asarray(data.array_of(y, "y"))
    data.require_rows(len(rows), y=answers)
    epochs = iter(range(1 << 62))

    def batches() -> Iterator[Any]:
        order = np.random.default_rng([seed, next(epochs)]).permutation(len(rows))
        for first in range(0, len(rows), size):
            batch = order[first:first + size]
            yield rows[batch], None if answers is None else answers[batch]
    return batches
