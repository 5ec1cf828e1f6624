"""Changes of shape as values: computed now, looked at, made later, taken back."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Sequence

from . import _isoform
from .reports import EditRecord

if TYPE_CHECKING:
    from .model import Model


class Edit:
    """A change of one hidden layer as a value, computed from a model that it leaves as it is.

        before, edit = model.copy(), isoform.Edit.grow(model, 1, 8)
        model.apply(edit)                       # the optimiser's state of a Learner follows, as with model.grow
        model.apply(edit.undo(before))          # and back, up to one rounding of each number

    It fits the model that it was computed from, as it was then, and others of the same shape.
    """

    def __init__(self, made: Any) -> None:
        if not isinstance(made, _isoform.Edit):
            raise TypeError("an Edit is made by Edit.rotate, grow, keep or remove_groups of a model")
        self._made = made

    @classmethod
    def rotate(cls, model: Model, layer: int, kind: str = "left", *, seed: int = 0) -> Edit:
        """As ``Model.rotate``."""
        return cls(model._core.plan_rotate(layer, kind, seed))

    @classmethod
    def grow(cls, model: Model, layer: int, count: int = 0, *, into: int | None = None, new_groups: Sequence[int] = (),
             group_size: int = 4, seed: int = 0) -> Edit:
        """As ``Model.grow``."""
        return cls(model._core.plan_grow(layer, count, into, list(new_groups), group_size, seed))

    @classmethod
    def keep(cls, model: Model, layer: int, neurons: Sequence[int]) -> Edit:
        """As ``Model.keep``."""
        return cls(model._core.plan_keep(layer, [int(n) for n in neurons]))

    @classmethod
    def remove_groups(cls, model: Model, layer: int, groups: Sequence[int]) -> Edit:
        """As ``Model.remove_groups``."""
        return cls(model._core.plan_remove_groups(layer, [int(g) for g in groups]))

    @property
    def records(self) -> list[EditRecord]:
        """What it does, step by step; ``rotate`` by "full" turns two layers."""
        return [EditRecord._of(record) for record in self._made.records()]

    def undo(self, before: Model) -> Edit:
        """The edit that leads back to ``before``, the model that this one was computed from.

        UsageError for one that dropped neurons, which it names. Once the model has learned in between, neurons that growth added are
        no longer silent, and taking them back changes the function; turns can always be taken back.
        """
        return Edit(self._made.undo(before._core))

    def __reduce__(self) -> Any:
        raise TypeError("an Edit is a value of this process and is not copied or pickled; pickle the model before it and after it")

    def __repr__(self) -> str:
        return "Edit(" + ", ".join(f"{record.kind} layer {record.layer}: {record.before} → {record.after}" for record in self.records) + ")"
