"""Scikit-learn estimators: networks that find their own size.

    from isoform.sklearn import IsoformClassifier
    cross_val_score(IsoformClassifier(), X, y)

Defaults are those of `isoform train` for tables (docs/tables.md): widths, epochs and batch size follow from the data, inputs and targets are
standardised inside. A fit does not depend on the order of the rows.
"""
from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state, compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from . import incremental
from .data import name_of
from .training import fit as train_new

try:  # scikit-learn 1.6 and later
    from sklearn.utils.validation import validate_data as _validate
except ImportError:
    def _validate(estimator: Any, *arrays: Any, **options: Any) -> Any:
        return estimator._validate_data(*arrays, **options)

__all__ = ["IsoformClassifier", "IsoformRegressor"]


def _take(estimator: BaseEstimator, given: dict[str, Any]) -> None:
    """Keeps what a constructor was given as it is, which is all that scikit-learn wants of one."""
    for name, value in given.items():
        if name != "self":
            setattr(estimator, name, value)


class _Isoform(BaseEstimator):
    """What both estimators share."""

    def _seed(self) -> int:
        if isinstance(self.random_state, (int, np.integer)):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _keywords(self) -> dict[str, Any]:
        """As isoform.fit takes them."""
        validation = self.validation
        if validation == "auto":  # without patience nothing is chosen by it
            validation = 0.1 if self.patience else 0.0
        return dict(hidden=list(self.hidden), adapt=self.adapt, tolerance=self.tolerance,
                    epochs="auto" if self.epochs is None else self.epochs,
                    batch_size="auto" if self.batch_size is None else self.batch_size,
                    optimiser=self.optimiser, learning_rate=self.learning_rate,
                    weight_decay=self.weight_decay, dropout=self.dropout, group_size=self.group_size,
                    validation=float(validation), patience=self.patience, seed=self._seed(),
                    threads=self.threads, **(self.settings or {}))

    def _names(self) -> list[str]:
        """Of the features, as a model may call them."""
        names = [str(name) for name in getattr(self, "feature_names_in_", [])]
        good = len(set(names)) == len(names) and all(name.strip() and name.isprintable() for name in names)
        return names if names and good else [f"x{f}" for f in range(self.n_features_in_)]

    def _learn(self, X: np.ndarray, answers: np.ndarray, weights: np.ndarray | None, outputs: list[str],
               loss: str) -> None:
        """A new model. Rows are brought into an order of their own, so that theirs does not matter."""
        order = _canonical(X, answers, weights)
        X, answers = X[order], answers[order]
        if loss == "cross_entropy":
            answers = np.array(outputs)[answers]
        run = train_new(X, answers, sample_weight=None if weights is None else weights[order], table=True,
                        features=self._names(), outputs=outputs, dtype=self.dtype, loss=loss,
                        **self._keywords())
        self.model_ = run.model
        self.history_ = run.history
        self.n_iter_ = len(run.history)
        self._learner = None
        if run.reason == "diverged":
            warnings.warn(run.message, ConvergenceWarning)

    def __getstate__(self) -> dict[str, Any]:
        # An optimiser's state is not kept; partial_fit then begins with a fresh one.
        state = dict(super().__getstate__())
        state.pop("_learner", None)
        return state


class IsoformClassifier(ClassifierMixin, _Isoform):
    """A classifier that finds its own size, and takes classes that come later.

    hidden: widths to begin with; adapt: they follow the data, within tolerance (mean change of the outputs that giving neurons back
    may make). epochs, batch_size: None: from the number of samples. optimiser, learning_rate, weight_decay, dropout (None:
    as the program), group_size: as `isoform train`. validation: share kept for patience; "auto": 0.1 with patience, else 0.
    patience: epochs without a lower validation loss that end a fit. memory: rows kept with the model (and its pickle!), which
    partial_fit learns again beside new ones; 0: none. class_weight: dict, "balanced" or None. random_state: the seed.
    settings: a dict of any other setting (isoform.settings()).

    Attributes: classes_ [classes], ascending; model_ (isoform.Model, whose outputs are in the order in which classes came);
    history_ (of each epoch); n_iter_, n_features_in_, feature_names_in_.
    """

    def __init__(self, hidden=(16, 16), *, adapt=True, tolerance=0.03, epochs=None, batch_size=None,
                 optimiser="adamw", learning_rate=None, weight_decay=1e-3, dropout=None, group_size=4,
                 validation="auto", patience=0, memory=1000, class_weight=None, random_state=0,
                 threads=0, dtype="float32", settings=None):
        _take(self, locals())

    def fit(self, X, y, sample_weight=None) -> IsoformClassifier:
        """X [samples, features], y [samples] of classes. Samples of weight 0 are left out."""
        X, y = _validate(self, X, y, reset=True, ensure_min_samples=2)
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        self._outputs = self.classes_
        X, labels, weights = self._counted(X, labels, sample_weight)
        self._learn(X, labels, weights, _output_names(self.classes_), "cross_entropy")
        self._memory = incremental.remember(None, X, labels, self.memory, self._seed())
        return self

    def _counted(self, X, labels, sample_weight):
        """Without what does not count, and the weights of the rest; None: all alike."""
        weights = None
        if sample_weight is not None:
            weights = _check_sample_weight(sample_weight, X, dtype=np.float64)
            X, labels, weights = X[weights > 0], labels[weights > 0], weights[weights > 0]
            if not len(weights):
                raise ValueError("sample_weight: all weights are 0; nothing would count")
        if self.class_weight is not None:
            own = self.class_weight
            if isinstance(own, dict):
                own = {k: own[c] for k, c in enumerate(self._outputs.tolist()) if c in own}
            of_class = compute_sample_weight(own, labels)
            weights = of_class if weights is None else weights * of_class
        return X, labels, weights

    def partial_fit(self, X, y, classes=None, sample_weight=None) -> IsoformClassifier:
        """One pass over X, y and as many remembered rows; the optimiser's state goes on from call to call.

        Classes that are new are appended: what the model says of the others (its logits) stays, bit by bit, until it
        learns. ``classes`` may announce some, but need not. Widths stay as they are; a model that begins here has hidden layers of
        at least 64 neurons where ``adapt`` is set.
        """
        first = not hasattr(self, "model_")
        X, y = _validate(self, X, y, reset=first)
        check_classification_targets(y)
        if self.class_weight == "balanced":
            raise ValueError('class_weight "balanced" is not known of a part of the data; give a dict')
        there = np.unique(y) if classes is None else np.unique(np.concatenate([np.unique(classes), np.unique(y)]))
        if first:
            self.classes_ = self._outputs = there
            incremental.begin(self, X, np.searchsorted(there, y), _output_names(there), "cross_entropy")
        else:
            new = np.setdiff1d(there, self._outputs)
            if len(new):
                self.model_.add_outputs(_output_names(new, self.model_.classes))
                self._outputs = np.concatenate([self._outputs, new])
                self.classes_ = np.sort(self._outputs)
        order = np.argsort(self._outputs, kind="stable")
        labels = order[np.searchsorted(self._outputs[order], y)]
        X, labels, weights = self._counted(X, labels, sample_weight)
        incremental.learn(self, X, labels, weights)
        return self

    def predict_proba(self, X) -> np.ndarray:
        """Probabilities [samples, classes], in the order of classes_."""
        check_is_fitted(self, "model_")
        X = _validate(self, X, reset=False)
        order = np.argsort(self._outputs, kind="stable")
        return self.model_.predict_proba(X, threads=self.threads)[:, order]

    def predict(self, X) -> np.ndarray:
        """The most probable class [samples]."""
        probabilities = self.predict_proba(X)
        return self.classes_[np.argmax(probabilities, axis=1)]


class IsoformRegressor(RegressorMixin, _Isoform):
    """A regressor of one number or several that finds its own size.

    loss: squared or huber. Everything else as IsoformClassifier.
    Attributes: model_, history_, n_iter_, n_features_in_, feature_names_in_.
    """

    def __init__(self, hidden=(16, 16), *, adapt=True, tolerance=0.03, epochs=None, batch_size=None,
                 optimiser="adamw", learning_rate=None, weight_decay=1e-3, dropout=None, group_size=4,
                 validation="auto", patience=0, memory=1000, loss="squared", random_state=0, threads=0,
                 dtype="float32", settings=None):
        _take(self, locals())

    def fit(self, X, y, sample_weight=None) -> IsoformRegressor:
        """X [samples, features], y [samples] or [samples, outputs]. Samples of weight 0 are left out."""
        X, y = _validate(self, X, y, reset=True, multi_output=True, y_numeric=True, ensure_min_samples=2)
        self._flat = y.ndim == 1
        X, targets, weights = self._counted(X, y, sample_weight)
        self._learn(X, targets, weights, self._outputs_of(targets), self.loss)
        self._memory = incremental.remember(None, X, targets, self.memory, self._seed())
        return self

    def _outputs_of(self, targets: np.ndarray) -> list[str]:
        return ["y"] if targets.shape[1] == 1 else [f"y{k}" for k in range(targets.shape[1])]

    def _counted(self, X, y, sample_weight):
        targets = np.asarray(y, np.float64).reshape(len(y), -1)
        if sample_weight is None:
            return X, targets, None
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64)
        counts = weights > 0
        if not counts.any():
            raise ValueError("sample_weight: all weights are 0; nothing would count")
        return X[counts], targets[counts], weights[counts]

    def partial_fit(self, X, y, sample_weight=None) -> IsoformRegressor:
        """One pass over X, y and as many remembered rows, as IsoformClassifier. The scale of the targets is that of the first call."""
        first = not hasattr(self, "model_")
        X, y = _validate(self, X, y, reset=first, multi_output=True, y_numeric=True)
        self._flat = y.ndim == 1
        X, targets, weights = self._counted(X, y, sample_weight)
        if first:
            incremental.begin(self, X, targets, self._outputs_of(targets), self.loss)
        incremental.learn(self, X, targets, weights)
        return self

    def predict(self, X) -> np.ndarray:
        """Numbers [samples], or [samples, outputs] as fitted."""
        check_is_fitted(self, "model_")
        X = _validate(self, X, reset=False)
        answers = self.model_.predict_numbers(X, threads=self.threads)
        return answers[:, 0] if self._flat else answers

    def _more_tags(self) -> dict[str, Any]:
        return {"multioutput": True}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _canonical(X: np.ndarray, answers: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """An order of the rows that follows from what they hold, whatever order they came in."""
    columns = [np.asarray(X, np.float64), np.asarray(answers, np.float64).reshape(len(X), -1)]
    if weights is not None:
        columns.append(weights[:, None])
    rows = np.ascontiguousarray(np.hstack(columns))
    return np.argsort(rows.view(f"V{rows.shape[1] * rows.itemsize}").ravel(), kind="stable")


def _output_names(classes: np.ndarray, taken: list[str] | None = None) -> list[str]:
    """Names of classes, as a model may call its outputs."""
    taken = list(taken or [])
    names = [name_of(value) for value in classes]
    good = len(set(names + taken)) == len(names) + len(taken)
    if good and all(name.strip() == name and name and name.isprintable() for name in names):
        return names
    return [f"class {len(taken) + k}" for k in range(len(names))]
