"""The verb data: what sets there are, and whether they are whole."""
import json
import os

from support import Case


def ppm(colour):
    return b"P6 2 2 255\n" + bytes(colour) * 4


class Data(Case):
    def environment(self):
        # Nothing of this user's but the folder of the test is looked at.
        return {**super().environment(), "ISOFORM_DATA_DIR": str(self.folder / "sets"), "HOME": str(self.folder),
                "XDG_DATA_HOME": str(self.folder)}

    def write(self, name, content, size=None):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        if size:
            os.truncate(path, size)

    def listed(self):
        return {entry["name"]: entry for entry in json.loads(self.works("data", "list", "--json").out)}

    def test_list(self):
        entries = self.listed()
        self.assertEqual(sorted(entries), ["caltech-256", "cifar-10", "cifar-100", "emnist-a-j", "fashion-mnist", "mnist"])
        self.assertFalse(entries["cifar-10"]["installed"])
        self.assertEqual(entries["cifar-10"]["image"], [32, 32, 3])
        self.assertEqual((entries["cifar-10"]["train"], entries["cifar-10"]["test"]), (50000, 10000))
        self.assertEqual((entries["caltech-256"]["samples"], entries["caltech-256"]["class_count"]), (30607, 257))
        text = self.works("data", "list").out
        for word in ("cifar-100", "32×32 colour", "To get those that are missing", "cifar-10-binary.tar.gz", "--data FOLDER"):
            self.assertIn(word, text)

    def test_list_looks_for_all_files(self):
        for i in range(1, 6):
            self.write(f"sets/cifar-10-batches-bin/data_batch_{i}.bin", b"")
        self.assertFalse(self.listed()["cifar-10"]["installed"])
        self.write("sets/cifar-10-batches-bin/test_batch.bin", b"")
        self.assertTrue(self.listed()["cifar-10"]["installed"])

    def test_check(self):
        for i in range(1, 6):
            self.write(f"sets/data_batch_{i}.bin", b"", 30730000)
        self.refuses(1, "data", "check", "cifar-10", says=("cifar-10 (test part)", "none of its files", "cifar-10-binary.tar.gz"))
        self.write("sets/test_batch.bin", b"", 30729999)
        self.refuses(1, "data", "check", "cifar-10", says=("test_batch.bin", "30730000", "got 30729999", "fetch it again"))
        self.write("sets/test_batch.bin", b"", 30730000)
        out = self.works("data", "check", "cifar-10").out
        self.assertIn("50,000 samples of 3072 features, 10 classes: complete, sizes right", out)

    def test_check_of_a_folder_of_pictures(self):
        for name, colour in (("red", (200, 0, 0)), ("blue", (0, 0, 200))):
            for i in range(10):
                self.write(f"mine/{name}/{i}.ppm", ppm(colour))
        out = self.works("data", "check", "mine").out
        self.assertIn("mine train  16 samples of 12288 features, 2 classes: complete\n", out)
        self.assertIn("mine test   4 samples", out)
        self.write("mine/red/3.ppm", ppm((1, 2, 3))[:-1])
        self.refuses(1, "data", "check", "mine", says=("mine/red/3.ppm: cut short", "replace the file"))
