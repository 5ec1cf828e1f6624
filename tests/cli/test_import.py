"""isoform import: networks of other programs as models."""
import json
import math
import random
import struct

from support import Case


def state_dict(path, tensors):
    """A safetensors file of {name: (shape, numbers)}."""
    header, data = {}, b""
    for name, (shape, numbers) in tensors.items():
        end = len(data) + 4 * len(numbers)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), end]}
        data += struct.pack(f"<{len(numbers)}f", *numbers)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def field(number, value):
    """A field of a protobuf message: an integer, bytes or text."""
    def varint(n):
        return bytes([n]) if n < 128 else bytes([n % 128 + 128]) + varint(n // 128)
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def onnx(path, layers, operator="Tanh"):
    """Gemm with transB, activation, Gemm …, as PyTorch exports it; layers: (rows, columns, weight, bias)."""
    def shaped(name, width):
        dims = field(1, field(2, "batch")) + field(1, field(1, width))
        return field(1, name) + field(2, field(1, field(1, 1) + field(2, dims)))
    graph, last = field(2, "net"), "x"
    for i, (rows, columns, weight, bias) in enumerate(layers):
        for name, dims, numbers in ((f"w{i}", (rows, columns), weight), (f"b{i}", (rows,), bias)):
            tensor = b"".join(field(1, dim) for dim in dims) + field(2, 1) + field(8, name)
            graph += field(5, tensor + field(9, struct.pack(f"<{len(numbers)}f", *numbers)))
        transposed = field(5, field(1, "transB") + field(3, 1) + field(20, 2))
        graph += field(1, field(1, last) + field(1, f"w{i}") + field(1, f"b{i}") + field(2, f"z{i}") +
                       field(3, f"fc{i}") + field(4, "Gemm") + transposed)
        last = f"z{i}"
        if i + 1 < len(layers):
            graph += field(1, field(1, last) + field(2, f"h{i}") + field(3, f"act{i}") + field(4, operator))
            last = f"h{i}"
    graph += field(11, shaped("x", layers[0][1])) + field(12, shaped(last, layers[-1][0]))
    path.write_bytes(field(1, 7) + field(7, graph) + field(8, field(1, "") + field(2, 13)))


class Import(Case):
    def setUp(self):
        super().setUp()
        dice = random.Random(3)
        self.layers = []
        for rows, columns in ((6, 64), (5, 6), (4, 5)):
            weight = [struct.unpack("<f", struct.pack("<f", dice.gauss(0, columns ** -0.5)))[0] for _ in range(rows * columns)]
            self.layers.append((rows, columns, weight, [dice.randrange(-8, 8) / 16 for _ in range(rows)]))
        self.write("net.safetensors", "net.{}")
        onnx(self.folder / "net.onnx", self.layers)

    def write(self, name, pattern):
        tensors = {}
        for i, (rows, columns, weight, bias) in enumerate(self.layers):
            tensors[pattern.format(2 * i) + ".weight"] = ((rows, columns), weight)
            tensors[pattern.format(2 * i) + ".bias"] = ((rows,), bias)
        state_dict(self.folder / name, tensors)

    def expected(self, pixels, mean, deviation):
        h = [(p - mean) / deviation for p in pixels]
        for i, (rows, columns, weight, bias) in enumerate(self.layers):
            h = [sum(w * x for w, x in zip(weight[r * columns:], h)) + bias[r] for r in range(rows)]
            h = [math.tanh(z) for z in h] if i + 1 < len(self.layers) else h
        return h

    def test_the_model_computes_the_network(self):
        self.works("import", "net.safetensors", "-o", "m.safetensors", "--activation", "tanh", "--mean", 100,
                   "--deviation", 50)
        pixels = (self.data / "t10k-images-idx3-ubyte").read_bytes()[16:]
        images = [pixels[64 * i:64 * (i + 1)] for i in range(20)]
        self.assert_close([self.expected(image, 100, 50) for image in images], self.logits("m.safetensors")[:20], 1e-5)

    def test_both_formats_give_the_same_file(self):
        told = self.works("import", "net.safetensors", "-o", "a.safetensors", "--activation", "tanh").out
        self.assertIn("layers      64-6-5-4, tanh, groups of one", told)
        told = json.loads(self.works("import", "net.onnx", "--out", "b.safetensors", "--json").out)
        self.assertEqual((told["widths"], told["task"], told["loss"]), ([64, 6, 5, 4], "task", "cross_entropy"))
        self.assertEqual(self.bytes_of("a.safetensors"), self.bytes_of("b.safetensors"))
        about = self.about("a.safetensors")
        self.assertEqual(about["groups"], [[1] * 6, [1] * 5])
        self.assertEqual(about["intrinsic_length_mode"], "none")

    def test_it_is_a_model_like_any_other(self):
        self.works("import", "net.onnx", "-o", "m.safetensors", "--name", "patterns", "--class-names", "a,b,c,d",
                   "--mean", 100, "--deviation", 50)
        self.assertEqual(self.about("m.safetensors")["tasks"][0]["outputs"], ["a", "b", "c", "d"])
        before = self.logits("m.safetensors")
        self.works("edit", "m.safetensors", "grown.safetensors", "--layer", 1, "--grow", 2, "--group-size", 1)
        self.assert_close(before, self.logits("grown.safetensors"), 1e-5)
        self.works("inspect", "m.safetensors")
        self.works("shrink", "m.safetensors", "small.safetensors", "--tolerance", 0.3, "--data", self.data)

    def test_refusals(self):
        onnx(self.folder / "relu.onnx", self.layers, "Relu")
        (self.folder / "text.onnx").write_text("hello")
        (self.folder / "net.pt").write_text("")
        tanh = ("--activation", "tanh")
        for code, words, says in (
                (2, ("net.safetensors",), "add --activation tanh"),
                (2, ("net.safetensors", "--activation", "tanhh"), "did you mean tanh?"),
                (2, ("net.onnx", *tanh), "leave it out"),
                (1, ("relu.onnx",), ("node 'act0' ('Relu') cannot be imported", "only Tanh and Asinh")),
                (1, ("text.onnx",), "not an ONNX file"),
                (1, ("gone.onnx",), "No such file"),
                (2, ("net.pt",), "can run code"),
                (2, ("net.onnx", "--class-names", "a,b"), "each of 4 outputs, got 2"),
                (2, ("net.onnx", "--class-names", "a,,b,c"), "one comma between"),
                (2, ("net.onnx", "--loss", "hinge"), "'hinge' is unknown"),
                (2, ("net.onnx", "--mean", "1,2"), "1 for each of the 64 inputs"),
                (2, ("net.onnx", "--activaton", "tanh"), "did you mean --activation?")):
            with self.subTest(words):
                self.refuses(code, "import", *words, "-o", "m.safetensors", says=says)
        self.refuses(2, "import", "net.onnx", says="--out")
        before = self.bytes_of("net.safetensors")
        self.refuses(2, "import", "net.safetensors", "-o", "net.safetensors", *tanh, says="another file than the network")
        self.assertEqual(self.bytes_of("net.safetensors"), before)
        self.refuses(1, "import", "net.onnx", "-o", "nowhere/m.safetensors", says="nowhere")
        self.works("import", "net.onnx", "-o", "m.safetensors")
        self.refuses(2, "import", "m.safetensors", "-o", "n.safetensors", *tanh, says="a model file of Isoform already")
