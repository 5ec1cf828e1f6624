#!/usr/bin/env python3
"""Prints the figures that metrics_known_test.cpp compares with: python3 tests/train/metrics_known.py

Needs numpy and scikit-learn (written with 1.2.1); no test runs it. Both sides make the same data from the same integers,
with many ties, as quotients of small integers."""
import numpy as np
from sklearn import metrics as m

N = 200


class Integers:
    """x <- 1103515245 x + 12345 modulo 2^31; a number is its upper 15 bits modulo `below`."""

    def __init__(self, seed):
        self.x = seed

    def __call__(self, below):
        self.x = (1103515245 * self.x + 12345) % 2**31
        return (self.x >> 16) % below


def table(rows, seed):
    """[rows x N] probabilities of classes with ties, labels, weights."""
    draw = Integers(seed)
    p, labels, weights = np.empty((rows, N)), np.empty(N, int), np.empty(N)
    for j in range(N):
        parts = np.array([draw(6) for _ in range(rows)], float)
        labels[j] = draw(rows)
        parts[labels[j]] += draw(4)
        parts[0] += parts.sum() == 0
        p[:, j] = parts / parts.sum()
        weights[j] = draw(4)
    return p, labels, weights


def show(name, values):
    print(f"  // {name}")
    print("  " + ", ".join(f"{v:.17g}" for v in np.ravel(values)))


def classification(rows, seed):
    p, labels, weights = table(rows, seed)
    predicted = p.argmax(0)
    for name, w in (("plain", None), ("weighted", weights)):
        kept = np.ones(N, bool) if w is None else w > 0
        score = p[1] if rows == 2 else p.T
        out = [
            m.accuracy_score(labels, predicted, sample_weight=w),
            m.balanced_accuracy_score(labels, predicted, sample_weight=w),
            m.f1_score(labels, predicted, average="macro", sample_weight=w),
            m.f1_score(labels, predicted, average="weighted", sample_weight=w),
            m.log_loss(labels, p.T, sample_weight=w),
        ]
        if rows == 2:
            out += [m.brier_score_loss(labels, score, sample_weight=w),
                    m.roc_auc_score(labels, score, sample_weight=w),
                    m.average_precision_score(labels, score, sample_weight=w)]
        else:
            one_hot = labels == np.arange(rows)[:, None]
            out += [np.average(((p - one_hot) ** 2).sum(0), weights=w),
                    m.roc_auc_score(labels, score, sample_weight=w, multi_class="ovr")]
        show(f"{rows} classes, {name}: accuracy, balanced, macro F1, weighted F1, log loss, Brier, AUC[, AP]", out)
        show("precision, recall, F1 of each class",
             m.precision_recall_fscore_support(labels, predicted, sample_weight=w)[:3])


def multi_label():
    draw = Integers(7)
    p, y, weights = np.empty((3, N)), np.empty((3, N), int), np.empty(N)
    for j in range(N):
        for i in range(3):
            y[i, j] = draw(3) == 0
            p[i, j] = (draw(8) + 2 * y[i, j]) / 9
        weights[j] = draw(4)
    predicted = (p > 0.5).astype(int)
    for name, w in (("plain", None), ("weighted", weights)):
        show(f"labels, {name}: AUC, F1 of each", [
            m.roc_auc_score(y.T, p.T, average=None, sample_weight=w),
            m.f1_score(y.T, predicted.T, average=None, sample_weight=w)])
        show("macro AUC, macro F1, micro F1, exact match, Hamming, log loss", [
            m.roc_auc_score(y.T, p.T, average="macro", sample_weight=w),
            m.f1_score(y.T, predicted.T, average="macro", sample_weight=w),
            m.f1_score(y.T, predicted.T, average="micro", sample_weight=w),
            m.accuracy_score(y.T, predicted.T, sample_weight=w),
            m.hamming_loss(y.T, predicted.T, sample_weight=w),
            np.mean([m.log_loss(y[i], p[i], sample_weight=w) for i in range(3)])])


def regression():
    draw = Integers(9)
    p, y, weights = np.empty((2, N)), np.empty((2, N)), np.empty(N)
    for j in range(N):
        for i in range(2):
            y[i, j] = draw(50) / 4
            p[i, j] = y[i, j] + (draw(21) - 10) / 8
        weights[j] = draw(4)
    for name, w in (("plain", None), ("weighted", weights)):
        values = dict(sample_weight=w, multioutput="raw_values")
        out = [m.mean_squared_error(y.T, p.T, squared=False, **values),
               m.mean_absolute_error(y.T, p.T, **values), m.r2_score(y.T, p.T, **values)]
        if w is None:
            out.append(m.median_absolute_error(y.T, p.T, multioutput="raw_values"))
        show(f"regression, {name}: RMSE, MAE, R2[, median] of both outputs", out)


for classes, start in ((2, 1), (4, 2)):
    classification(classes, start)
multi_label()
regression()
