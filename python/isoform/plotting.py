"""Pictures, where matplotlib is installed."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .model import Model
    from .reports import Run


def _axes(axes: Any, count: int = 1) -> Any:
    try:
        import matplotlib.pyplot as pyplot
    except ImportError as error:
        raise ImportError("isoform draws with matplotlib, which is not installed (Debian: python3-matplotlib)") from error
    return axes if axes is not None else pyplot.subplots(1, count, squeeze=count == 1)[1]


def plot_spectra(model: Model, axes: Any = None) -> Any:
    """Singular values of each hidden layer, strongest first."""
    axes = _axes(axes)
    for layer in model.layers:
        values = model.spectrum(layer)
        axes.plot(range(1, len(values) + 1), values, label=f"layer {layer}: {len(values)}")
    axes.set(xlabel="neuron, strongest first", ylabel="singular value", title=repr(model))
    if model.layers:
        axes.legend()
    return axes


def plot_run(run: Run, axes: Any = None) -> Any:
    """Losses of a run by epoch."""
    axes = _axes(axes)
    columns = run.columns()
    for name in ("train_loss", "validation_loss"):
        if name in columns:
            axes.plot(columns["epoch"], columns[name], label=name.replace("_", " "))
    axes.set(xlabel="epoch", ylabel="loss")
    axes.legend()
    return axes
