#!/usr/bin/env python3
"""PyTorch → Isoform → edits → ONNX: writes ONNX files of networks that came from PyTorch and were edited, and beside each what PyTorch
computed of the network as it was.

    from_pytorch.py PROGRAM FOLDER

Exits with 77 where there is no torch.
"""
import json
import pathlib
import struct
import subprocess
import sys

try:
    import torch
except ImportError:
    print("from_pytorch: torch is not installed (Debian: apt install python3-torch); this part is left out")
    sys.exit(77)

PROGRAM, FOLDER = sys.argv[1], pathlib.Path(sys.argv[2])
SAMPLES = 24


def save_safetensors(state, path):
    """A state dict as the safetensors package writes it."""
    header, data = {}, b""
    for name, tensor in state.items():
        piece = tensor.detach().contiguous().numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(piece)]}
        data += piece
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def isoform(*words):
    subprocess.run([PROGRAM, *map(str, words)], check=True, stdout=subprocess.DEVNULL)


def main():
    for seed in range(6):
        torch.manual_seed(seed)
        widths = [5 + seed, 16, 12, 4]
        layers = []
        for a, b in zip(widths, widths[1:]):
            layers += [torch.nn.Linear(a, b), torch.nn.Tanh()]
        network = torch.nn.Sequential(*layers[:-1])
        x = 2 * torch.randn(SAMPLES, widths[0])
        x[0] = 0
        y = network(x).detach()
        at = [FOLDER / f"torch-{seed}-{step}.safetensors" for step in range(6)]
        save_safetensors(network.state_dict(), at[0])
        isoform("import", at[0], "-o", at[1], "--activation", "tanh")
        isoform("edit", at[1], at[2], "--layer", 1, "--grow", 8, "--seed", seed)
        isoform("edit", at[2], at[3], "--layer", 2, "--grow", 6, "--group-size", 6, "--seed", seed)
        isoform("edit", at[3], at[4], "--layer", 1, "--rotate", "random", "--seed", seed)
        isoform("edit", at[4], at[3], "--layer", 2, "--rotate", "random", "--seed", seed)
        isoform("sparsify", at[3], at[5], "--quiet")
        name = f"pytorch-{seed}"
        isoform("export", at[5], FOLDER / f"{name}.onnx")
        case = {"samples": SAMPLES,
                "inputs": {"input": {"width": widths[0], "numbers": x.flatten().tolist()}},
                "outputs": {"task": {"width": widths[-1], "numbers": y.flatten().tolist()}}}
        (FOLDER / f"{name}.json").write_text(json.dumps(case))
    print("from_pytorch: 6 networks of PyTorch, imported, grown, turned, sparsified, exported")


main()
