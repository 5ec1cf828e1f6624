"""Models: files, numbers, answers, errors."""
import copy
import pickle
import threading

import isoform
import numpy as np
import oracle
import pytest

DTYPES = {"float32": 2e-6, "float64": 1e-13}


@pytest.mark.parametrize("dtype,accuracy", DTYPES.items())
@pytest.mark.parametrize("radial", oracle.SIGMA)
def test_logits_are_those_of_the_formula(dtype, accuracy, radial):
    for seed, group_size in enumerate((0, 3, 4)):
        model = oracle.random_model(isoform, [5, 9, 7, 3], seed, dtype=dtype, radial=radial, group_size=group_size)
        X = np.random.default_rng(seed).normal(size=(700, 5)).astype(dtype)  # more than a batch
        y = model.predict(X)
        assert y.dtype == model.dtype == dtype and y.shape == (700, 3)
        expected = oracle.logits(model, X)
        assert np.abs(y - expected).max() < accuracy * np.abs(expected).max() * 10


def test_properties():
    model = isoform.Model.chain([6, 8, 5, 2], group_size=3, outputs=["no", "yes"], features=list("abcdef"))
    assert model.widths == [6, 8, 5, 2] and model.groups == [[3, 3, 2], [3, 2]] and model.layers == [1, 2]
    assert model.classes == ["no", "yes"]
    assert model.inputs == [{"name": "input", "size": 6, "features": list("abcdef")}]
    task = {"name": "task", "outputs": ["no", "yes"], "loss": "cross_entropy", "active": True, "inputs": ["input"], "weight": 1.0}
    assert model.tasks == [task]
    assert model.parameters == 6 * 8 + 8 + 3 + 8 * 5 + 5 + 5 * 3 + 2 + 5 * 2 + 2 + 2 * 2
    assert model.history == [] and model.schema is None
    assert repr(model) == f"Model(6-8-5-2, float32, {model.parameters} parameters)"
    assert [space.kind for space in model.spaces] == ["input", "hidden", "hidden", "output"]
    assert repr(model.maps[1]) == "Map(1: space 1 → 2, 5 × 8)"
    assert repr(model.spaces[1]) == "Space(1: hidden, 8, groups [3, 3, 2])"
    assert len(model.spectrum(1)) == 8 and (np.diff(model.spectrum(1)) <= 0).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_files_pickles_and_copies_are_the_same_model(tmp_path, dtype):
    model = oracle.random_model(isoform, [4, 6, 2], 1, dtype=dtype)
    path = tmp_path / "model.safetensors"
    model.save(path)
    assert path.read_bytes() == model.to_bytes()
    X = np.random.default_rng(0).normal(size=(9, 4)).astype(dtype)
    again = isoform.load(path)
    assert again.dtype == dtype
    for other in (again, pickle.loads(pickle.dumps(model)), copy.copy(model), copy.deepcopy(model)):
        # o, as the file has it, is β² rounded.
        np.testing.assert_allclose(other.predict(X), model.predict(X), rtol=1e-5, atol=1e-6)
        assert other.to_bytes() == model.to_bytes()
        other.maps[0].weight[...] = 0
    assert np.abs(model.maps[0].weight).min() > 0
    wide = isoform.load(path, dtype="float64")
    assert wide.dtype == np.float64 and wide.predict(X.astype(float)).dtype == np.float64


def test_weights_are_windows_that_outlive_everything():
    model = isoform.Model.chain([3, 4, 2], dtype="float64")
    weight = model.maps[0].weight
    assert weight.base is not None and not weight.flags.owndata
    weight[0, 0] = 7.0
    assert model.maps[0].weight[0, 0] == 7.0
    assert np.shares_memory(weight, model.maps[0].weight)
    model.grow(1, 4)
    assert weight.shape == (4, 3) and model.maps[0].weight.shape == (8, 3)
    assert not np.shares_memory(weight, model.maps[0].weight)
    kept = weight.copy()
    del model
    np.testing.assert_array_equal(weight, kept)


def test_dlpack_goes_through_numpy():
    model = isoform.Model.chain([3, 4, 2])
    weight = model.maps[0].weight
    again = np.from_dlpack(weight)
    assert np.shares_memory(weight, again)


def test_rows_are_read_where_they_lie_and_others_are_converted():
    model = oracle.random_model(isoform, [4, 5, 2], 3)
    X = np.random.default_rng(1).integers(0, 255, (20, 4))
    expected = model.predict(X.astype(np.float32))
    for other in (X, X.astype(np.uint8), X.astype(float), np.asfortranarray(X), X[::1].tolist()):
        np.testing.assert_array_equal(model.predict(other), expected)
    assert model.predict(np.empty((0, 4), np.float32)).shape == (0, 2)


def test_probabilities():
    X = np.random.default_rng(1).normal(size=(20, 4))
    model = oracle.random_model(isoform, [4, 5, 3], 3)
    p = model.predict_proba(X)
    z = oracle.logits(model, X)
    expected = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    assert p.dtype == np.float64
    np.testing.assert_allclose(p, expected, rtol=1e-12)
    # A sample is answered alike whoever is beside it.
    np.testing.assert_allclose(model.predict_proba(X[7:8]), p[7:8], rtol=1e-13)
    labels = oracle.random_model(isoform, [4, 5, 3], 3, loss="binary")
    np.testing.assert_allclose(labels.predict_proba(X), 1 / (1 + np.exp(-oracle.logits(labels, X))), rtol=1e-12)
    numbers = isoform.Model.chain([4, 5, 3], loss="squared")
    with pytest.raises(isoform.UsageError, match="^predict_proba: task 'task' answers with numbers, which have no probabilities; "
                                                 "use predict_numbers$"):
        numbers.predict_proba(X)
    np.testing.assert_array_equal(numbers.predict_numbers(X), numbers.predict(X).astype(float))


def test_threads_give_the_same_bits_and_may_predict_together():
    model = oracle.random_model(isoform, [30, 64, 5], 2)
    X = np.random.default_rng(1).normal(size=(3000, 30)).astype(np.float32)
    expected = model.predict(X, threads=1)
    np.testing.assert_array_equal(model.predict(X, threads=2), expected)
    got = [None] * 6

    def run(k):
        got[k] = model.predict(X, threads=1 + k % 2)

    threads = [threading.Thread(target=run, args=(k,)) for k in range(6)]
    for thread in threads:
        thread.start()
    # What is under way goes on with the model that it began with.
    model.copy().grow(1, 8)
    for thread in threads:
        thread.join()
    for y in got:
        np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("shape,text", [
    ((5, 3), r"^predict: X: needs the shape \[samples, 4\], got \[5, 3\]$"),
    ((5, 2, 2), r"^predict: X: needs the shape \[samples, 4\], got \[5, 2, 2\]$"),
    ((4,), r"^predict: X: needs the shape \[samples, 4\], got \[4\]; a single sample is X\[None, :\]$")])
def test_wrong_shapes_say_what_is_needed(shape, text):
    with pytest.raises(isoform.UsageError, match=text):
        isoform.Model.chain([4, 5, 2]).predict(np.zeros(shape))


def test_errors_are_pythons_with_the_librarys_words(tmp_path):
    assert issubclass(isoform.UsageError, ValueError) and issubclass(isoform.UsageError, isoform.Error)
    assert issubclass(isoform.FileError, OSError) and issubclass(isoform.FormatError, ValueError)
    with pytest.raises(isoform.FileError, match="nowhere.safetensors"):
        isoform.load(tmp_path / "nowhere.safetensors")
    with pytest.raises(OSError):
        isoform.Model.chain([1, 1]).save(tmp_path / "no" / "folder.safetensors")
    (tmp_path / "text").write_text("not a model")
    with pytest.raises(isoform.FormatError, match="'text'|text"):
        isoform.load(tmp_path / "text")
    with pytest.raises(isoform.UsageError, match="^radial profile: 'relu' is unknown; known are tanh"):
        isoform.Model.chain([1, 2, 1], radial="relu")
    with pytest.raises(isoform.UsageError, match="^dtype: needs float32 or float64, got 'float16'$"):
        isoform.Model.chain([1, 2, 1], dtype="float16")
    with pytest.raises(isoform.UsageError, match="^predict: X: needs numbers, got an array of <U1$"):
        isoform.Model.chain([1, 2, 1]).predict([["a"]])
    with pytest.raises(TypeError, match="Model.chain"):
        isoform.Model(None)


def test_a_change_that_fails_changes_nothing():
    model = isoform.Model.chain([3, 4, 2])
    before = model.to_bytes()
    with pytest.raises(isoform.UsageError):
        model.grow(1, -3)
    with pytest.raises(isoform.UsageError, match="task"):
        model.add_outputs("x", task="other")
    with pytest.raises(isoform.UsageError, match="^o: is a squared length, 0 or more, got -1"):
        model.set_o(1, [-1.0])
    assert model.to_bytes() == before
