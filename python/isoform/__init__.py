"""Isoform: neural networks that change their own shape, exactly, while they learn.

    run = isoform.fit(X, y)                  # a network that finds its own size
    run.model.predict_proba(X_new)           # [samples, classes]
    run.model.shrink(tolerance=0.02, X=X)    # smaller, and what is known of the change
    run.model.save("model.safetensors")      # what the program `isoform` reads, too

A sample is a row here, a column in the library: the memory is the same, so that float32 arrays are read where they lie.
Scikit-learn's estimators are in ``isoform.sklearn``.
"""
import os as _os

from . import _isoform
from ._isoform import Error, FileError, FormatError, InternalError, UsageError
from .edit import Edit
from .learner import Learner
from .model import Model, load
from .parts import Map, Space
from .reports import (Change, EditRecord, FeatureRemoval, LayerCut, MapForm, Run, Shrinkage,
                      Sparsity)
from .training import fit, settings, train

__version__ = _isoform.version
__all__ = [
    "Change", "Edit", "EditRecord", "Error", "FeatureRemoval", "FileError", "FormatError", "InternalError", "LayerCut", "Learner",
    "Map", "MapForm", "Model", "Run", "Shrinkage", "Space", "Sparsity", "UsageError", "fit", "load", "settings", "train",
]

# The threads of the parent's engines are not in a child.
_os.register_at_fork(after_in_child=_isoform.forget_engines)
