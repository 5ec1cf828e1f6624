#!/usr/bin/env python3
"""ONNX's own checker, with the inference of shapes, on every network that was exported into a folder: check_model.py FOLDER. Exits with 77 where Python has no onnx."""
import pathlib
import sys

try:
    import onnx
    import onnx.checker
    import onnx.shape_inference
except ImportError:
    print("check_model: onnx is not installed (Debian: apt install python3-onnx); this part is left out")
    sys.exit(77)


def main():
    # Those called foreign are written as other programs do, for import: without shapes.
    files = sorted(path for path in pathlib.Path(sys.argv[1]).glob("*.onnx") if "foreign" not in path.name)
    failed = []
    for path in files:
        try:
            onnx.checker.check_model(str(path), full_check=True)
            model = onnx.shape_inference.infer_shapes(onnx.load(str(path)), strict_mode=True, data_prop=True)
            # What is inferred of the outputs is what the file says of them: batch is free, the rest is not.
            for output in model.graph.output:
                dims = [dim.dim_param or dim.dim_value for dim in output.type.tensor_type.shape.dim]
                if len(dims) != 2 or dims[0] != "batch" or not isinstance(dims[1], int) or dims[1] < 1:
                    raise ValueError(f"output {output.name} has the shape {dims}")
        except Exception as error:  # the checker has many kinds
            failed.append(f"{path.name}: {error}")
    print(f"onnx {onnx.__version__}: {len(files)} networks, {len(failed)} failed its checker")
    print("\n".join(failed))
    return 1 if failed or not files else 0


if __name__ == "__main__":
    sys.exit(main())
