"""Losses and batches of one's own, edits as values, checkpoints."""
import copy
import pickle

import isoform
import numpy as np
import pytest
from isoform.losses import gradient_of

DICE = np.random.default_rng(0)
X = DICE.normal(size=(300, 5))
Y = (X[:, 0] * X[:, 1] > 0).astype(int) + (X[:, 2] > 1)


def absolute(z, y):
    error = z - y[:, None]
    return np.abs(error).mean(), np.sign(error) / len(z)


# -- losses and batches ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["cross_entropy", "binary", "squared", "huber"])
def test_gradients_of_losses_are_those_of_finite_differences(loss):
    z = 2 * DICE.normal(size=(6, 3))
    y = DICE.integers(0, 3, 6) if loss == "cross_entropy" else DICE.integers(0, 2, (6, 3)).astype(float)
    losses, gradient = gradient_of(loss)(z, y)
    assert losses.shape == (6,) and gradient.shape == (6, 3)
    for k in range(3):
        shift = 1e-6 * np.eye(3)[k]
        slope = (gradient_of(loss)(z + shift, y)[0] - gradient_of(loss)(z - shift, y)[0]) / 2e-6
        np.testing.assert_allclose(gradient[:, k], slope, rtol=1e-6, atol=1e-8)


def test_a_loss_that_is_a_function():
    model = isoform.Model.chain([5, 16, 1], loss="squared", dtype="float64")
    y = np.tanh(X[:, 0]) + 0.1 * X[:, 1]
    run = isoform.train(model, X, y, loss=absolute, epochs=30, batch_size=32, learning_rate=0.01)
    assert run.model is model and run.reason == "finished" and len(run.history) == 30 and run.steps == 30 * 10
    assert run.history[-1]["train_loss"] < 0.3 * run.history[0]["train_loss"]
    again = isoform.Model.chain([5, 16, 1], loss="squared", dtype="float64")
    isoform.train(again, X, y, loss=absolute, epochs=30, batch_size=32, learning_rate=0.01)
    assert again.to_bytes() == model.to_bytes()  # the order follows from the seed
    assert list(run.columns()["epoch"]) == list(range(1, 31))


@pytest.mark.parametrize("source", ["list", "function", "loader"])
def test_batches_from_anywhere(source):
    pairs = [(X[k::10], Y[k::10]) for k in range(10)]
    batches = {"list": lambda: pairs, "function": lambda: lambda: iter(pairs)}.get(source)
    if source == "loader":
        torch = pytest.importorskip("torch")
        data = torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
        batches = lambda: torch.utils.data.DataLoader(data, batch_size=30)  # noqa: E731
    model = isoform.Model.chain([5, 16, 3], outputs=["a", "b", "c"] if source == "list" else [])
    if source == "list":
        pairs[:] = [(x, np.array(["a", "b", "c"])[y]) for x, y in pairs]
    run = isoform.train(model, batches(), epochs=20, learning_rate=0.01)
    assert run.steps == 200 and run.history[-1]["train_loss"] < 0.7 * run.history[0]["train_loss"]


def test_empty_batches_are_passed_over():
    run = isoform.train(isoform.Model.chain([5, 8, 3]), [(X[:0], Y[:0]), (X, Y)], epochs=1)
    assert run.steps == 1 and np.isfinite(run.history[0]["train_loss"])


def test_the_callback_edits_and_stops():
    model = isoform.Model.chain([5, 8, 3])

    def callback(epoch):
        model.grow(1, 4)
        return epoch["epoch"] < 3

    run = isoform.train(model, [(X, Y)], epochs=9, callback=callback)
    assert run.reason == "stopped" and model.widths == [5, 20, 3] and [e["widths"][1] for e in run.history] == [8, 12, 16]


def test_a_loss_that_is_no_number_ends_the_run():
    model = isoform.Model.chain([5, 8, 3])
    before = model.to_bytes()
    run = isoform.train(model, [(X, Y)], loss=lambda z, y: (np.nan, z), epochs=2)
    assert run.reason == "diverged" and "smaller learning rate" in run.message and model.to_bytes() == before


@pytest.mark.parametrize("call,error,text", [
    (lambda m: isoform.train(m, X, Y, loss=absolute, adapt=True), TypeError, "'adapt': with a loss or batches of one's own it takes epochs"),
    (lambda m: isoform.train(m, X, Y, loss="squared"), TypeError, "'loss': the model has it already"),
    (lambda m: isoform.train(m, [(X, Y)], loss="squared"), TypeError, "a loss of your own is a function"),
    (lambda m: isoform.fit(X, Y, loss=absolute), TypeError, "isoform.train"),
    (lambda m: isoform.train(m, [(X, Y)], checkpoint="x"), TypeError, "'checkpoint'"),
    (lambda m: isoform.train(m, [X]), isoform.UsageError, r"^batches: each needs to be \(X, y\)"),
    (lambda m: isoform.train(m, iter([(X, Y)]), epochs=2), isoform.UsageError, "^batches: there were none in epoch 2"),
    (lambda m: isoform.train(m, [(X, Y)], epochs=0), isoform.UsageError, "^epochs: needs 1 or more, got 0$"),
    (lambda m: isoform.train(m, [(X, Y[:3])]), isoform.UsageError, "^y: needs one entry for each of the 300 samples, got 3$"),
    (lambda m: isoform.train(m, X, Y, loss=lambda z, y: 1.0), isoform.UsageError, "^loss: needs to return two things"),
    (lambda m: isoform.train(m, X, Y, loss=lambda z, y: (1.0, z[:, :2])), isoform.UsageError, "^step: the gradient by the logits: needs the shape"),
    (lambda m: isoform.train(m, X), TypeError, "needs y")])
def test_refusals(call, error, text):
    with pytest.raises(error, match=text):
        call(isoform.Model.chain([5, 8, 3]))


# -- edits as values ---------------------------------------------------------------------------------------------------------


KINDS = ["left", "full", "random", "grow", "into", "new"]


def made(model):
    return {"left": isoform.Edit.rotate(model, 1), "full": isoform.Edit.rotate(model, 2, "full"),
            "random": isoform.Edit.rotate(model, 2, "random", seed=3), "grow": isoform.Edit.grow(model, 1, 8),
            "into": isoform.Edit.grow(model, 2, 2, into=0), "new": isoform.Edit.grow(model, 2, new_groups=[3])}


@pytest.mark.parametrize("name", KINDS)
def test_edits_are_made_later_and_taken_back(name):
    model = isoform.Model.chain([5, 8, 8, 3], dtype="float64", group_size=8 if name == "full" else 4)
    before, y = model.copy(), model.predict(X)
    edit = made(model)[name]
    assert model.to_bytes() == before.to_bytes()
    records = model.apply(edit)
    assert records == edit.records and model.history == records
    np.testing.assert_allclose(model.predict(X), y, rtol=1e-11, atol=1e-11)
    assert model.maps[1].weight.shape != before.maps[1].weight.shape or (model.maps[1].weight != before.maps[1].weight).any()
    model.apply(edit.undo(before))
    assert model.widths == before.widths and model.groups == before.groups
    for back, was in zip(model.maps, before.maps):
        np.testing.assert_allclose(back.weight, was.weight, rtol=0, atol=1e-14)


def test_edits_are_the_same_as_at_once_and_the_optimiser_follows():
    models = [isoform.Model.chain([5, 8, 3]) for _ in range(2)]
    learners = [isoform.Learner(model) for model in models]
    for step in range(6):
        for model, learner in zip(models, learners):
            learner.step(learner.forward(X) / len(X))
        if step == 2:
            models[0].grow(1, 4, seed=5)
            models[1].apply(isoform.Edit.grow(models[1], 1, 4, seed=5))
    assert models[0].to_bytes() == models[1].to_bytes()


def test_edits_of_others_are_refused():
    model, other = isoform.Model.chain([5, 8, 3]), isoform.Model.chain([5, 12, 3])
    edit = isoform.Edit.grow(model, 1, 4)
    assert repr(edit) == "Edit(append_group layer 1: 8 → 12)"
    before = other.to_bytes()
    with pytest.raises(isoform.UsageError, match="^apply: .*; an edit is of the model that it was computed from, as that was then$"):
        other.apply(edit)
    assert other.to_bytes() == before
    cut = isoform.Edit.keep(model, 1, range(4))
    with pytest.raises(isoform.UsageError, match="undo: the edit dropped"):
        cut.undo(model)
    assert isoform.Edit.remove_groups(model, 1, [0]).records[0].removed == 4
    with pytest.raises(TypeError, match="Edit.rotate"):
        isoform.Edit(None)


# -- checkpoints -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_run_that_goes_on_has_the_bits_of_one_that_was_not_interrupted(tmp_path, dtype):
    whole = isoform.fit(X, Y, epochs=6, dtype=dtype)

    class Killed(Exception):
        pass

    def kill(epoch):
        if epoch["epoch"] == 3:
            raise Killed

    with pytest.raises(Killed):
        isoform.fit(X, Y, epochs=6, dtype=dtype, checkpoint=tmp_path / "run.ckpt", resume=True, callback=kill)
    events = []
    run = isoform.fit(X, Y, epochs=6, dtype=dtype, checkpoint=tmp_path / "run.ckpt", resume=True, observer=events.append, threads=1)
    assert run.model.to_bytes() == whole.model.to_bytes() and run.reason == "finished"
    assert [e["epoch"] for e in run.history] == [1, 2, 3, 4, 5, 6]
    assert [e["train_loss"] for e in run.history] == [e["train_loss"] for e in whole.history]
    assert {"checkpoint"} <= {event["type"] for event in events}
    # Finished already: nothing is trained, and all is there.
    again = isoform.fit(X, Y, epochs=6, dtype=dtype, checkpoint=tmp_path / "run.ckpt", resume=True)
    assert again.model.to_bytes() == whole.model.to_bytes() and len(again.history) == 6


def test_train_goes_on_too_and_other_runs_are_refused(tmp_path):
    path = tmp_path / "run.ckpt"
    models = [isoform.Model.chain([5, 8, 3]) for _ in range(2)]
    isoform.train(models[0], X, Y, epochs=4, adapt=False)
    isoform.train(models[1], X, Y, epochs=4, adapt=False, checkpoint=path, callback=lambda epoch: epoch["epoch"] < 2)
    run = isoform.train(isoform.Model.chain([5, 8, 3]), X, Y, epochs=4, adapt=False, checkpoint=path, resume=True)
    assert run.model.to_bytes() == models[0].to_bytes()
    with pytest.raises(isoform.UsageError, match="training.epochs: 4 in the checkpoint, 5 now"):
        isoform.train(models[1], X, Y, epochs=5, adapt=False, checkpoint=path, resume=True)
    with pytest.raises(isoform.UsageError, match="is of another run"):
        isoform.train(models[1], X + 1, Y, epochs=4, adapt=False, checkpoint=path, resume=True)
    with pytest.raises(TypeError, match="resume=True needs checkpoint"):
        isoform.fit(X, Y, resume=True)
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(isoform.FormatError, match="run.ckpt"):
        isoform.train(models[1], X, Y, epochs=4, adapt=False, checkpoint=path, resume=True)


def test_a_folder_that_is_gone_does_not_end_a_run(tmp_path):
    events = []
    run = isoform.fit(X, Y, epochs=2, checkpoint=tmp_path / "no" / "run.ckpt", observer=events.append)
    assert run.reason == "finished" and any("no checkpoint is written" in event.get("message", "") for event in events)


# -- what people hand over ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call,error,text", [
    (lambda m: m.predict(X + 1j), isoform.UsageError, "^predict: X: needs real numbers, got complex ones$"),
    (lambda m: isoform.fit(X[:0], Y[:0]), isoform.Error, "sample"),
    (lambda m: isoform.fit(X, [None] * 300, epochs=1), isoform.UsageError, "^y: classes need to be all numbers or all text, got NoneType$"),
    (lambda m: isoform.fit(X, np.array([1, "b"], object)[Y % 2], epochs=1), isoform.UsageError, "got int, str$"),
    (lambda m: isoform.fit(X, Y, validation=(X[:, :2], Y)), isoform.UsageError, "^validation: needs 5 features a sample, as X has, got 2$"),
    (lambda m: m.shrink(tolerance=0.1, X=X[:3]), isoform.UsageError, "needs 4 samples or more, got 3$"),
    (lambda m: m.grow("a", 1), TypeError, "integer"),
    (lambda m: m.grow(1, 1.5), TypeError, "integer"),
    (lambda m: isoform.Model.from_bytes("text"), TypeError, "bytes-like"),
    (lambda m: copy.deepcopy(isoform.Learner(m)), TypeError, "keep its model"),
    (lambda m: m.apply(None), TypeError, "needs an Edit"),
    (lambda m: isoform.train(m, [(X, Y)], epochs=1.5), TypeError, "integer"),
    (lambda m: pickle.dumps(m.maps[0]), TypeError, "pickle the model"),
    (lambda m: pickle.dumps(isoform.Edit.grow(m, 1, 2)), TypeError, "pickle the model")])
def test_what_cannot_be_is_said(call, error, text):
    with pytest.raises(error, match=text):
        call(isoform.Model.chain([5, 8, 3]))


def test_sparse_samples_are_refused_with_the_mend():
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(isoform.UsageError, match=r"^predict: X: is sparse, and samples are dense here; give X\.toarray\(\)$"):
        isoform.Model.chain([5, 8, 3]).predict(sparse.csr_matrix(X))
    with pytest.raises(isoform.UsageError, match=r"^X: is sparse"):
        isoform.fit(sparse.csr_matrix(X), Y)


def test_a_learner_goes_on_after_a_run_that_changed_the_shape():
    model = isoform.Model.chain([5, 32, 3])
    learner = isoform.Learner(model)
    learner.step(learner.forward(X) / len(X))
    isoform.train(model, X, Y, epochs=4)
    assert model.widths != [5, 32, 3]
    model.apply(isoform.Edit.rotate(model, 1, "random"))
    learner.step(learner.forward(X) / len(X))
    assert learner.steps == 2


def test_a_step_that_would_spoil_the_model_is_not_taken():
    model = isoform.Model.chain([5, 8, 3])
    learner = isoform.Learner(model)
    learner.forward(X)
    before = model.to_bytes()
    with pytest.raises(isoform.UsageError, match="^step: the gradient by the logits has numbers that are not finite; the model is as it was$"):
        learner.step(np.full((300, 3), np.nan))
    with pytest.raises(isoform.UsageError, match="^learning_rate: needs a number above 0, got -1"):
        learner.step(np.zeros((300, 3)), learning_rate=-1)
    assert model.to_bytes() == before
    learner.step(np.zeros((300, 3)))
