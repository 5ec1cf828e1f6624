#!/usr/bin/env python3
"""Logits of an Isoform model, computed from docs/model-file.md alone: python3 read_model.py MODEL IMAGES.idx[.gz] OUT.csv [COUNT [TASK]]"""
import gzip
import json
import struct
import sys

import numpy as np

FLOOR = 1e-6
SIGMA = {"tanh": np.tanh, "asinh": np.arcsinh, "algebraic": lambda m: m / np.sqrt(1 + m * m),
         "log": np.log1p, "softsign": lambda m: m / (1 + m)}


def read_model(path):
    data = open(path, "rb").read()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    about = json.loads(header.pop("__metadata__")["isoform"])
    assert about["format"] == 1 and about["architecture"] == "chain"
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        numbers = np.frombuffer(data[begin:end], {"F32": "<f4", "F64": "<f8"}[entry["dtype"]])
        tensors[name] = numbers.reshape(entry["shape"]).astype(np.float64)
    return about, tensors


def weight(about, tensors, i):
    """W of layer i, whatever its form."""
    form = about["structure"][i] if "structure" in about else "dense"
    if form == "dense":
        return tensors[f"layers.{i}.weight"]
    rows, columns = about["widths"][i + 1], about["widths"][i]
    groups = about["groups"][i] if i < len(about["groups"]) else [rows]
    row = np.concatenate([np.arange(size) for size in groups] if form == "triangle" else [np.arange(rows)])[:, None]
    column = np.arange(columns)[None, :]
    w = np.zeros((rows, columns))
    w[column == row if form == "diagonal" else column >= row] = tensors[f"layers.{i}.weight.{form}"]
    return w


def read_idx(path):
    data = (gzip.open if path.endswith(".gz") else open)(path, "rb").read()
    assert data[:3] == b"\0\0\x08", "an IDX file of bytes"
    shape = struct.unpack(f">{data[3]}I", data[4:4 + 4 * data[3]])
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape[0], -1)


def gate(radial, t):
    m = np.sqrt(np.maximum(t, FLOOR) if radial in ("log", "softsign") else t)
    return np.divide(SIGMA[radial](m), m, out=np.ones_like(m), where=m > 0)


def logits(about, tensors, x):
    """x: raw values, one sample a row."""
    h, s = (x - tensors["input.mean"]) * tensors["input.scale"], None
    for i, groups in enumerate(about["groups"] + [None]):
        z = h @ weight(about, tensors, i).T + tensors[f"layers.{i}.bias"]
        if f"layers.{i}.psi" in tensors:
            z += s @ tensors[f"layers.{i}.psi"].T
        if f"layers.{i}.chi" in tensors:
            z += (1 / s - 1) @ tensors[f"layers.{i}.chi"].T
        if groups is None:
            return z
        radial = about["radial"] if isinstance(about["radial"], str) else about["radial"][i]
        begins = np.cumsum([0] + groups[:-1])
        t = tensors[f"layers.{i}.intrinsic_length"] + np.add.reduceat(z * z, begins, axis=1)
        s = gate(radial, t)
        h = z * np.repeat(s, groups, axis=1)


def task_logits(about, tensors, x, name):
    """Of one task: x has the inputs that it reads; the others are absent, 0 when standardised."""
    tasks = {task["name"]: task for task in about["tasks"]}
    read = np.concatenate([np.full(entry["size"], entry["name"] in tasks[name]["inputs"]) for entry in about["inputs"]])
    whole = np.tile(tensors["input.mean"], (len(x), 1))
    whole[:, read] = x
    answers = np.concatenate([np.full(len(task["outputs"]), task["name"] == name) for task in about["tasks"]])
    return logits(about, tensors, whole)[:, answers]


if __name__ == "__main__":
    model, images, out, *more = sys.argv[1:]
    samples = read_idx(images)[:int(more[0]) if more else None]
    compute = task_logits if len(more) > 1 else logits
    rows = compute(*read_model(model), samples, *more[1:])
    with open(out, "w") as file:
        file.writelines(",".join(repr(float(y)) for y in row) + "\n" for row in rows)
