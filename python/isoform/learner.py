"""Steps by hand, for losses and batches of one's own."""
from __future__ import annotations

from typing import Any

import numpy as np

from . import _isoform
from .data import array_of
from .model import Model


class Learner:
    """An optimiser on a model: logits out, the gradient of any loss by the logits in.

        learner = isoform.Learner(model, learning_rate=1e-3)
        for X, y in batches:
            z = learner.forward(X)
            learner.step((z - y) / len(X))          # the gradient of the mean of ½|z − y|²

    It trains the model in place. Edits of the model in between (grow, shrink, add_outputs, …) carry the optimiser's state
    along, as in a training run; a run of isoform.train in between makes it begin anew. Not while other threads predict with the model.
    """

    def __init__(self, model: Model, optimiser: str = "adamw", *, learning_rate: float | None = None,
                 weight_decay: float = 1e-3, momentum: float = 0.9, beta1: float = 0.9, beta2: float = 0.999,
                 epsilon: float = 1e-8, second_moment: str = "factored", threads: int = 0) -> None:
        """optimiser: sgd, momentum, nesterov, adam, adamw, novograd, muon; learning_rate None: its own."""
        self.model = model
        self._learner = _isoform.Learner(model._core, optimiser, learning_rate, weight_decay, momentum,
                                         beta1, beta2, epsilon, second_moment, threads)

    def forward(self, X: Any, *, task: str = "", dropout: float = 0.0, input_dropout: float = 0.0,
                seed: int = 0) -> np.ndarray:
        """Logits [samples, outputs] of raw samples X [samples, features], kept for ``step``. Dropout is of whole groups, keyed by
        (seed, step)."""
        return self._learner.forward(array_of(X, "forward: X"), task, dropout, input_dropout, seed)

    def step(self, gradient: Any, *, learning_rate: float | None = None) -> None:
        """One step, from the gradient of the loss by the logits [samples, outputs] of the last ``forward``."""
        self._learner.step(array_of(gradient, "step: the gradient by the logits"), learning_rate)

    def __reduce__(self) -> Any:
        raise TypeError("a Learner follows the model of this process and is not copied or pickled; keep its model, and begin a Learner anew")

    @property
    def steps(self) -> int:
        """Steps taken."""
        return self._learner.steps()
