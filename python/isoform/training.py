"""Training runs: what `isoform train` does, on arrays."""
from __future__ import annotations

import dataclasses
import os
import warnings
from typing import Any, Callable, Mapping, Sequence

import numpy as np

from . import _isoform, data
from .losses import Loss
from .model import Model
from .reports import Run
from .steps import is_source, train_by_steps

Epoch = dict[str, Any]
_FILES = ("data", "data_dir")
_OF_NEW_MODELS = ("architecture", "hidden", "stream", "radial", "length", "psi", "norms", "initialiser", "loss")


def settings() -> list[dict[str, Any]]:
    """Every setting that ``fit`` and ``train`` take by keyword: name, section, default, choices, help; the same list as
    the flags of `isoform train`."""
    return [entry for entry in _isoform.settings() if entry["name"] not in _refused("fit")]


def _refused(caller: str) -> dict[str, str]:
    """Settings of the program that have no meaning here, and why."""
    reasons = {}
    for entry in _isoform.settings():
        name = entry["name"]
        if name in _FILES or (entry["section"] == "table" and name != "class_weights"):
            reasons[name] = "it is for files; give arrays"
        elif caller == "train" and name in _OF_NEW_MODELS:
            reasons[name] = "the model has it already; isoform.fit and Model.chain take it"
    return reasons


def _text(value: Any) -> str:
    """A value as the same flag takes it."""
    if value is None:
        return "auto"
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, (list, tuple, np.ndarray)):
        return ",".join(_text(item) for item in value) or "none"
    return str(value)


def _settings(caller: str, name: str, keywords: Mapping[str, Any], others: Sequence[str]) -> Any:
    refused = _refused(caller)
    chosen = _isoform.Settings(name)
    for key, value in keywords.items():
        if key in refused:
            raise TypeError(f"{caller}() got an unexpected keyword argument '{key}': {refused[key]}")
        chosen.set(caller, key, _text(value), list(others))
    return chosen


def _warn_of_unused(chosen: Any, numbers: bool) -> None:
    for line in chosen.unused(numbers):
        names, colon, why = line.partition(":")
        warnings.warn(names.replace("-", "_") + colon + why, stacklevel=3)


def _parts(whole: Any, validation: Any, chosen: Any, stratified: bool,
           make: Callable[..., Any]) -> tuple[Any, Any]:
    """The samples to learn from and those to choose by."""
    now = chosen.get()
    if validation is None or isinstance(validation, (int, float)):
        return whole.split(float(now["validation"]), now["seed"], stratified)
    return whole, make(*validation)


@dataclasses.dataclass(frozen=True)
class _Keeping:
    """Where a run is kept (docs/checkpoints.md)."""

    checkpoint: str | os.PathLike[str] | None
    every: float
    resume: bool

    def check(self) -> None:
        if self.resume and self.checkpoint is None:
            raise TypeError("resume=True needs checkpoint, the file to go on from")
        if not self.every >= 0:
            raise _isoform.UsageError(f"checkpoint_every: needs seconds, 0 or more, got {self.every}")


def _train(model: Model, chosen: Any, parts: list[tuple[str, Any, Any]], callback: Callable[[Epoch], Any] | None,
           observer: Callable[[dict[str, Any]], Any] | None, keeping: _Keeping) -> Run:
    def on_epoch(epoch: Epoch) -> Any:
        epoch.pop("type")
        return None if callback is None else callback(epoch)

    path = "" if keeping.checkpoint is None else os.fspath(keeping.checkpoint)
    said = _isoform.train(model._core, chosen, parts, on_epoch, observer, path, keeping.every, keeping.resume)
    history = [{name: value for name, value in epoch.items() if name != "type"} for epoch in said.pop("epochs")]
    return Run(model=model, history=history, settings=chosen.get(), **said)


def fit(X: Any, y: Any, *, validation: float | tuple[Any, ...] | None = None, sample_weight: Any = None,
        table: bool | None = None, name: str = "data", features: Sequence[str] | None = None,
        outputs: Sequence[str] | None = None, dtype: str = "float32",
        callback: Callable[[Epoch], Any] | None = None,
        observer: Callable[[dict[str, Any]], Any] | None = None, checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: float = 60, resume: bool = False, **keywords: Any) -> Run:
    """Makes a network for the data and trains it; by default it finds its own size.

    X [samples, features] of numbers, or of pictures [samples, rows, columns] (uint8 stay bytes); float64 is rounded to float32 for
    training. y: classes [samples] (whole numbers, truth values, text), labels [samples, labels] of 0 and 1, numbers [samples] or
    [samples, outputs] (floating point); ``loss`` decides otherwise. Numbers are standardised, and answered in their own units by
    ``predict_numbers``.
    validation: the share kept for choices (0.1), or (X, y) or (X, y, weights). table: defaults and scaling as of a table (each column by its
    own deviation, some 3,000 steps), else as of a known set; None: False for uint8. features, outputs: names, which the
    program's tables are matched by. callback(epoch): after each epoch, with its numbers (docs/events.md); False ends the
    run, what it raises comes through, and the model is that of the last whole step. observer(event): every event.
    checkpoint: a file that is written after each epoch and every so many seconds (checkpoint_every); with resume the run goes on from it where
    it is there, and ends with the bits of a run that was not interrupted (docs/checkpoints.md).
    Everything else is a setting of `isoform train` by its name (``isoform.settings()``): epochs, batch_size, hidden, seed, adapt, tolerance, optimiser, …
    Same settings, data, build and type of processor: the same bits as the program's.
    """
    keeping = _Keeping(checkpoint, checkpoint_every, resume)
    keeping.check()
    loss = keywords.get("loss")
    if callable(loss):
        raise TypeError("fit() takes the name of a loss; train a model with a loss of your own: isoform.train(Model.chain(widths), X, y, loss=…)")
    if validation is not None and isinstance(validation, (int, float)):
        keywords["validation"] = validation
    answers = np.asarray(data.array_of(y, "y"))
    kind = data.kind_of(answers, loss)
    if loss is None and kind != "classes":
        keywords["loss"] = "binary" if kind == "labels" else "squared"
    chosen = _settings("fit", name, keywords,
                       ["validation", "sample_weight", "table", "name", "features", "outputs", "dtype",
                        "callback", "observer", "checkpoint", "checkpoint_every", "resume"])
    _warn_of_unused(chosen, kind == "numbers")
    rows, image = data.samples_of(X)
    table = not image and rows.dtype != np.uint8 if table is None else table
    if kind == "classes":
        labels, classes = data.labels_of(answers, None if outputs is None else [str(o) for o in outputs])
        targets = None
    else:
        labels, targets = None, data.numbers_of(answers, None if outputs is None else len(outputs))
        classes = [str(o) for o in outputs] if outputs is not None else (
            data.feature_names(y) or [f"y{k}" if targets.shape[1] > 1 else "y" for k in range(targets.shape[1])])
    data.require_rows(len(rows), y=answers, sample_weight=sample_weight)
    names = list(features) if features is not None else data.feature_names(X)
    schema = None
    if table:
        names = names or [f"x{f}" for f in range(rows.shape[1])]
        columns = ["y"] if kind == "classes" else classes
        schema = _isoform.Schema(rows, names, kind, columns, targets)
    standard = _standard(targets, schema)
    weights = None if sample_weight is None else np.asarray(sample_weight, np.float32)
    whole = _isoform.Dataset(name, rows, labels, standard(targets), weights, classes, names, image)

    def make(X: Any, y: Any, weight: Any = None) -> Any:
        other, image = data.samples_of(X, "validation")
        if other.shape[1] != rows.shape[1]:
            raise _isoform.UsageError(f"validation: needs {rows.shape[1]} features a sample, as X has, got {other.shape[1]}")
        own = np.asarray(data.array_of(y, "y"))
        if targets is None:
            return _isoform.Dataset(name, other, data.labels_of(own, classes)[0], None, weight, classes, names, image)
        return _isoform.Dataset(name, other, None, standard(data.numbers_of(own, len(classes))), weight, classes, names, image)

    training, held_out = _parts(whole, validation, chosen, table, make)
    training = training.weighted(str(chosen.get()["class_weights"]))
    if schema is not None:
        chosen = chosen.finish_table(schema, training.samples())
    else:
        chosen.finish()
    core = _isoform.create(chosen, training, schema, np.dtype(dtype).name)
    return _train(Model(core), chosen, [(name, training, held_out)], callback, observer, keeping)


def _standard(targets: np.ndarray | None, schema: Any) -> Callable[[Any], Any]:
    """Targets as the network answers them."""
    if schema is None or targets is None or not schema.mean():
        return lambda values: values
    mean, scale = np.array(schema.mean()), np.array(schema.scale())
    return lambda values: (values - mean) / scale


def train(model: Model, X: Any, y: Any = None, *, validation: float | tuple[Any, ...] | None = None,
          sample_weight: Any = None, callback: Callable[[Epoch], Any] | None = None,
          observer: Callable[[dict[str, Any]], Any] | None = None, changes: Sequence[str] = (),
          loss: Loss | None = None, checkpoint: str | os.PathLike[str] | None = None, checkpoint_every: float = 60,
          resume: bool = False, **keywords: Any) -> Run:
    """Trains a model further, in place; ``adapt=False`` keeps its widths.

    X, y: samples and answers of its task, y as names or numbers of the task's outputs. A model of several tasks takes a dict of name: (X, y) or
    (X, y, weights) for X, one for each that is on, and for those that changes bring. changes: "epoch=3 append=letters", … as the program's --change.
    Everything else as in ``fit``; settings of new networks (hidden, radial, …) are refused with TypeError. A model that answers
    numbers in units of their own takes them in these. checkpoint, checkpoint_every, resume: as in ``fit``.

    **Losses and batches of your own** (docs/losses.md): loss(z, y) returns the loss of a batch and its gradient by the logits z; X may be an
    iterable of batches (X, y) (a list, a DataLoader of PyTorch), or a function that returns one, called for each epoch. The widths
    stay, but for what the callback edits, and so does the learning rate; it takes epochs (10), batch_size (64), seed, optimiser, learning_rate, weight_decay, dropout,
    input_dropout, task, threads and callback.
    """
    if callable(loss) or (y is None and is_source(X)):
        others = {"validation": validation, "sample_weight": sample_weight, "observer": observer, "changes": changes or None,
                  "checkpoint": checkpoint, "resume": resume or None}
        keywords |= {name: value for name, value in others.items() if value is not None}
        if loss is not None and not callable(loss):
            raise TypeError(f"train() got loss='{loss}': the model has its loss already; a loss of your own is a function")
        return train_by_steps(model, X, y, loss, callback, keywords)
    if loss is not None:
        keywords["loss"] = loss
    keeping = _Keeping(checkpoint, checkpoint_every, resume)
    keeping.check()
    if validation is not None and isinstance(validation, (int, float)):
        keywords["validation"] = validation
    sets = X if isinstance(X, Mapping) else None
    name = model.tasks[0]["name"] if model.tasks else "data"
    chosen = _settings("train", name, keywords,
                       ["validation", "sample_weight", "callback", "observer", "changes", "checkpoint", "checkpoint_every", "resume"])
    _warn_of_unused(chosen, bool(model.schema and model.schema["target"] == "numbers"))
    schema = model.schema

    def make(task: dict[str, Any] | None, X: Any, y: Any, weight: Any = None) -> Any:
        rows, image = data.samples_of(X)
        answers = np.asarray(data.array_of(y, "y"))
        data.require_rows(len(rows), y=answers, sample_weight=weight)
        weight = None if weight is None else np.asarray(weight, np.float32)
        outputs = task["outputs"] if task else None
        called = task["name"] if task else "data"
        numbers = task is not None and task["loss"] != "cross_entropy" and not (
            answers.ndim == 1 and answers.dtype.kind not in "f" and len(task["outputs"]) > 1)
        if not numbers:
            labels, names = data.labels_of(answers, outputs)
            return _isoform.Dataset(called, rows, labels, None, weight, names, [], image)
        targets = data.numbers_of(answers, len(task["outputs"]))
        if schema and schema["mean"]:
            targets = (targets - np.array(schema["mean"])) / np.array(schema["scale"])
        return _isoform.Dataset(called, rows, None, targets, weight, list(outputs), [], image)

    if sets is None:
        if y is None:
            raise TypeError("train() needs y, or a dict of name: (X, y) for X")
        task = model._task("") if model.tasks else None
        whole = make(task, X, y, sample_weight)
        training, held_out = _parts(whole, validation, chosen, schema is not None,
                                    lambda *given: make(task, *given))
        training = training.weighted(str(chosen.get()["class_weights"]))
        parts = [(name, training, held_out)]
    else:
        known = {task["name"]: task for task in model.tasks}
        parts = []
        for called, given in sets.items():
            whole = make(known.get(called), *given)
            parts.append((called, *_parts(whole, None, chosen, False, make)))
    if schema is not None:
        chosen.finish_samples(parts[0][1].samples())
    else:
        chosen.finish()
    chosen.set_changes(list(changes))  # the trainer knows the tasks that they are of
    return _train(model, chosen, parts, callback, observer, keeping)
