"""Scikit-learn's own checks of estimators, and what it does not check."""
import pickle

import numpy as np
import pytest

sklearn = pytest.importorskip("sklearn")

from sklearn.base import clone  # noqa: E402
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.utils.estimator_checks import check_estimator  # noqa: E402

import isoform  # noqa: E402
from isoform.sklearn import IsoformClassifier, IsoformRegressor  # noqa: E402


def checks():
    for estimator in (IsoformClassifier(), IsoformRegressor()):
        for instance, check in check_estimator(estimator, generate_only=True):
            yield pytest.param(instance, check, id=f"{type(instance).__name__}-{check.func.__name__}")


@pytest.mark.parametrize("estimator,check", checks())
@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def test_iris_without_a_word():
    X, y = load_iris(return_X_y=True)
    assert cross_val_score(IsoformClassifier(), X, y, cv=3).mean() > 0.93


def test_diabetes_without_a_word():
    X, y = load_diabetes(return_X_y=True)
    assert cross_val_score(IsoformRegressor(), X, y, cv=3).mean() > 0.4


def test_pipelines_and_searches():
    X, y = load_iris(return_X_y=True)
    pipe = make_pipeline(StandardScaler(), IsoformClassifier(epochs=8))
    search = GridSearchCV(pipe, {"isoformclassifier__group_size": [2, 4], "isoformclassifier__hidden": [(8,), (4, 4)]}, cv=2)
    assert search.fit(X, y).best_score_ > 0.8


def test_clones_and_pickles():
    X, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    estimator = IsoformClassifier(epochs=5, class_weight="balanced").fit(X, names)
    again = pickle.loads(pickle.dumps(estimator))
    np.testing.assert_allclose(again.predict_proba(X), estimator.predict_proba(X), rtol=1e-6, atol=1e-7)
    assert (again.predict(X) == estimator.predict(X)).all() and list(again.classes_) == sorted(set(names))
    fresh = clone(estimator)
    assert not hasattr(fresh, "model_") and fresh.get_params() == estimator.get_params()
    assert fresh.fit(X, names).model_.to_bytes() == estimator.model_.to_bytes()
    again.set_params(class_weight=None).partial_fit(X, names)
    with pytest.raises(ValueError, match='^class_weight "balanced" is not known of a part of the data; give a dict$'):
        estimator.partial_fit(X, names)


def test_data_frames_name_features():
    pandas = pytest.importorskip("pandas")
    data = load_iris(as_frame=True)
    estimator = IsoformClassifier(epochs=5).fit(data.data, data.target)
    assert list(estimator.feature_names_in_) == list(data.data.columns) == estimator.model_.inputs[0]["features"]
    with pytest.raises(ValueError, match="feature names"), pytest.warns(Warning):
        estimator.predict(data.data[data.data.columns[::-1]])
    assert isinstance(data.data, pandas.DataFrame)


def test_the_order_of_rows_does_not_matter():
    X, y = load_iris(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    one, other = IsoformClassifier(epochs=4).fit(X, y), IsoformClassifier(epochs=4).fit(X[order], y[order])
    assert one.model_.to_bytes() == other.model_.to_bytes()


def test_weights_count():
    X, y = load_iris(return_X_y=True)
    assert 2 not in IsoformClassifier(epochs=8).fit(X, y, sample_weight=(y != 2) + 1e-6).predict(X[:100])
    twice = IsoformClassifier(epochs=8, class_weight={0: 1, 1: 1, 2: 1e-6}).fit(X, y)
    assert (twice.predict(X) == 2).mean() < 0.1


def test_classes_that_come_later_are_appended_live():
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X, y, random_state=0, stratify=y)
    known = y < 9
    estimator = IsoformClassifier(epochs=12).fit(X[known], y[known])
    assert list(estimator.classes_) == list(range(9))
    logits = estimator.model_.predict(X_test)
    learned = estimator.model_.copy()
    learned.add_outputs("9")
    np.testing.assert_allclose(learned.predict(X_test)[:, :9], logits, rtol=1e-5, atol=1e-5)
    old = estimator.score(X_test[y_test < 9], y_test[y_test < 9])
    for _ in range(12):
        estimator.partial_fit(X[~known], y[~known])
    assert list(estimator.classes_) == list(range(10)) and estimator.predict_proba(X_test).shape == (len(X_test), 10)
    assert estimator.score(X_test[y_test == 9], y_test[y_test == 9]) > 0.9
    # Without the rows it remembers it would forget.
    assert estimator.score(X_test[y_test < 9], y_test[y_test < 9]) > old - 0.03
    forgetful = IsoformClassifier(epochs=12, memory=0).fit(X[known], y[known])
    for _ in range(12):
        forgetful.partial_fit(X[~known], y[~known])
    assert forgetful.score(X_test, y_test) < estimator.score(X_test, y_test)


def test_classes_that_come_later_keep_their_order():
    X, y = load_iris(return_X_y=True)
    names = np.array(["b", "c", "a"])[y]
    estimator = IsoformClassifier().partial_fit(X[y < 2], names[y < 2])
    assert list(estimator.classes_) == ["b", "c"]
    for _ in range(30):
        estimator.partial_fit(X, names)
    assert list(estimator.classes_) == ["a", "b", "c"] and estimator.model_.classes == ["b", "c", "a"]
    assert estimator.score(X, names) > 0.9
    np.testing.assert_allclose(estimator.predict_proba(X).sum(1), 1)


def test_regression_in_parts():
    X, y = load_diabetes(return_X_y=True)
    estimator = IsoformRegressor()
    for epoch in range(30):
        for first in range(0, len(X), 100):
            estimator.partial_fit(X[first:first + 100], y[first:first + 100])
    assert estimator.score(X, y) > 0.4 and estimator.n_iter_ == 150


def test_models_of_estimators_are_models(tmp_path):
    X, y = load_breast_cancer(return_X_y=True)
    estimator = IsoformClassifier(epochs=6).fit(X, y)
    estimator.model_.save(tmp_path / "m.safetensors")
    again = isoform.load(tmp_path / "m.safetensors")
    np.testing.assert_allclose(again.predict_proba(X), estimator.predict_proba(X), rtol=1e-5, atol=1e-6)
    estimator.model_.shrink(tolerance=0.05, X=X)  # predictions follow
    assert estimator.score(X, y) > 0.9
