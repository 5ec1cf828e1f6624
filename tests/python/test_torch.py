"""isoform.torch: the same function as the library, the same steps through edits, and no parameter left behind."""

import numpy as np
import pytest

import isoform

torch = pytest.importorskip("torch", reason="python3-torch is not installed")
from isoform.torch import Network  # noqa: E402

RADIALS = ("tanh", "asinh", "algebraic", "log", "softsign")
LENGTHS = ("none", "constant", "trainable", "log")
PSIS = ("none", "constant", "trainable", "decay", "expectation")


def random_model(seed, *, widths=None, dtype="float64", **settings):
    """A chain with every number at random."""
    dice = np.random.default_rng(seed)
    widths = widths or [int(n) for n in dice.integers(1, 12, dice.integers(3, 6))]
    groups = []
    for width in widths[1:-1]:
        sizes = []
        while sum(sizes) < width:
            sizes.append(int(dice.integers(1, width - sum(sizes) + 1)))
        groups.append(sizes)
    model = isoform.Model.chain(widths, groups=groups, radial=settings.get("radial", dice.choice(RADIALS)),
                                length=settings.get("length", dice.choice(LENGTHS)),
                                psi=(psi := settings.get("psi", dice.choice(PSIS))), seed=seed, dtype=dtype,
                                norms=bool(seed % 2) and psi not in ("none", "expectation"))
    for entry in model.maps:
        for array in (entry.weight, entry.bias, entry.psi):
            if array.flags.writeable:
                array[...] = dice.normal(0, 0.5, array.shape)
        entry.chi[...] = dice.normal(0, 0.1, entry.chi.shape)
    model.mean[:] = dice.normal(0, 1, widths[0])
    model.scale[:] = dice.uniform(0.5, 2, widths[0])
    for layer in model.layers:
        if settings.get("length", "trainable") != "none":
            for space in model.spaces:
                if space.id == layer and space.length != "none":
                    model.set_o(layer, list(dice.uniform(0.01, 1, len(space.groups))))
    return model


@pytest.mark.parametrize("seed", range(40))
def test_forward_is_the_library(seed):
    model = random_model(seed)
    x = np.random.default_rng(1000 + seed).normal(0, 2, (17, model.widths[0]))
    x[0] = 0
    net = Network(model.copy())
    assert np.abs(net(torch.from_numpy(x)).detach().numpy() - model.predict(x)).max() <= 1e-10
    # And after the round trip through the parameters.
    assert np.array_equal(net.sync().predict(x), model.predict(x))


@pytest.mark.parametrize("radial", RADIALS)
def test_gradients_at_and_near_zero(radial):
    """Autograd at z = 0, where the quotient is 0/0, and across the border of the series."""
    t = torch.tensor([0.0, 1e-12, 1e-4, 0.00999, 0.01001, 0.3, 5.0], dtype=torch.float64, requires_grad=True)
    isoform.torch.gate(radial, t).sum().backward()
    assert torch.isfinite(t.grad).all()
    smooth = t.grad[4:] if radial in ("log", "softsign") else t.grad
    h = 1e-6
    points = t.detach()[-len(smooth):]
    ahead, behind = isoform.torch.gate(radial, points + h), isoform.torch.gate(radial, (points - h).clamp(min=0))
    differences = (ahead - behind) / (points + h - (points - h).clamp(min=0))
    assert torch.allclose(smooth, differences, atol=1e-4)


def test_general_graphs():
    """Tasks that come, inputs that come: what the library computes for each task."""
    model = random_model(3, widths=[6, 9, 8, 3], length="trainable", psi="decay")
    model.add_outputs(["more"])
    model.add_task("second", ["p", "q"])
    x = np.random.default_rng(5).normal(0, 1, (11, model.widths[0]))
    net = Network(model)
    for task in ("task", "second"):
        with torch.no_grad():
            for parameter in net.parameters():
                parameter += 0.1 * torch.randn(parameter.shape, dtype=parameter.dtype)
        logits = net(torch.from_numpy(x), task)
        assert np.abs(logits.detach().numpy() - net.sync().predict(x, task=task)).max() <= 1e-10
    with pytest.raises(isoform.UsageError, match="one of the tasks"):
        net(torch.from_numpy(x))
    with pytest.raises(isoform.UsageError, match="shape"):
        net(torch.from_numpy(x[:, :-1]), "task")


# Steps of an optimiser in PyTorch, and of the library's own, through the same edits.
EDITS = (lambda model: model.grow(1, 3, seed=5), lambda model: model.rotate(2, "random", seed=7), lambda model: model.rotate(1, "left"),
         lambda model: model.shrink([7, 6]), lambda model: model.grow(2, new_groups=[2, 2], seed=3))
OPTIMISERS = {
    "adamw": lambda parameters: torch.optim.AdamW(parameters, lr=0.01, weight_decay=0.02),
    "momentum": lambda parameters: torch.optim.SGD(parameters, lr=0.05, momentum=0.9, weight_decay=0.02),
}


@pytest.mark.parametrize("name", OPTIMISERS)
@pytest.mark.parametrize("length", ("trainable", "log", "none"))
def test_steps_through_edits_are_the_library_s(name, length):
    own = random_model(11, widths=[5, 8, 8, 3], radial="tanh", length=length, psi="decay")
    net = Network(own.copy())
    optimiser = OPTIMISERS[name](net.parameters())
    rate = optimiser.param_groups[0]["lr"]
    learner = isoform.Learner(own, name, learning_rate=rate, weight_decay=0.02, second_moment="squared")
    dice = np.random.default_rng(4)
    worst = 0.0
    for step in range(24):
        x, y = dice.normal(0, 1, (32, 5)), dice.normal(0, 1, (32, 3))
        loss = 0.5 * ((net(torch.from_numpy(x)) - torch.from_numpy(y))**2).sum() / 32 + net.penalty()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        learner.step((learner.forward(x) - y) / 32)
        if step % 4 == 3 and step // 4 < len(EDITS):
            net.edit(EDITS[step // 4], optimiser, second_moment="squared")
            EDITS[step // 4](own)
        probe = dice.normal(0, 1, (20, 5))
        worst = max(worst, np.abs(net(torch.from_numpy(probe)).detach().numpy() - own.predict(probe)).max())
        in_optimiser = {id(p) for group in optimiser.param_groups for p in group["params"]}
        assert {id(p) for p in net.parameters() if p.requires_grad} <= in_optimiser
        assert sum(p.numel() for p in net.parameters() if p.requires_grad) >= own.parameters - 3
    print(f"worst difference of logits: {worst:.1e}")
    assert worst <= 1e-5


def test_parameters_keep_their_identity():
    net = Network(random_model(2, widths=[4, 6, 3], length="trainable", psi="decay"))
    optimiser = torch.optim.Adam(net.parameters(), lr=0.01)
    scheduler = torch.optim.lr_scheduler.StepLR(optimiser, 1)
    first = dict(net.named_parameters())
    x = torch.randn(8, 4, dtype=torch.float64)

    def step():
        optimiser.zero_grad()
        net(x, "task").square().sum().backward()
        optimiser.step()
        scheduler.step()

    step()
    net.edit(lambda model: model.grow(1, 2), optimiser)
    assert all(dict(net.named_parameters())[name] is parameter for name, parameter in first.items())
    step()
    # New blocks join, and leave again.
    net.edit(lambda model: model.add_task("second", ["p", "q"]), optimiser)
    held = {id(p) for group in optimiser.param_groups for p in group["params"]}
    assert {id(p) for p in net.parameters() if p.requires_grad} == held and len(held) > len(first)
    step()
    net.edit(lambda model: model.remove_task("second"), optimiser)
    held = {id(p) for group in optimiser.param_groups for p in group["params"]}
    assert {id(p) for p in net.parameters() if p.requires_grad} == held
    assert set(optimiser.state) <= set(net.parameters())
    step()


def test_what_can_not_be_carried_is_refused_and_nothing_changes():
    net = Network(random_model(2, widths=[4, 6, 3]))
    x = torch.randn(8, 4, dtype=torch.float64)
    for optimiser, says in ((torch.optim.RMSprop(net.parameters()), "RMSprop"),
                            (torch.optim.Adam(net.parameters(), amsgrad=True), "amsgrad")):
        with pytest.raises(isoform.UsageError, match=says):
            net.edit(lambda model: model.grow(1, 2), optimiser)
    before = net(x).detach()
    with pytest.raises(isoform.UsageError):
        net.edit(lambda model: model.grow(7, 2), torch.optim.SGD(net.parameters(), lr=0.1))
    assert torch.equal(net(x), before) and net.model.widths == [4, 6, 3]


def test_a_loop_that_grows_learns():
    """float32, as people train: a task that two hidden neurons can't do."""
    torch.manual_seed(1)
    x = torch.randn(400, 2)
    y = (x[:, 0] * x[:, 1] > 0).long()
    net = Network(isoform.Model.chain([2, 2, 2], group_size=2, seed=1))
    optimiser = torch.optim.AdamW(net.parameters(), lr=0.02)
    for step in range(300):
        optimiser.zero_grad()
        (torch.nn.functional.cross_entropy(net(x), y) + net.penalty()).backward()
        optimiser.step()
        if step % 30 == 29 and step < 200:
            before = net(x).detach()
            net.edit(lambda model: model.grow(1, new_groups=[2], seed=step), optimiser)
            assert (net(x) - before).abs().max() <= 1e-5
    assert (net(x).argmax(1) == y).float().mean() > 0.95
    assert (net.sync().predict(x.numpy()).argmax(1) == y.numpy()).mean() > 0.95


def test_a_change_that_fails_halfway_leaves_all_as_it_was():
    net = Network(isoform.Model.chain([3, 8, 2], seed=1))
    optimiser = torch.optim.Adam(net.parameters())
    x = torch.randn(5, 3)
    before = net(x).detach()

    def change(model):
        model.grow(1, 4)
        raise RuntimeError("halfway")

    with pytest.raises(RuntimeError, match="halfway"):
        net.edit(change, optimiser)
    assert net.model.widths == [3, 8, 2] and torch.equal(net(x), before)
    net.edit(lambda model: model.grow(1, 4), optimiser)
    torch.testing.assert_close(net(x), before, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_a_module_keeps_its_precision(dtype):
    net = Network(isoform.Model.chain([3, 8, 2], seed=1)).to(dtype)
    net.edit(lambda model: model.grow(1, 4))
    assert {parameter.dtype for parameter in net.parameters()} == {net.mean.dtype} == {dtype}
    if dtype == torch.float64:
        assert net(torch.randn(5, 3, dtype=dtype)).dtype == dtype


def test_arrays_are_no_tensors():
    with pytest.raises(isoform.UsageError, match="needs to be a tensor, got ndarray"):
        Network(isoform.Model.chain([3, 8, 2]))(np.zeros((4, 3)))
