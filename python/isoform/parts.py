"""What a model is made of: maps, whose numbers are windows on the model's memory, and spaces."""
from __future__ import annotations

from typing import Any

import numpy as np


class Map:
    """An affine map of a model: z += W h + b + ψ s + χ ν. Its arrays are windows on the model's own memory.

    They stay valid whatever happens to the model. But a change of shape gives the model new memory, which arrays taken before do
    not see; take them anew.
    """

    def __init__(self, core: Any, about: dict[str, Any]) -> None:
        self._core = core
        self.id: int = about["id"]
        self.source: int = about["source"]  #: id of the space that is read
        self.target: int = about["target"]  #: id of the space that is added to
        self.factors: list[int] = about["factors"]  #: spaces whose gates multiply what the map gives

    @property
    def weight(self) -> np.ndarray:
        """W [target, source]."""
        return self._core.window("weight", self.id)

    @property
    def bias(self) -> np.ndarray:
        """b [target]; read-only where another map's bias counts."""
        return self._core.window("bias", self.id)

    @property
    def psi(self) -> np.ndarray:
        """ψ [target, gates of the source]; no columns without."""
        return self._core.window("psi", self.id)

    @property
    def chi(self) -> np.ndarray:
        """χ [target, gates of the source], which reads norms ν = 1/s − 1; no columns without."""
        return self._core.window("chi", self.id)

    def __reduce__(self) -> Any:
        raise TypeError("a Map is a window on its model and is not copied or pickled; copy or pickle the model, or the arrays")

    def __repr__(self) -> str:
        rows, columns = self.weight.shape
        return f"Map({self.id}: space {self.source} → {self.target}, {rows} × {columns})"


class Space:
    """A space of a model, as it was when it was asked for: kind (input, hidden, linear, output), dimension, groups and their o."""

    def __init__(self, about: dict[str, Any]) -> None:
        self.id: int = about["id"]
        self.name: str = about["name"]
        self.kind: str = about["kind"]
        self.dimension: int = about["dimension"]
        self.groups: list[int] = about["groups"]
        self.radial: str = about["radial"]
        self.length: str = about["length"]  #: mode of o
        self.o: np.ndarray = np.array(about["o"])  #: squared intrinsic length of each group; a copy

    def __repr__(self) -> str:
        groups = f", groups {self.groups}" if self.groups else ""
        return f"Space({self.id}: {self.kind}, {self.dimension}{groups})"
