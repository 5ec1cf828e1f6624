"""Arrays of other libraries, by DLPack: taken and given without a copy."""
import isoform
import numpy as np
import oracle
import pytest

torch = pytest.importorskip("torch")


class Foreign:
    """What has nothing but DLPack."""

    def __init__(self, array):
        self.array, self.asked = array, 0

    def __dlpack__(self, **options):
        self.asked += 1
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


@pytest.fixture
def model():
    return oracle.random_model(isoform, [4, 5, 3], 3)


def test_what_is_returned_goes_on_without_a_copy(model):
    X = np.random.default_rng(1).normal(size=(20, 4)).astype(np.float32)
    for array in (model.maps[0].weight, model.maps[0].bias, model.maps[1].psi, model.maps[1].chi, model.mean, model.predict(X), model.predict_proba(X)):
        for taken in (np.from_dlpack(array), torch.from_dlpack(array)):
            np.testing.assert_array_equal(np.asarray(taken), array)
        assert np.shares_memory(np.from_dlpack(array), array)
        assert torch.from_dlpack(array).data_ptr() == array.ctypes.data
    # A window stays one: what PyTorch writes, the model computes with.
    before = model.predict(X)
    torch.from_dlpack(model.maps[0].weight).zero_()
    assert (model.maps[0].weight == 0).all() and (model.predict(X) != before).any()


@pytest.mark.parametrize("wrap", [torch.from_numpy, Foreign])
def test_predictions_and_steps_take_them(model, wrap):
    X = np.random.default_rng(1).normal(size=(20, 4)).astype(np.float32)
    np.testing.assert_array_equal(model.predict(wrap(X)), model.predict(X))
    np.testing.assert_array_equal(model.predict_proba(wrap(X)), model.predict_proba(X))
    learner = isoform.Learner(model)
    z = learner.forward(wrap(X))
    learner.step(wrap(z / len(X)))
    assert learner.steps == 1


def test_training_takes_them(model):
    dice = np.random.default_rng(1)
    X, y = dice.normal(size=(60, 4)).astype(np.float32), dice.integers(0, 3, 60)
    ours = isoform.fit(X, y, epochs=3)
    theirs = isoform.fit(torch.from_numpy(X), torch.from_numpy(y), epochs=3)
    np.testing.assert_array_equal(ours.model.predict(X), theirs.model.predict(X))
    isoform.train(model, torch.from_numpy(X), torch.from_numpy(y), epochs=2, validation=(torch.from_numpy(X), torch.from_numpy(y)))
    model.shrink(tolerance=0.5, X=torch.from_numpy(X))


def test_no_copy_is_made_on_the_way():
    from isoform.data import array_of
    tensor = torch.randn(7, 4)
    assert array_of(tensor).ctypes.data == tensor.data_ptr()
    # Other strides are another layout, which NumPy reads as it stands; other types are converted by whoever reads them.
    for other in (tensor.T, tensor[::2], tensor[:, 1:3], tensor.double(), tensor > 0, tensor.half()):
        np.testing.assert_array_equal(np.asarray(array_of(other)), other.numpy())


def test_strided_tensors_and_other_types_are_converted(model):
    X = torch.randn(6, 8)
    np.testing.assert_array_equal(model.predict(X[:, ::2]), model.predict(X[:, ::2].numpy().copy()))
    np.testing.assert_array_equal(model.predict(torch.arange(8).reshape(2, 4)), model.predict(np.arange(8).reshape(2, 4)))


def test_what_cannot_be_read_says_how_to_mend_it(model):
    X = torch.randn(6, 4, requires_grad=True)
    with pytest.raises(isoform.UsageError, match=r"^predict: X: cannot be read where it lies: .*X\.detach\(\)\.cpu\(\)"):
        model.predict(X)
    with pytest.raises(isoform.UsageError, match=r"^X: cannot be read where it lies"):
        isoform.fit(X, [0, 1, 0, 1, 0, 1], epochs=1)
    with pytest.raises(isoform.UsageError, match=r"predict: X: cannot be read"):
        model.predict(torch.empty(6, 4, device="meta"))
