"""Inside PyTorch: a module whose layers grow, turn and shrink in a training loop that is already there.

    net = isoform.torch.Network(isoform.Model.chain([784, 32, 32, 10]))
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3)
    for step, (x, y) in enumerate(batches):
        loss = cross_entropy(net(x), y) + net.penalty()
        optimiser.zero_grad(); loss.backward(); optimiser.step()
        if step % 200 == 0:
            net.edit(lambda model: model.grow(1, 4), optimiser)      # the same function, and the optimiser's state follows

Parameters keep their identity through edits, so that whoever holds them (parameter groups, schedulers, hooks) holds them
still; those that are new join the optimiser, those that are gone leave it.
"""
from __future__ import annotations

from typing import Any, Callable, Iterator

import numpy as np
import torch
from torch import nn

from . import _isoform
from .model import Model

PSI_PENALTY = 0.1  #: weight of Σ ψ² in the loss (docs/mathematics.md 9)
_FLOOR = 1e-6  # of t, for profiles with a corner at 0
# Of G in t: exact to 1e-13 below 0.01.
_SERIES = {"tanh": (1, -1 / 3, 2 / 15, -17 / 315, 62 / 2835, -1382 / 155925),
           "asinh": (1, -1 / 6, 3 / 40, -15 / 336, 105 / 3456, -945 / 42240)}


def gate(radial: str, t: torch.Tensor) -> torch.Tensor:
    """G(t) = σ(√t)/√t, smooth at 0. docs/mathematics.md 1."""
    if radial == "algebraic":
        return torch.rsqrt(1 + t)
    if radial in ("log", "softsign"):
        m = torch.sqrt(torch.clamp(t, min=_FLOOR))
        return torch.log1p(m) / m if radial == "log" else 1 / (1 + m)
    # By its series where the quotient is 0/0, whose slope autograd would not find.
    near = t < 1e-2
    m = torch.sqrt(torch.where(near, torch.ones_like(t), t))
    small = torch.where(near, t, torch.zeros_like(t))
    series = torch.zeros_like(t)
    for coefficient in reversed(_SERIES[radial]):
        series = series * small + coefficient
    return torch.where(near, series, (torch.tanh(m) if radial == "tanh" else torch.asinh(m)) / m)


def _replace(parameter: nn.Parameter, values: torch.Tensor) -> None:
    """Other numbers, of another shape, in the same parameter."""
    # A graph that is still alive keeps what gathers the parameter's gradient, with the old shape; another type makes it anew.
    parameter.data = torch.empty(0, dtype=torch.float32 if values.dtype == torch.float16 else torch.float16, device=values.device)
    parameter.data = values
    parameter.grad = None


class Network(nn.Module):
    """A model as a module. Input: raw samples [batch, features], all inputs of the task one after the other; output: its logits.

    ``model`` has the shape, and the numbers as they were at the last edit or ``sync``. It belongs to the module from now on: change it by
    ``edit`` alone. The parameters have the names "weight_ID", "bias_ID", "psi_ID", "chi_ID" (of a map) and "length_ID" (of a space).
    """

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model
        self._rebuild()

    # -- numbers ----------------------------------------------------------------------------------------------------------

    def _windows(self) -> Iterator[tuple[str, str, int, np.ndarray, bool]]:
        """name, role, owner, window on the model's memory, trained; of each parameter that the model has."""
        core = self.model._core
        for entry in core.describe()["maps"]:
            owner = entry["id"]
            for role in ("weight", "bias", "psi", "chi"):
                window = core.window(role, owner)
                if window.size == 0 or (role == "bias" and not window.flags.writeable):
                    continue
                yield f"{role}_{owner}", role, owner, window, role != "psi" or entry["psi"] != "constant"
        for space in core.describe()["spaces"]:
            if space["length"] in ("trainable", "log", "constant") and space["groups"]:
                yield (f"length_{space['id']}", "length", space["id"], core.window("length", space["id"]),
                       space["length"] != "constant")

    def _rebuild(self) -> None:
        """The parameters that the model has now: those that stay keep their identity, with new numbers."""
        about = self.model._core.describe()
        self._spaces, self._maps, self._tasks = about["spaces"], about["maps"], about["tasks"]
        self._inputs, self._input_sizes = about["inputs"], [i["size"] for i in about["inputs"]]
        self._place = {space["id"]: p for p, space in enumerate(self._spaces)}
        known = dict(self.named_parameters())
        like = next(iter(known.values()), None)
        # A module that was moved or turned to another precision (to, double, half) stays so.
        device, dtype = (like.device, like.dtype) if like is not None else (None, None)
        wanted = set()
        for name, _, _, window, trained in self._windows():
            wanted.add(name)
            values = torch.from_numpy(np.array(window, order="C")).to(device=device, dtype=dtype)
            if name in known:
                _replace(known[name], values)
            else:
                self.register_parameter(name, nn.Parameter(values, requires_grad=trained))
        for name in set(known) - wanted:
            delattr(self, name)
        for name in ("mean", "scale"):
            values = torch.from_numpy(np.array(getattr(self.model, name))).to(device=device, dtype=dtype)
            self.register_buffer(name, values, persistent=False)
        for space in self._spaces:
            if space["groups"]:
                sizes = torch.tensor(space["groups"])
                self.register_buffer(f"_group_{space['id']}", torch.repeat_interleave(torch.arange(len(sizes)), sizes).to(device),
                                     persistent=False)

    @torch.no_grad()
    def sync(self) -> Model:
        """Writes the parameters into the model, and returns it: to save, predict, inspect or export it."""
        for name, _, _, window, _ in self._windows():
            window[...] = getattr(self, name).detach().cpu().numpy()
        return self.model

    # -- the function ------------------------------------------------------------------------------------------------------

    def forward(self, x: torch.Tensor, task: str = "") -> torch.Tensor:
        about = self._task(task)
        given = [k for k, entry in enumerate(self._inputs) if not about["inputs"] or entry["name"] in about["inputs"]]
        size = sum(self._input_sizes[k] for k in given)
        if not isinstance(x, torch.Tensor):
            raise _isoform.UsageError(f"forward: x needs to be a tensor, got {type(x).__name__}; torch.as_tensor(x) makes one")
        if x.dim() != 2 or x.shape[1] != size:
            raise _isoform.UsageError(f"forward: x needs the shape [batch, {size}], got {list(x.shape)}")
        starts = np.concatenate([[0], np.cumsum(self._input_sizes)])
        h: list[torch.Tensor | None] = [None] * len(self._spaces)
        s: list[torch.Tensor | None] = [None] * len(self._spaces)
        places = [p for p, space in enumerate(self._spaces) if space["kind"] == "input"]
        at = 0
        for k, p in enumerate(places):
            rows = slice(int(starts[k]), int(starts[k + 1]))
            if k in given:
                h[p] = (x[:, at:at + self._input_sizes[k]] - self.mean[rows]) * self.scale[rows]
                at += self._input_sizes[k]
            else:
                h[p] = x.new_zeros(x.shape[0], self._input_sizes[k])
        absent = {places[k] for k in range(len(places)) if k not in given}
        for p, space in enumerate(self._spaces):
            if space["groups"]:
                z = self._z(p, p, h, s, absent)
                index = getattr(self, f"_group_{space['id']}")
                t = z.new_zeros(z.shape[0], len(space["groups"])).index_add(1, index, z * z) + self._o(space)
                s[p] = gate(space["radial"], t)
                h[p] = s[p][:, index] * z
        outputs = [p for p, space in enumerate(self._spaces) if space["kind"] == "output"]
        return self._z(outputs[self._tasks.index(about)], len(self._spaces), h, s, absent)

    def _task(self, name: str) -> dict[str, Any]:
        found = [task for task in self._tasks if task["name"] == name or (name == "" and len(self._tasks) == 1)]
        if not found:
            names = ", ".join(task["name"] for task in self._tasks)
            raise _isoform.UsageError(f"forward: needs one of the tasks {names}, got '{name}'")
        return found[0]

    def _o(self, space: dict[str, Any]) -> torch.Tensor | float:
        if space["length"] == "none":
            return 0.0
        value = getattr(self, f"length_{space['id']}")
        return {"constant": lambda: value, "trainable": lambda: value**2, "log": lambda: torch.exp(value)}[space["length"]]()

    def _z(self, p: int, reader: int, h: list, s: list, absent: set[int]) -> torch.Tensor:
        """z of the space at a place, as what stands at `reader` sees it: the sum of what is written before (docs/mathematics.md 12)."""
        z: torch.Tensor | float = 0.0
        for entry in self._maps:
            source = self._place[entry["source"]]
            if self._place[entry["target"]] != p or source >= reader:
                continue
            linear = self._spaces[source]["kind"] == "linear"
            value = h[source] if not linear else self._z(source, max(p, source), h, s, absent)
            weight, bias = getattr(self, f"weight_{entry['id']}"), getattr(self, f"bias_{entry['id']}", None)
            term = nn.functional.linear(value, weight, bias) if source not in absent else (
                value.new_zeros(value.shape[0], weight.shape[0]) + (0 if bias is None else bias))
            psi = getattr(self, f"psi_{entry['id']}", None)
            if psi is not None:
                term = term + nn.functional.linear(s[source], psi)
            chi = getattr(self, f"chi_{entry['id']}", None)
            if chi is not None:
                term = term + nn.functional.linear(1 / s[source] - 1, chi)
            for factor in entry["factors"]:
                term = term * s[self._place[factor]]
            z = z + term
        return z

    def penalty(self) -> torch.Tensor:
        """0.1 Σ ψ², which belongs to the loss where ψ has the mode decay (the default of models)."""
        decayed = [getattr(self, f"psi_{entry['id']}") for entry in self._maps
                   if entry["psi"] == "decay" and hasattr(self, f"psi_{entry['id']}")]
        return PSI_PENALTY * sum((psi**2).sum() for psi in decayed) if decayed else self.scale.new_zeros(())

    # -- changes of shape --------------------------------------------------------------------------------------------------

    def edit(self, change: Callable[[Model], Any], *optimisers: torch.optim.Optimizer, second_moment: str = "factored") -> Any:
        """Does `change(model)` (grow, rotate, shrink, add_outputs, …) to the model and takes its shape and numbers over; what it
        returns is returned. The state of SGD, Adam and AdamW goes along: first moments by T, second moments by T∘T; new entries
        have the mean second moment of their tensor, or with second_moment "squared", the published rule, 0. A change that fails leaves all as it was.
        """
        self.sync()
        followers = [(optimiser, self._follower(optimiser, second_moment)) for optimiser in optimisers]
        before = dict(self.named_parameters())
        kept = self.model._core.copy()
        try:
            result = change(self.model)
        except BaseException:
            self.model._core = kept  # the first of two changes may have been made
            raise
        self._rebuild()
        after = dict(self.named_parameters())
        for optimiser, follower in followers:
            self._take_state(optimiser, follower, before, after)
        return result

    def _follower(self, optimiser: torch.optim.Optimizer, second_moment: str) -> Any:
        if isinstance(optimiser, torch.optim.SGD):
            follower, first, second = _isoform.Follower(self.model._core, "momentum", second_moment), "momentum_buffer", None
        elif isinstance(optimiser, (torch.optim.Adam, torch.optim.AdamW)):
            follower, first, second = _isoform.Follower(self.model._core, "adamw", second_moment), "exp_avg", "exp_avg_sq"
        else:
            raise _isoform.UsageError(f"edit: the state of {type(optimiser).__name__} can't be carried along; SGD, Adam and AdamW can")
        if any(group.get("amsgrad") for group in optimiser.param_groups):
            raise _isoform.UsageError("edit: amsgrad keeps a maximum, which no edit can carry along; train without it")
        for name, role, owner, _, _ in self._windows():
            state = optimiser.state.get(getattr(self, name), {})
            if state.get(first) is None:
                continue
            numpy = {key: None if key is None else state[key].detach().cpu().numpy() for key in (first, second)}
            follower.set(role, owner, numpy[first], numpy[second], int(state.get("step", 0)))
        return follower

    def _take_state(self, optimiser: torch.optim.Optimizer, follower: Any, before: dict[str, Any], after: dict[str, Any]) -> None:
        gone = {id(parameter) for name, parameter in before.items() if name not in after}
        held = {id(parameter) for group in optimiser.param_groups for parameter in group["params"]}
        for group in optimiser.param_groups:
            group["params"] = [parameter for parameter in group["params"] if id(parameter) not in gone]
        for name, parameter in before.items():
            if id(parameter) in gone:
                optimiser.state.pop(parameter, None)
        # An optimiser of a part of the network gets no more than its part; one of the network gets what is new.
        if held & {id(parameter) for parameter in before.values()}:
            new = [parameter for name, parameter in after.items() if name not in before and parameter.requires_grad]
            optimiser.param_groups[0]["params"] += new
        for name, role, owner, _, _ in self._windows():
            parameter = after[name]
            state = optimiser.state.get(parameter)
            if not state:
                continue
            carried = follower.get(role, owner)
            if carried is None:
                optimiser.state.pop(parameter)
                continue
            for key, values in zip(("momentum_buffer",) if "momentum_buffer" in state else ("exp_avg", "exp_avg_sq"), carried):
                state[key] = torch.from_numpy(np.array(values, order="C")).reshape(parameter.shape).to(parameter)
