"""Models: what a model file holds, as a Python object."""
from __future__ import annotations

import json
import os
import struct
from operator import index
from typing import Any, Iterable, Sequence

import numpy as np

from . import _isoform
from .data import array_of, dataset
from .edit import Edit
from .parts import Map, Space
from .reports import EditRecord, FeatureRemoval, Shrinkage, Sparsity


def _strings(values: str | Iterable[Any]) -> list[str]:
    return [values] if isinstance(values, str) else [str(value) for value in values]


class Model:
    """A network with its input transform, tasks and history.

    Made by ``Model.chain``, ``isoform.load`` or ``isoform.fit``. Samples are rows: X [samples, features], raw, as the
    model standardises itself. Hidden layers are numbered from 1, as by the program.
    A change that fails leaves the model as it was. Other threads may predict meanwhile; a second change at the same time is refused.
    """

    def __init__(self, core: Any) -> None:
        if not isinstance(core, _isoform.Core):
            raise TypeError("a Model is made by Model.chain(widths), isoform.load(path) or isoform.fit(X, y).model")
        self._core = core

    # -- making, keeping ------------------------------------------------------------------------------------------------

    @classmethod
    def chain(cls, widths: Sequence[int], *, group_size: int = 4, groups: Sequence[Sequence[int]] = (),
              radial: str = "tanh", length: str = "trainable", psi: str = "decay",
              norms: bool = False, initialiser: str = "orthogonal", seed: int = 0, dtype: str = "float32",
              loss: str = "cross_entropy", outputs: Sequence[str] = (),
              features: Sequence[str] = ()) -> Model:
        """An untrained chain of layers.

        widths: all of them, input and output included. group_size: neurons that share a gate; 0: the whole layer;
        groups: sizes for each hidden layer instead. radial: tanh, asinh, algebraic, log, softsign. norms: layers also read
        1/s − 1 of every group below (docs/mathematics.md 14). outputs, features: names;
        outputs are called 0, 1, … without. The input transform is none (mean 0, scale 1): set ``mean`` and ``scale``.
        """
        return cls(_isoform.chain(list(widths), [list(sizes) for sizes in groups], group_size, radial,
                                  length, psi, norms, initialiser, seed, _dtype(dtype), loss, _strings(outputs),
                                  _strings(features)))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a model file (docs/model-file.md), beside and renamed."""
        self._core.save(os.fspath(path))

    def to_bytes(self) -> bytes:
        """What ``save`` writes. The same model gives the same bytes."""
        return self._core.serialise()

    @classmethod
    def from_bytes(cls, data: bytes, dtype: str = "float32") -> Model:
        """The inverse of ``to_bytes``."""
        return cls(_isoform.parse(bytes(memoryview(data)), _dtype(dtype)))

    def copy(self) -> Model:
        """A model of its own."""
        return Model(self._core.copy())

    def astype(self, dtype: str) -> Model:
        """A copy in the other precision, each number rounded once."""
        return Model(self._core.astype(_dtype(dtype)))

    def __copy__(self) -> Model:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> Model:
        return self.copy()

    def __reduce__(self) -> Any:
        return Model.from_bytes, (self.to_bytes(), self.dtype.name)

    # -- what it is ------------------------------------------------------------------------------------------------------

    def _about(self, what: str) -> Any:
        return self._core.describe()[what]

    @property
    def dtype(self) -> np.dtype:
        """float32 or float64: of weights and predictions."""
        return np.dtype("float64" if self._core.is_double() else "float32")

    @property
    def widths(self) -> list[int]:
        """Dimensions: of all inputs together, of each space between, of all outputs together."""
        return self._about("widths")

    @property
    def groups(self) -> list[list[int]]:
        """Sizes of the groups of each hidden layer."""
        return self._about("groups")

    @property
    def layers(self) -> list[int]:
        """Ids of the hidden spaces: what edits call ``layer``."""
        return self._about("hidden")

    @property
    def parameters(self) -> int:
        """Numbers that are trained or folded: weights, biases, ψ and o."""
        return self._about("parameters")

    @property
    def inputs(self) -> list[dict[str, Any]]:
        """name, size and names of features of each input."""
        return self._about("inputs")

    @property
    def tasks(self) -> list[dict[str, Any]]:
        """name, outputs, loss, active, inputs and weight of each task."""
        return self._about("tasks")

    @property
    def classes(self) -> list[str]:
        """Names of the outputs of the only task, or of all one after the other."""
        return [name for task in self.tasks for name in task["outputs"]]

    @property
    def history(self) -> list[EditRecord]:
        """What has changed its shape, oldest first; 10,000 at most."""
        return [EditRecord._of(record) for record in self._core.history()]

    @property
    def schema(self) -> dict[str, Any] | None:
        """How tables are answered by a model that has learned from one: target, targets, mean, scale."""
        return self._about("schema")

    @property
    def spaces(self) -> list[Space]:
        """In the order of computation."""
        return [Space(about) for about in self._about("spaces")]

    @property
    def maps(self) -> list[Map]:
        """In the order of computation; in a chain map l leads into layer l."""
        return [Map(self._core, about) for about in self._about("maps")]

    @property
    def mean(self) -> np.ndarray:
        """x ← (x − mean)·scale [all features]; a window on the model's memory."""
        return self._core.window("mean", 0)

    @property
    def scale(self) -> np.ndarray:
        """As ``mean``; 1/deviation."""
        return self._core.window("scale", 0)

    def set_o(self, layer: int, o: Sequence[float]) -> None:
        """Sets the squared intrinsic lengths of the groups of a layer."""
        self._core.set_o(layer, [float(value) for value in o])

    def spectrum(self, layer: int) -> np.ndarray:
        """Singular values of what comes into the groups of a layer, descending [neurons]."""
        return np.array(self._core.spectrum(layer))

    def __repr__(self) -> str:
        widths = "-".join(str(width) for width in self.widths)
        return f"Model({widths}, {self.dtype.name}, {self.parameters:,} parameters)"

    # -- what it answers -------------------------------------------------------------------------------------------------

    def predict(self, X: Any, *, task: str = "", threads: int = 0) -> np.ndarray:
        """Logits [samples, outputs] for raw samples X [samples, features], in the model's dtype.

        An array of that dtype with rows one behind the other is read where it lies, whose it may be (NumPy, or by DLPack PyTorch and others). The GIL is free meanwhile. A model of several tasks needs ``task``;
        X then has the features of the inputs that it reads, one input after the other. threads 0: all cores.
        """
        return self._core.predict(array_of(X, "predict: X"), task, threads)

    def predict_proba(self, X: Any, *, task: str = "", threads: int = 0) -> np.ndarray:
        """Probabilities [samples, outputs], float64: of classes together 1, of labels each for itself.

        Computed in double from the weights as they are.
        """
        about = self._task(task)
        X = array_of(X, "predict: X")
        numbers = self.schema["target"] == "numbers" if self.schema else about["loss"] in ("squared", "huber")
        if numbers:
            raise _isoform.UsageError(
                f"predict_proba: task '{about['name']}' answers with numbers, which have no probabilities; use predict_numbers")
        if about["loss"] == "binary" and not self.schema:
            logits = (self if self.dtype == np.float64 else self.astype("float64")).predict(
                X, task=task, threads=threads)
            return 1 / (1 + np.exp(-logits))
        return self._core.answers(X, task, threads)

    def predict_numbers(self, X: Any, *, task: str = "", threads: int = 0) -> np.ndarray:
        """Answers of a regression in the units that it was trained on [samples, outputs], float64."""
        if self.schema and self.schema["target"] == "numbers":
            return self._core.answers(array_of(X, "predict: X"), task, threads)
        return self.predict(X, task=task, threads=threads).astype(np.float64)

    def _task(self, name: str) -> dict[str, Any]:
        tasks = self.tasks
        found = [task for task in tasks if task["name"] == name] if name else tasks
        if len(found) == 1:
            return found[0]
        names = ", ".join(task["name"] for task in tasks)
        raise _isoform.UsageError(f"task: '{name}' is unknown; the model has {names}" if name else
                                  f"task: the model has {names}; say which one")

    # -- edits of one layer -----------------------------------------------------------------------------------------------

    def rotate(self, layer: int, kind: str = "left", *, seed: int = 0) -> list[EditRecord]:
        """Turns a layer inside its groups; the function stays.

        left: incoming rows orthogonal, in descending length; right: outgoing columns; full: the map into the layer diagonal;
        random: by the seed.
        """
        return [EditRecord._of(record) for record in self._core.rotate(index(layer), kind, seed)]

    def grow(self, layer: int, count: int = 0, *, into: int | None = None, new_groups: Sequence[int] = (),
             group_size: int = 4, seed: int = 0) -> EditRecord:
        """Appends neurons; the function stays.

        count: how many, into groups below group_size and then into new ones, or all into one group (``into``);
        new_groups: sizes of whole new groups.
        """
        return EditRecord._of(self._core.grow(index(layer), index(count), into, list(new_groups), group_size, seed)[0])

    def keep(self, layer: int, neurons: Sequence[int]) -> EditRecord:
        """Keeps these neurons as they stand, from 0, ascending; the biases of the others are folded into (o, ψ)."""
        return EditRecord._of(self._core.keep(index(layer), [int(n) for n in neurons])[0])

    def remove_groups(self, layer: int, groups: Sequence[int]) -> EditRecord:
        """Removes whole groups, from 0; what they did at rest is folded."""
        return EditRecord._of(self._core.remove_groups(index(layer), [int(g) for g in groups])[0])

    def apply(self, edit: Edit) -> list[EditRecord]:
        """Makes a change that was computed before (``isoform.Edit``) from this model as it is, or from one of the same shape."""
        if not isinstance(edit, Edit):
            raise TypeError(f"apply: needs an Edit (Edit.grow, Edit.rotate, …), got {type(edit).__name__}")
        return [EditRecord._of(record) for record in self._core.apply(edit._made)]

    # -- edits of the whole ------------------------------------------------------------------------------------------------

    def shrink(self, widths: Sequence[int] | None = None, *, tolerance: float | None = None,
               parameters: int | None = None, X: Any = None, metric: str | None = None,
               refit: bool | None = None, below_need: bool = False, min_width: int = 1,
               task: str = "", threads: int = 0) -> Shrinkage:
        """Removes the neurons that matter least. One of widths (of the hidden layers), tolerance and parameters.

        tolerance: as small as a mean relative change of the outputs by so much allows, judged on a quarter of X that
        nothing is fitted to. X [samples, features], raw: with it importance is measured at the outputs (metric "jacobian") and what follows
        is refitted, without it by singular values, with a proved bound beyond layer 1. metric: jacobian, next, covariance,
        effect, singular, paper.
        """
        goals = [goal for goal in (widths, tolerance, parameters) if goal is not None]
        if len(goals) != 1:
            raise _isoform.UsageError(
                f"shrink: needs one of widths, tolerance, parameters, got {len(goals)} of them")
        data = None if X is None else dataset(X)
        if tolerance is not None and data is not None and data.samples() < 4:
            raise _isoform.UsageError(f"shrink: tolerance is judged on a quarter of X, which needs 4 samples or more, got {data.samples()}")
        metric = metric or ("singular" if X is None else "jacobian")
        refit = X is not None if refit is None else refit
        said = self._core.shrink(tolerance, parameters, [int(w) for w in widths or ()], metric, refit,
                                 below_need, min_width, data, task, threads)
        return Shrinkage._of(said)

    def reduce(self, widths: Sequence[int], **options: Any) -> Shrinkage:
        """``shrink`` to widths of the hidden layers."""
        return self.shrink(widths, **options)

    def sparsify(self, method: str = "best", *, diagonal: Sequence[int] = (), dry_run: bool = False) -> Sparsity:
        """Chooses bases in which weights are exactly zero; the function stays. Layers of one group gain most.

        method: best, alternating (the paper's), chain. diagonal: maps, from 1, that must become diagonal. dry_run: only says
        what it would do.
        """
        return Sparsity._of(self._core.sparsify(method, list(diagonal), dry_run))

    # -- outputs, features, tasks -------------------------------------------------------------------------------------------

    def add_outputs(self, names: str | Sequence[str], *, task: str = "") -> None:
        """New outputs behind those of a task, with weights of 0; the logits there were stay, bit by bit."""
        self._core.append_outputs(task, _strings(names))

    def remove_outputs(self, names: str | Sequence[str], *, task: str = "") -> None:
        """Outputs that go; the others stay exactly."""
        self._core.remove_outputs(task, _strings(names))

    def rename_output(self, name: str, to: str, *, task: str = "") -> None:
        """Another name for an output."""
        self._core.rename_output(task, name, to)

    def add_features(self, names: str | Sequence[str], *, mean: float | Sequence[float] = 0.0,
                     deviation: float | Sequence[float] = 1.0, input: str = "") -> None:
        """New features behind those of an input, raw values of this mean and deviation, with weights of 0: the
        function stays whatever they hold."""
        self._core.append_features(input, _strings(names), _numbers(mean), _numbers(deviation))

    def remove_features(self, names: str | int | Sequence[str | int], *, X: Any = None, input: str = "",
                        task: str = "") -> FeatureRemoval:
        """Features that go, by name, or by position from 0 where they have no names. With X what the others say about
        them is folded into the weights, else their mean."""
        names = [names] if isinstance(names, (str, int)) else names
        data = None if X is None else dataset(X)
        return FeatureRemoval(**self._core.remove_features(input, _strings(names), data, task))

    def add_input(self, name: str, features: Sequence[str], *, mean: float | Sequence[float] = 0.0,
                  deviation: float | Sequence[float] = 1.0, start: str = "zero", seed: int = 0) -> None:
        """Another input. start: zero (nobody hears it, exact even for old tasks), or random."""
        if start not in ("zero", "random"):
            raise _isoform.UsageError(f"start: '{start}' is unknown; known are zero, random")
        self._core.append_input(name, _strings(features), _numbers(mean), _numbers(deviation),
                                start == "random", seed)

    def add_task(self, name: str, outputs: Sequence[str], *, inputs: Sequence[str] = (),
                 loss: str = "cross_entropy", weight: float = 1.0, seed: int = 0) -> None:
        """Another task with a head of its own; the other tasks' logits stay, bit by bit. inputs: those it reads; none: all."""
        self._core.append_task(name, _strings(outputs), _strings(inputs), loss, weight, seed)

    def remove_task(self, name: str) -> None:
        """A task that goes, with its head and inputs that nobody else reads; exact for all others."""
        self._core.remove_task(name)

    def rename_task(self, name: str, to: str) -> None:
        """Another name for a task."""
        self._core.rename_task(name, to)

    def switch_task(self, name: str, active: bool) -> None:
        """Whether a task is trained; it answers in any case."""
        self._core.switch_task(name, active)

    def freeze(self, task: str = "", frozen: bool = True) -> None:
        """Freezes (or thaws) the head of a task; without one all hidden groups that there are."""
        self._core.freeze(task, frozen)

    # -- pictures -----------------------------------------------------------------------------------------------------------

    def plot(self, axes: Any = None) -> Any:
        """Singular values of each hidden layer, strongest first, with matplotlib. Returns the axes."""
        from .plotting import plot_spectra
        return plot_spectra(self, axes)


def _dtype(dtype: Any) -> str:
    return dtype if isinstance(dtype, str) else np.dtype(dtype).name


def _numbers(values: float | Sequence[float]) -> list[float]:
    return [float(value) for value in np.ravel(values)]


def _stored_dtype(path: str) -> str:
    # What is no model file is float32's to refuse.
    try:
        with open(path, "rb") as file:
            header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        kinds = {entry["dtype"] for name, entry in header.items() if name != "__metadata__"}
        return "float64" if kinds == {"F64"} else "float32"
    except (OSError, ValueError, struct.error, AttributeError, KeyError, TypeError, MemoryError, OverflowError):
        return "float32"


def load(path: str | os.PathLike[str], dtype: str | None = None) -> Model:
    """Reads a model file, in the precision that it has or in another.

    FileError where it cannot be read, FormatError where it is no model file, with what is wrong.
    """
    name = os.fspath(path)
    return Model(_isoform.load(name, _dtype(dtype) if dtype else _stored_dtype(name)))
