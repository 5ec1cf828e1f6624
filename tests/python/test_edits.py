"""Edits keep their promises, by an evaluation of the formula in NumPy that shares nothing with the library."""
import isoform
import numpy as np
import oracle
import pytest

ACCURACY = {"float32": 2e-5, "float64": 1e-12}
X = np.random.default_rng(7).normal(size=(300, 6))


def relative(after, before):
    return np.abs(after - before).max() / np.abs(before).max()


@pytest.fixture(params=[("float32", 0), ("float32", 4), ("float64", 3), ("float64", 0)], ids=str)
def model(request):
    dtype, group_size = request.param
    return oracle.random_model(isoform, [6, 10, 8, 3], 5, dtype=dtype, group_size=group_size)


@pytest.mark.parametrize("layer,kind", [(1, "left"), (2, "right"), (1, "random"), (2, "random"), (2, "full")])
def test_rotations_keep_the_function(model, layer, kind):
    before = oracle.logits(model, X)
    weights = model.maps[layer - 1].weight.copy()
    records = model.rotate(layer, kind, seed=3)
    assert [record.kind for record in records] == ["rotate"] * (2 if kind == "full" else 1)
    assert relative(model.maps[layer - 1].weight, weights) > 0.01
    assert relative(oracle.logits(model, X), before) < ACCURACY[model.dtype.name]
    assert [record.layer for record in model.history] == [record.layer for record in records]


def test_left_orders_incoming_rows(model):
    model.rotate(1, "left")
    begin = 0
    for size in model.groups[0]:
        gram = model.maps[0].weight[begin:begin + size].astype(float)
        gram = gram @ gram.T
        assert np.abs(gram - np.diag(np.diag(gram))).max() < 1e-4 * gram.max()
        assert (np.diff(np.diag(gram)) <= 1e-5 * gram.max()).all()
        begin += size


def test_growth_keeps_the_function_to_the_last_digit(model):
    before = oracle.logits(model, X)
    record = model.grow(1, 5, seed=1, group_size=model.groups[0][0])
    assert (record.layer, record.before, record.after, record.born) == (1, 10, 15, 5) and record.kind.startswith("append")
    assert relative(oracle.logits(model, X), before) < 1e-14
    record = model.grow(2, 2, into=0, seed=1)
    assert record.after == 10 and model.groups[1][0] >= 5
    model.grow(2, new_groups=[3, 2])
    assert model.widths == [6, 15, 15, 3] and model.groups[1][-2:] == [3, 2]
    assert relative(oracle.logits(model, X), before) < 1e-14
    assert sum(record.born for record in model.history) == 12


def test_what_was_constant_goes_exactly(model):
    # A neuron without incoming weights is its bias alone: (o, ψ) take it over.
    group = model.groups[0][0]
    model.maps[0].weight[1] = 0
    before = oracle.logits(model, X)
    record = model.keep(1, [n for n in range(10) if n != 1])
    assert record.folds and record.removed == 1 and model.groups[0][0] == group - 1
    assert relative(oracle.logits(model, X), before) < ACCURACY[model.dtype.name]


def test_groups_go():
    model = oracle.random_model(isoform, [6, 9, 8, 3], 5, dtype="float64", group_size=3)
    model.maps[0].weight[3:6] = 0
    before = oracle.logits(model, X)
    record = model.remove_groups(1, [1])
    assert record.folds and model.groups[0] == [3, 3]
    assert relative(oracle.logits(model, X), before) < 1e-12


@pytest.mark.parametrize("seed", range(4))
def test_bounds_hold_for_every_input(seed):
    model = oracle.random_model(isoform, [6, 10, 9, 3], seed, dtype="float64", group_size=(0, 3)[seed % 2], norms=False)
    wide = np.random.default_rng(seed).normal(size=(2000, 6)) * np.geomspace(0.1, 30, 2000)[:, None]
    before = oracle.logits(model, wide)
    report = model.shrink([10, 7], metric="singular")
    cuts = {cut.layer: cut for cut in report.layers if cut.after < cut.before}
    assert list(cuts) == [2] and (cuts[2].before, cuts[2].after) == (9, 7)
    moved = np.linalg.norm(oracle.logits(model, wide) - before, axis=1).max()
    assert 0 < moved <= cuts[2].bound
    assert report.parameters < report.parameters_before and report.change is None


def test_bounds_and_predictions_on_samples():
    model = oracle.random_model(isoform, [6, 12, 9, 3], 2, dtype="float64", group_size=0)
    before = oracle.logits(model, X)
    report = model.shrink([4, 9], metric="jacobian", refit=False, X=X)
    cut = report.layers[0]
    delta = oracle.logits(model, X) - before
    rms = np.sqrt((delta ** 2).sum(1).mean())
    assert np.linalg.norm(delta, axis=1).max() <= cut.bound_on_samples
    # To first order: the right size, on the samples that it was computed from.
    assert 0.3 * rms < cut.predicted < 3 * rms
    # Samples come in single precision.
    assert report.change.rms == pytest.approx(rms, rel=1e-4)
    assert report.change.largest_absolute == pytest.approx(np.linalg.norm(delta, axis=1).max(), rel=1e-4)


def test_shrink_to_a_tolerance():
    model = oracle.random_model(isoform, [6, 20, 20, 3], 1)
    model.maps[0].weight[:, 2:] *= 0.001  # little to hear
    before = oracle.logits(model, X)
    report = model.shrink(tolerance=0.05, X=X)
    after = oracle.logits(model, X)
    assert report.parameters < report.parameters_before == 20 * 6 + 20 * 20 + 3 * 20 + 43 + 5 * 23 + 10
    change = np.linalg.norm(after - before, axis=1) / np.linalg.norm(before, axis=1)
    assert report.change.mean <= 0.05 and change.mean() < 0.1
    assert [cut.after for cut in report.layers] == model.widths[1:-1]


def test_shrink_to_parameters():
    model = oracle.random_model(isoform, [6, 20, 20, 3], 1)
    report = model.shrink(parameters=300, X=X)
    assert report.parameters == model.parameters <= 300


@pytest.mark.parametrize("method,forms", [("best", {"triangle", "diagonal"}), ("chain", {"triangle"}), ("alternating", {"diagonal"})])
def test_sparsification_keeps_the_function(method, forms):
    model = oracle.random_model(isoform, [12, 10, 10, 3], 4, group_size=0)
    before = oracle.logits(model, X2 := np.random.default_rng(0).normal(size=(100, 12)))
    plan = model.sparsify(method, dry_run=True)
    assert plan.records == [] and relative(oracle.logits(model, X2), before) == 0
    done = model.sparsify(method)
    assert done.weights == plan.weights < done.weights_before == 12 * 10 + 100 + 30
    assert sum(entry.weights for entry in done.maps) == done.weights >= sum(
        np.count_nonzero(layer.weight) for layer in model.maps)
    assert {entry.form for entry in done.maps} - {"dense"} <= forms
    assert relative(oracle.logits(model, X2), before) < 2e-5


def test_outputs_come_and_go():
    model = oracle.random_model(isoform, [6, 10, 3], 1)
    before = model.predict(X)
    model.add_outputs(["new", "newer"])
    assert model.classes == ["0", "1", "2", "new", "newer"]
    after = model.predict(X)
    np.testing.assert_allclose(after[:, :3], before, rtol=1e-6, atol=1e-6)
    assert (after[:, 3:] == 0).all()
    model.remove_outputs("1")
    model.rename_output("new", "newest")
    assert model.classes == ["0", "2", "newest", "newer"]
    np.testing.assert_allclose(model.predict(X)[:, :2], before[:, [0, 2]], rtol=1e-6, atol=1e-6)


def test_features_come_and_go():
    model = oracle.random_model(isoform, [6, 10, 3], 1, dtype="float64")
    before = oracle.logits(model, X)
    model.add_features(["x", "y"], mean=2.0, deviation=[1.0, 3.0])
    assert model.inputs[0]["features"] == ["0", "1", "2", "3", "4", "5", "x", "y"]
    more = np.hstack([X, np.random.default_rng(3).normal(size=(300, 2))])
    assert relative(oracle.logits(model, more), before) < 1e-14
    removal = model.remove_features(["x", "y"])
    assert removal.samples == 0 and removal.bound is None
    assert relative(oracle.logits(model, X), before) < 1e-14
    # A feature that others determine goes without a trace.
    doubled = np.hstack([X[:, :5], 2 * X[:, :1] - X[:, 1:2] + 1])
    before = oracle.logits(model, doubled)
    removal = model.remove_features([5], X=doubled)
    assert removal.unexplained < 1e-9 and removal.samples == 300
    assert relative(oracle.logits(model, doubled[:, :5]), before) < 1e-5
    assert np.sqrt(((oracle.logits(model, doubled[:, :5]) - before) ** 2).sum(1).mean()) <= removal.bound + 1e-6


def test_tasks_come_and_go():
    model = oracle.random_model(isoform, [6, 10, 3], 1)
    before = model.predict(X)
    model.add_input("sound", ["loud", "high"])
    model.add_task("mood", ["sad", "glad"], inputs=["sound"])
    assert [task["name"] for task in model.tasks] == ["task", "mood"]
    np.testing.assert_array_equal(model.predict(X, task="task"), before)
    assert model.predict(X[:, :2], task="mood").shape == (300, 2)
    with pytest.raises(isoform.UsageError, match="^task: the model has task, mood; say which one$"):
        model.predict(X)
    model.rename_task("mood", "temper")
    model.switch_task("temper", False)
    assert not model.tasks[1]["active"]
    model.remove_task("temper")
    assert len(model.inputs) == 1
    np.testing.assert_array_equal(model.predict(X), before)


@pytest.mark.parametrize("edit,text", [
    (lambda m: m.rotate(1, "up"), "^rotate: 'up' is unknown; known are left, right, full, random$"),
    (lambda m: m.rotate(7), "^rotate: "),
    (lambda m: m.grow(1, 2, into=9), "^into: group 9 is out of range; layer 1 has groups 0 to 2$"),
    (lambda m: m.shrink(), "^shrink: needs one of widths, tolerance, parameters, got 0 of them$"),
    (lambda m: m.shrink(tolerance=0.1), "^shrink: tolerance looks at data; give X, samples of the kind that the model was trained on$"),
    (lambda m: m.shrink([1, 1], metric="next"), "^shrink: metric 'next' looks at data; "),
    (lambda m: m.shrink([10, 8], X=X[:, :3]), "has 3 features a sample, but the model reads 6"),
    (lambda m: m.sparsify("most"), "most"),
    (lambda m: m.remove_features("nothing"), "nothing"),
    (lambda m: m.add_features("x", mean=[1, 2]), "^mean: needs one number for all, or 1, got 2$")])
def test_refusals(edit, text):
    model = isoform.Model.chain([6, 10, 8, 3])
    with pytest.raises(isoform.UsageError, match=text):
        edit(model)
