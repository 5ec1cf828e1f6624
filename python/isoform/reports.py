"""What edits, reductions and training runs return: plain objects."""
from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .model import Model


@dataclasses.dataclass(frozen=True)
class EditRecord:
    """What remains of a change of one layer."""

    kind: str  #: rotate, append, append_group, reduce, remove_group or refit
    layer: int  #: of the hidden space, from 1 in a chain
    before: int  #: width
    after: int
    born: int = 0  #: neurons
    removed: int = 0
    score: float = 0.0  #: the largest that was removed
    group: int | None = None  #: where a single one is touched
    bound: float | None = None  #: on the change of the outputs, known beforehand
    change: float | None = None  #: measured
    why: str = ""
    step: int = 0  #: of training
    folds: bool | None = None  #: removals: that what was constant is folded exactly

    @classmethod
    def _of(cls, record: dict[str, Any]) -> EditRecord:
        record = dict(record)
        record["layer"] = record.pop("space")
        return cls(**record)


@dataclasses.dataclass(frozen=True)
class LayerCut:
    """What was known of a layer before it was cut."""

    layer: int
    before: int  #: neurons
    after: int
    groups_before: int
    groups_after: int
    score: float  #: the largest that went
    bound: float | None  #: proved, for every input: |Δy| is at most this, by this cut alone
    why_no_bound: str
    bound_on_samples: float | None  #: proved, for the samples at hand
    predicted: float | None  #: root mean square of Δy, to first order
    note: str


@dataclasses.dataclass(frozen=True)
class Change:
    """How far outputs moved over samples: Δ beside y."""

    mean: float  #: of |Δ| / |y|
    largest: float
    rms: float  #: √E|Δ|², in the units of the outputs
    largest_absolute: float
    output_rms: float  #: √E|y|²


@dataclasses.dataclass(frozen=True)
class Shrinkage:
    """What a reduction did, layer after layer."""

    layers: list[LayerCut]
    records: list[EditRecord]
    change: Change | None  #: on X; with a tolerance on a quarter of it, which nothing was fitted to
    parameters_before: int
    parameters: int
    cheapest: float  #: nothing fits the tolerance: what removing one neuron would change

    @classmethod
    def _of(cls, said: dict[str, Any]) -> Shrinkage:
        return cls(layers=[LayerCut(**layer) for layer in said["layers"]],
                   records=[EditRecord._of(record) for record in said["records"]],
                   change=Change(**said["change"]) if said["change"] else None,
                   parameters_before=said["parameters_before"], parameters=said["parameters"],
                   cheapest=said["cheapest"])


@dataclasses.dataclass(frozen=True)
class MapForm:
    """A map after sparsification."""

    map: int  #: from 1
    form: str  #: dense, diagonal or triangle
    weights_before: int
    weights: int


@dataclasses.dataclass(frozen=True)
class Sparsity:
    """Weights that a choice of bases makes zero."""

    maps: list[MapForm]
    widths_before: list[int]
    widths: list[int]
    weights_before: int
    weights: int
    ceiling: int  #: the most that any choice of bases removes
    records: list[EditRecord]
    largest_zeroed: float  #: magnitude that was set to zero, in lengths of its map

    @classmethod
    def _of(cls, said: dict[str, Any]) -> Sparsity:
        maps = [MapForm(**entry) for entry in said.pop("maps")]
        records = [EditRecord._of(record) for record in said.pop("records", [])]
        return cls(maps=maps, records=records, **{"largest_zeroed": 0.0, **said})


@dataclasses.dataclass(frozen=True)
class FeatureRemoval:
    """What the removal of features does."""

    samples: int  #: that predicted what went from what stays
    unexplained: float  #: share of what went that could not be predicted
    moved: float  #: how far z moves in what reads the input
    bound: float | None  #: √E|Δy|² is at most this, over the samples
    largest_bound: float | None  #: and |Δy| of each
    why_no_bound: str


@dataclasses.dataclass(frozen=True)
class Run:
    """A training run."""

    model: Model
    history: list[dict[str, Any]]  #: of each epoch; pandas.DataFrame(run.history)
    reason: str  #: finished, stopped or diverged
    message: str
    steps: int
    born: int  #: neurons
    removed: int
    seconds: float
    adaptation_seconds: float
    validation_accuracy: float
    settings: dict[str, Any]  #: in effect

    def columns(self) -> dict[str, np.ndarray]:
        """The numbers of the history as arrays [epochs], by name."""
        names = [name for name, value in (self.history[0] if self.history else {}).items()
                 if isinstance(value, (int, float)) or value is None]
        return {name: np.array([np.nan if epoch[name] is None else epoch[name] for epoch in self.history])
                for name in names}

    def plot(self, axes: Any = None) -> Any:
        """Losses by epoch, with matplotlib. Returns the axes."""
        from .plotting import plot_run
        return plot_run(self, axes)
