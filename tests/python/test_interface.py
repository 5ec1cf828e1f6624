"""Every public name is typed and described. What docs/python.md says is run by tests/docs."""
import ast
import inspect
import pathlib
import sys

import isoform
import numpy as np
import pytest
from isoform import _isoform

PACKAGE = pathlib.Path(isoform.__file__).parent


def members(thing):
    return {name for name in vars(thing) if not name.startswith("_")}


def test_the_stub_has_every_name_of_the_extension_and_no_other():
    stub = ast.parse((PACKAGE / "_isoform.pyi").read_text())
    names, methods = set(), {}
    for node in stub.body:
        if isinstance(node, ast.AnnAssign):
            names.add(node.target.id)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            methods[node.name] = {item.name for item in node.body if isinstance(item, ast.FunctionDef)} - {"__init__"}
    assert names == members(_isoform)
    for name, known in methods.items():
        if not issubclass(getattr(_isoform, name), BaseException):
            assert known == members(getattr(_isoform, name)), name


def test_the_package_is_typed():
    assert (PACKAGE / "py.typed").exists()


@pytest.mark.parametrize("name", isoform.__all__)
def test_public_names_are_described_and_annotated(name):
    thing = getattr(isoform, name)
    assert inspect.getdoc(thing), name
    if inspect.isclass(thing) and not issubclass(thing, BaseException):
        for member, value in vars(thing).items():
            function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
            if member.startswith("_") or not inspect.isfunction(function):
                continue
            assert inspect.getdoc(function), f"{name}.{member}"
            require_annotations(function)
    elif inspect.isfunction(thing):
        require_annotations(thing)


def require_annotations(function):
    signature = inspect.signature(function)
    assert signature.return_annotation is not inspect.Signature.empty, function.__qualname__
    for parameter in signature.parameters.values():
        if parameter.name not in ("self", "cls"):
            assert parameter.annotation is not inspect.Parameter.empty, f"{function.__qualname__}: {parameter.name}"


def test_all_names_are_there():
    assert set(isoform.__all__) == {name for name in members(isoform)
                                    if not inspect.ismodule(getattr(isoform, name))}


def test_pictures():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    model = isoform.Model.chain([4, 8, 6, 2])
    axes = model.plot()
    assert [line.get_label() for line in axes.lines] == ["layer 1: 8", "layer 2: 6"]
    assert model.plot(axes) is axes
    dice = np.random.default_rng(0)
    run = isoform.fit(dice.normal(size=(40, 3)), dice.integers(0, 2, 40), epochs=3)
    axes = run.plot()
    assert [line.get_label() for line in axes.lines] == ["train loss", "validation loss"]
    assert list(axes.lines[0].get_xdata()) == [1, 2, 3]


def test_drawing_without_matplotlib_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match="isoform draws with matplotlib"):
        isoform.Model.chain([4, 8, 2]).plot()
