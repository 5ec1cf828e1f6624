"""What partial_fit does: passes over parts of the data, and a memory of what went before."""
from __future__ import annotations

from typing import Any

import numpy as np

from . import _isoform
from .learner import Learner
from .losses import gradient_of
from .model import Model
from .training import _settings

# Rows, answers, the number that each row drew when it came, and how many rows have come.
Memory = tuple[np.ndarray, np.ndarray, np.ndarray, int]
_WIDTH = 64  # of hidden layers that nothing has found a width for
_RESTART = 0.25  # of the learning rate, for a model that has been through a schedule (docs/tables.md)


def remember(memory: Memory | None, X: np.ndarray, y: np.ndarray, most: int, seed: int) -> Memory | None:
    """Adds rows to a memory of so many at most, of each class alike; of a class a uniform choice of all that came (as
    isoform/data/replay.h)."""
    if most <= 0:
        return None
    seen = 0 if memory is None else memory[3]
    X, y = np.asarray(X, np.float32), np.asarray(y)
    drawn = np.random.default_rng([seed, seen]).random(len(X))
    seen += len(X)
    if memory is not None:
        X, y, drawn = (np.concatenate(pair) for pair in zip(memory[:3], (X, y, drawn)))
    if len(X) <= most:
        return X, y, drawn, seen
    place = np.zeros(len(X), np.int64)  # among those of its class
    for label in np.unique(y) if y.ndim == 1 else ():
        of_class = np.flatnonzero(y == label)
        place[of_class[np.argsort(drawn[of_class])]] = np.arange(len(of_class))
    chosen = np.sort(np.lexsort((drawn, place))[:most])
    return X[chosen], y[chosen], drawn[chosen], seen


def begin(estimator: Any, X: np.ndarray, answers: np.ndarray, outputs: list[str], loss: str) -> None:
    """A model that has learned nothing, for data like these."""
    keywords = estimator._keywords()
    keywords["loss"] = loss
    if estimator.adapt:
        keywords["hidden"] = [max(width, _WIDTH) for width in keywords["hidden"]]
    chosen = _settings("partial_fit", "data", keywords, [])
    numbers = loss != "cross_entropy"
    schema = _isoform.Schema(np.asarray(X, np.float64), estimator._names(), "numbers" if numbers else "classes",
                             outputs if numbers else ["y"], answers if numbers else None)
    rows = _isoform.Dataset("data", X, None if numbers else answers, answers if numbers else None, None,
                            outputs, estimator._names(), [])
    chosen = chosen.finish_table(schema, len(X))
    estimator.model_ = Model(_isoform.create(chosen, rows, schema, np.dtype(estimator.dtype).name))
    estimator.history_ = []
    estimator.n_iter_ = 0
    estimator._memory = None
    estimator._learner = None


def learn(estimator: Any, X: np.ndarray, answers: np.ndarray, weights: np.ndarray | None) -> None:
    """One pass over these rows and as many of those remembered."""
    model, seed = estimator.model_, estimator._seed()
    learner = getattr(estimator, "_learner", None)
    if learner is None or learner.model is not model:
        rate = estimator.learning_rate or _isoform.default_rate(estimator.optimiser)
        if estimator.history_:
            rate *= _RESTART
        learner = Learner(model, estimator.optimiser, learning_rate=rate,
                          weight_decay=estimator.weight_decay, threads=estimator.threads)
        estimator._learner = learner
    dice = np.random.default_rng([seed, estimator.n_iter_, len(X)])
    memory = estimator._memory
    estimator._memory = remember(memory, X, answers, estimator.memory, seed)
    weights = np.ones(len(X)) if weights is None else weights / weights.mean()
    if memory is not None:
        again = dice.choice(len(memory[0]), min(len(X), len(memory[0])), replace=False)
        X, answers = np.concatenate([X, memory[0][again]]), np.concatenate([answers, memory[1][again]])
        weights = np.concatenate([weights, np.ones(len(again))])
    size = estimator.batch_size or int(np.clip(len(X) // 20, 16, 128))
    gradient = gradient_of(model.tasks[0]["loss"])
    if model.tasks[0]["loss"] != "cross_entropy":
        answers = (answers - np.array(model.schema["mean"])) / np.array(model.schema["scale"])
    order = dice.permutation(len(X))
    for first in range(0, len(X), size):
        batch = order[first:first + size]
        logits = learner.forward(X[batch])
        _, own = gradient(logits.astype(np.float64), answers[batch])
        learner.step(own * (weights[batch] / len(batch))[:, None])
    estimator.n_iter_ += 1
