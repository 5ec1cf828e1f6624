"""Training runs, beside the program's; callbacks; steps by hand."""
import json
import os
import signal
import subprocess
import threading
import warnings

import isoform
import numpy as np
import oracle
import pytest

PROGRAM = os.environ.get("ISOFORM_PROGRAM", "")
needs_program = pytest.mark.skipif(not os.path.exists(PROGRAM), reason="the program is not built")


def blobs(samples, classes=3, features=5, seed=0):
    dice = np.random.default_rng(seed)
    centres = 3 * dice.normal(size=(classes, features))
    y = np.arange(samples) % classes
    return centres[y] + dice.normal(size=(samples, features)), y


X, Y = blobs(300)


def run_program(*words):
    done = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_fit_learns_and_tells():
    seen = []
    run = isoform.fit(X, Y, epochs=12, seed=3, callback=seen.append)
    assert run.reason == "finished" and len(run.history) == len(seen) == 12
    assert [epoch["epoch"] for epoch in seen] == list(range(1, 13))
    assert seen[-1]["train_loss"] < seen[0]["train_loss"] and seen[-1]["validation_accuracy"] > 0.9
    assert run.model.widths == seen[-1]["widths"] and run.model.classes == ["0", "1", "2"]
    assert run.settings["epochs"] == 12 and run.settings["batch_size"] == 16
    assert (run.model.predict(X).argmax(1) == Y).mean() > 0.95
    assert list(run.columns()["epoch"]) == list(range(1, 13)) and run.columns()["train_loss"].shape == (12,)
    np.testing.assert_allclose(run.model.predict(X), oracle.logits(run.model, X), rtol=1e-3, atol=1e-4)


def test_settings_that_nothing_reads_are_told():
    with pytest.warns(UserWarning, match="tolerance, max_width: of no effect; the widths are fixed"):
        run = isoform.fit(X, Y, epochs=1, adapt=False, tolerance=0.1, max_width=100)
    with pytest.warns(UserWarning, match="buffer: of no effect"):
        isoform.train(run.model, X, Y, epochs=1, buffer=3)
    numbers = X[:, 0] + 0.5
    with pytest.warns(UserWarning, match="label_smoothing: of no effect; .* numbers"):
        run = isoform.fit(X, numbers, epochs=1, label_smoothing=0.1)
    with pytest.warns(UserWarning, match="label_smoothing: of no effect"):
        isoform.train(run.model, X, numbers, epochs=1, label_smoothing=0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        isoform.fit(X, Y, epochs=1, tolerance=0.1, label_smoothing=0.1)


def test_history_is_a_data_frame():
    pandas = pytest.importorskip("pandas")
    run = isoform.fit(X, Y, epochs=2, adapt=False)
    frame = pandas.DataFrame(run.history)
    assert list(frame["epoch"]) == [1, 2] and "train_loss" in frame


def test_the_same_seed_gives_the_same_bits_whatever_the_threads():
    one = isoform.fit(X, Y, epochs=3, seed=5, threads=1).model.to_bytes()
    assert isoform.fit(X, Y, epochs=3, seed=5, threads=2).model.to_bytes() == one
    assert isoform.fit(X, Y, epochs=3, seed=6).model.to_bytes() != one


@needs_program
def test_a_table_has_the_bits_of_the_program(tmp_path):
    rows = [",".join(repr(float(value)) for value in row) + f",{'abc'[y]}" for row, y in zip(X, Y)]
    (tmp_path / "blobs.csv").write_text("\n".join(["p,q,r,s,t,kind", *rows]) + "\n")
    run_program("train", "--data", tmp_path / "blobs.csv", "--target", "kind", "--test", 0, "--seed", 4,
                "--epochs", 5, "--quiet", "--out", tmp_path / "theirs.safetensors", "--memory", 0)
    run = isoform.fit(X, np.array(list("abc"))[Y], table=True, features=list("pqrst"), name="blobs", seed=4, epochs=5)
    theirs = isoform.load(tmp_path / "theirs.safetensors")
    assert run.model.widths == theirs.widths
    np.testing.assert_array_equal(run.model.predict(X), theirs.predict(X))
    for ours, other in zip(run.model.maps, theirs.maps):
        np.testing.assert_array_equal(ours.weight, other.weight)


@needs_program
def test_numbers_have_the_bits_of_the_program_and_its_units(tmp_path):
    y = 100 + 20 * X[:, 0] - X[:, 1] ** 2
    rows = [",".join(repr(float(value)) for value in row) for row in np.column_stack([X, y])]
    (tmp_path / "numbers.csv").write_text("\n".join(["p,q,r,s,t,y", *rows]) + "\n")
    run_program("train", "--data", tmp_path / "numbers.csv", "--target", "y", "--test", 0, "--epochs", 4, "--quiet",
                "--out", tmp_path / "theirs.safetensors", "--memory", 0)
    run = isoform.fit(X, y, features=list("pqrst"), name="numbers", epochs=4)
    run.model.save(tmp_path / "ours.safetensors")
    theirs = isoform.load(tmp_path / "theirs.safetensors")
    np.testing.assert_array_equal(run.model.predict_numbers(X), theirs.predict_numbers(X))
    # And the program reads tables by our model.
    run_program("predict", tmp_path / "ours.safetensors", "--data", tmp_path / "numbers.csv", "--out", tmp_path / "answers.csv")
    answers = np.genfromtxt(tmp_path / "answers.csv", delimiter=",", names=True)
    np.testing.assert_allclose(answers["y"] if "y" in answers.dtype.names else answers[answers.dtype.names[-1]],
                               run.model.predict_numbers(X)[:, 0], rtol=1e-4)


@needs_program
def test_a_set_has_the_bits_of_the_program(tmp_path):
    pictures = np.random.default_rng(2).integers(0, 255, (200, 36), dtype=np.uint8)
    y = (pictures[:, 0] > 127).astype(np.int64)
    np.savez(tmp_path / "set.npz", x_train=pictures, y_train=y)
    run_program("train", "--data", tmp_path / "set.npz", "--epochs", 3, "--seed", 9, "--quiet",
                "--out", tmp_path / "theirs.safetensors")
    theirs = isoform.load(tmp_path / "theirs.safetensors")
    run = isoform.fit(pictures, y, epochs=3, seed=9, name="set")
    np.testing.assert_array_equal(run.model.predict(pictures), theirs.predict(pictures))


def test_training_goes_on_in_place():
    run = isoform.fit(X, Y, epochs=3, adapt=False, hidden=[8])
    model = run.model
    before = run.history[-1]["train_loss"]
    again = isoform.train(model, X, Y, epochs=5, adapt=False, learning_rate=0.01)
    assert again.model is model and again.history[-1]["train_loss"] < before


def test_a_chain_learns_in_double():
    model = isoform.Model.chain([5, 8, 3], dtype="float64")
    run = isoform.train(model, X, Y, epochs=5, batch_size=16, adapt=False)
    assert run.history[-1]["train_accuracy"] > 0.8 and model.dtype == np.float64


def test_labels_and_weights():
    labels = np.column_stack([Y == 0, Y > 0]).astype(int)
    run = isoform.fit(X, labels, epochs=10, outputs=["zero", "more"])
    assert run.model.tasks[0]["loss"] == "binary"
    p = run.model.predict_proba(X)
    assert ((p > 0.5) == labels).all(1).mean() > 0.9
    # Classes that do not count are not learned.
    run = isoform.fit(X, Y, epochs=10, sample_weight=(Y != 2).astype(float))
    assert (run.model.predict(X).argmax(1) == 2).mean() < 0.1


def test_several_tasks():
    model = isoform.Model.chain([5, 8, 3])
    model.add_task("even", ["no", "yes"])
    run = isoform.train(model, {"task": (X, Y), "even": (X, np.array(["yes", "no"])[Y % 2])}, epochs=4, batch_size=16,
                        adapt=False, input_dropout=0, changes=["epoch=3 off=task"])
    assert [task["name"] for task in run.history[-1]["tasks"]] and not model.tasks[0]["active"]


def test_a_callback_can_stop_and_look():
    widths = []
    def callback(epoch):
        widths.append(run_model.predict(X).shape)
        return epoch["epoch"] < 2
    run_model = isoform.Model.chain([5, 8, 3])
    run = isoform.train(run_model, X, Y, epochs=50, callback=callback)
    assert run.reason == "stopped" and run.message == "stopped by the callback" and len(run.history) == 2
    assert widths == [(300, 3)] * 2


def test_what_a_callback_raises_comes_through_and_the_model_stays_whole():
    model = isoform.Model.chain([5, 8, 3])
    fresh = model.to_bytes()
    class Mine(Exception):
        pass
    def callback(epoch):
        if epoch["epoch"] == 2:
            raise Mine("here")
    with pytest.raises(Mine, match="here"):
        isoform.train(model, X, Y, epochs=50, callback=callback)
    assert model.to_bytes() != fresh
    with pytest.raises(Mine):
        isoform.train(model, X, Y, epochs=50, observer=lambda event: (_ for _ in ()).throw(Mine("there")))
    model.grow(1, 1)  # and may be changed again


def test_a_model_in_training_is_not_to_be_changed():
    model = isoform.Model.chain([5, 8, 3])
    with pytest.raises(isoform.UsageError, match="^model: is being changed by another call"):
        isoform.train(model, X, Y, epochs=2, callback=lambda epoch: model.grow(1, 1))


def test_control_c_ends_a_run():
    model = isoform.Model.chain([5, 8, 3])
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        isoform.train(model, X, Y, epochs=10_000_000, adapt=False)
    timer.join()


def test_observers_hear_every_event():
    events = []
    isoform.fit(X, Y, epochs=2, observer=events.append)
    kinds = [event["type"] for event in events]
    assert kinds[0] == "start" and kinds[-1] == "end" and kinds.count("epoch") == 2 and "edit" in kinds


def test_a_run_that_diverges_says_so():
    run = isoform.fit(X, Y.astype(float), epochs=5, learning_rate=1e12, optimiser="sgd", adapt=False)
    assert run.reason == "diverged" and "try a smaller learning rate" in run.message


@pytest.mark.parametrize("call,text", [
    (lambda: isoform.fit(X, Y, learing_rate=1), r"^fit\(\) got an unexpected keyword argument 'learing_rate'; did you mean learning_rate\?$"),
    (lambda: isoform.fit(X, Y, calback=1), r"^fit\(\) got an unexpected keyword argument 'calback'; did you mean callback\?$"),
    (lambda: isoform.fit(X, Y, folds=3), r"^fit\(\) got an unexpected keyword argument 'folds': it is for files; give arrays$"),
    (lambda: isoform.train(isoform.Model.chain([5, 3]), X, Y, hidden=[3]),
     r"^train\(\) got an unexpected keyword argument 'hidden': the model has it already; isoform.fit and Model.chain take it$")])
def test_unknown_settings_are_type_errors(call, text):
    with pytest.raises(TypeError, match=text):
        call()


@pytest.mark.parametrize("call,text", [
    (lambda: isoform.fit(X, Y, epochs=-2), "^epochs: needs 1 or more, or auto, got -2$"),
    (lambda: isoform.fit(X, Y, optimiser="adamx"), "optimiser"),
    (lambda: isoform.fit(X, Y[:7]), "^y: needs one entry for each of the 300 samples, got 7$"),
    (lambda: isoform.fit(X[0], Y), r"^X: needs the shape \[samples, features\], or \[samples, rows, columns\] of pictures, got \[5\]$"),
    (lambda: isoform.fit(X * np.inf, Y), "is inf; replace values that are not finite|is -inf"),
    (lambda: isoform.train(isoform.Model.chain([5, 2]), X, Y),
     "^y: '2' is none of the classes that the task answers with, 0, 1; model.add_outputs appends classes$")])
def test_refusals(call, text):
    with pytest.raises(isoform.UsageError, match=text):
        call()


def test_settings_are_the_programs():
    names = {entry["name"]: entry for entry in isoform.settings()}
    assert names["optimiser"]["default"] == "adamw" and "muon" in names["optimiser"]["choices"]
    assert "folds" not in names and "data" not in names and names["hidden"]["default"] == [16, 16]


def test_a_loss_of_ones_own():
    model = isoform.Model.chain([5, 16, 1], loss="squared", dtype="float64")
    y = np.tanh(X[:, :1]) + 0.1 * X[:, 1:2]
    learner = isoform.Learner(model, learning_rate=0.01)
    losses = []
    for step in range(300):
        error = learner.forward(X) - y
        losses.append(np.abs(error).mean())
        learner.step(np.sign(error) / len(X))  # absolute errors, which the library does not have
        if step == 150:
            before = learner.forward(X)
            model.grow(1, 4)
            np.testing.assert_allclose(learner.forward(X), before, rtol=1e-12, atol=1e-12)
    assert learner.steps == 300 and losses[-1] < 0.3 * losses[0] and model.widths == [5, 20, 1]
    assert losses[160] < 1.5 * losses[150]  # the optimiser's state came along


def test_gradients_are_those_of_finite_differences():
    model = oracle.random_model(isoform, [5, 6, 4, 2], 3, dtype="float64")
    fresh = model.copy()
    learner = isoform.Learner(model, "sgd", learning_rate=1.0, weight_decay=0.0)
    direction = np.random.default_rng(1).normal(size=(10, 2))
    learner.forward(X[:10])
    learner.step(direction)
    moved = fresh.maps[1].weight - model.maps[1].weight
    for i, j in [(0, 0), (2, 5), (3, 1)]:
        sums = []
        for shift in (1e-6, -1e-6):
            other = fresh.copy()
            other.maps[1].weight[i, j] += shift
            sums.append((oracle.logits(other, X[:10]) * direction).sum())
        assert moved[i, j] == pytest.approx((sums[0] - sums[1]) / 2e-6, rel=1e-6)


def test_steps_need_a_forward_pass():
    model = isoform.Model.chain([5, 8, 3])
    learner = isoform.Learner(model)
    with pytest.raises(isoform.UsageError, match="^step: needs a forward pass of the model as it is now"):
        learner.step(np.zeros((3, 3)))
    learner.forward(X[:4])
    with pytest.raises(isoform.UsageError, match="^step: the gradient by the logits needs 4 samples, as forward had, got 3$"):
        learner.step(np.zeros((3, 3)))
    model.grow(1, 1)
    with pytest.raises(isoform.UsageError, match="^step: needs a forward pass"):
        learner.step(np.zeros((4, 3)))
