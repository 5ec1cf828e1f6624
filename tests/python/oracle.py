"""The forward pass of a chain in NumPy and double, from docs/mathematics.md 1 alone: shares nothing with the library but the
numbers of the model."""
import numpy as np

SIGMA = {"tanh": np.tanh, "asinh": np.arcsinh, "algebraic": lambda m: m / np.sqrt(1 + m * m), "log": np.log1p,
         "softsign": lambda m: m / (1 + m)}


def logits(model, X):
    """Of a model without skips: y [samples, outputs] for raw X."""
    spaces = {space.id: space for space in model.spaces}
    h = (np.asarray(X, float) - model.mean) * model.scale
    s = np.zeros((len(h), 0))
    for layer in model.maps:
        z = h @ layer.weight.astype(float).T + layer.bias
        if layer.psi.shape[1]:
            z = z + s @ layer.psi.astype(float).T
        if layer.chi.shape[1]:
            z = z + (1 / s - 1) @ layer.chi.astype(float).T
        space = spaces[layer.target]
        if space.kind == "output":
            return z
        begins = np.cumsum([0] + space.groups[:-1])
        m = np.sqrt(space.o + np.add.reduceat(z * z, begins, axis=1))
        if space.radial in ("log", "softsign"):
            m = np.maximum(m, 1e-3)
        s = np.where(m > 0, SIGMA[space.radial](m) / np.where(m > 0, m, 1), 1)
        h = z * np.repeat(s, space.groups, axis=1)
    raise AssertionError("a chain ends in an output")


def random_model(isoform, widths, seed, **options):
    """A chain whose biases, ψ, χ, o and input transform are not those of a beginning; with seeds 3 and 5 it reads norms."""
    options.setdefault("norms", seed in (3, 5))
    dice = np.random.default_rng(seed)
    model = isoform.Model.chain(widths, seed=seed, **options)
    for layer in model.maps:
        layer.weight[...] *= dice.uniform(0.5, 2)
        if layer.bias.flags.writeable:
            layer.bias[...] = dice.normal(size=layer.bias.shape)
        layer.psi[...] = dice.normal(size=layer.psi.shape)
        layer.chi[...] = dice.normal(size=layer.chi.shape)
    for layer in model.layers:
        model.set_o(layer, dice.uniform(0, 2, len(model.groups[layer - 1])))
    model.mean[...] = dice.normal(size=model.mean.shape)
    model.scale[...] = dice.uniform(0.5, 2, model.scale.shape)
    return model
