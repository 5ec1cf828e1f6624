"""Builds wheels with CMake, by the protocol of PEP 517 and with nothing but the standard library.

    pip install . --no-build-isolation
    pip wheel . --no-build-isolation --no-deps

The build folder is build/wheel, kept for the next time; ISOFORM_CMAKE_ARGUMENTS are handed to CMake. A folder that is built already, for the same
interpreter, is taken with --config-settings build-dir=build/release (or ISOFORM_BUILD_DIR), so that nothing is compiled twice.
"""
import base64
import hashlib
import os
import pathlib
import re
import shlex
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


def _version():
    text = (ROOT / "CMakeLists.txt").read_text()
    return re.search(r"project\(isoform VERSION ([0-9.]+)", text).group(1)


def _metadata():
    return "\n".join([
        "Metadata-Version: 2.1", "Name: isoform", f"Version: {_version()}",
        "Summary: Neural networks that change their own shape while they learn", "License: Apache-2.0",
        "Requires-Python: >=3.9", "Requires-Dist: numpy", "Provides-Extra: sklearn",
        'Requires-Dist: scikit-learn; extra == "sklearn"', "Provides-Extra: plot",
        'Requires-Dist: matplotlib; extra == "plot"', "Description-Content-Type: text/markdown", "",
        (ROOT / "README.md").read_text()])


def _tag():
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    return f"{python}-{python}-{re.sub('[-.]', '_', sysconfig.get_platform())}"


def _tree(config_settings):
    """The build folder, and whether it is somebody else's, configured already."""
    named = (config_settings or {}).get("build-dir") or os.environ.get("ISOFORM_BUILD_DIR")
    if not named:
        return ROOT / "build" / "wheel", False
    tree = pathlib.Path(named) if pathlib.Path(named).is_absolute() else ROOT / named
    if not (tree / "CMakeCache.txt").exists():
        sys.exit(f"build-dir: '{tree}' holds no build; configure it first, or leave build-dir out")
    return tree, True


def _build(prefix, config_settings):
    build, there = _tree(config_settings)
    if not there:
        subprocess.run(["cmake", "-S", ROOT, "-B", build, "-DCMAKE_BUILD_TYPE=Release", "-DISOFORM_BUILD_PYTHON=ON",
                        f"-DPython_EXECUTABLE={sys.executable}",
                        *[f"-DISOFORM_BUILD_{part}=OFF" for part in ("CLI", "TESTS", "EXAMPLES", "BENCH")],
                        *shlex.split(os.environ.get("ISOFORM_CMAKE_ARGUMENTS", ""))], check=True, stdout=sys.stderr)
    subprocess.run(["cmake", "--build", build, "--target", "isoform_python", "--parallel"], check=True, stdout=sys.stderr)
    subprocess.run(["cmake", "--install", build, "--component", "python", "--prefix", prefix, "--strip"], check=True,
                   stdout=sys.stderr)
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    if not pathlib.Path(prefix, "isoform", f"_isoform{suffix}").exists():
        sys.exit(f"'{build}' was built for another Python than {sys.executable}; configure it with -DPython_EXECUTABLE={sys.executable}")


def get_requires_for_build_wheel(config_settings=None):
    return []


def get_requires_for_build_sdist(config_settings=None):
    return []


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    info = f"isoform-{_version()}.dist-info"
    folder = pathlib.Path(metadata_directory, info)
    folder.mkdir()
    (folder / "METADATA").write_text(_metadata())
    return info


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    info = f"isoform-{_version()}.dist-info"
    name = f"isoform-{_version()}-{_tag()}.whl"
    with tempfile.TemporaryDirectory() as prefix:
        _build(prefix, config_settings)
        files = {path.relative_to(prefix).as_posix(): path.read_bytes()
                 for path in sorted(pathlib.Path(prefix, "isoform").rglob("*")) if path.is_file()}
    files[f"{info}/METADATA"] = _metadata().encode()
    files[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: isoform\nRoot-Is-Purelib: false\nTag: {_tag()}\n".encode()
    files[f"{info}/LICENSE"] = (ROOT / "LICENSE").read_bytes()
    record = []
    with zipfile.ZipFile(pathlib.Path(wheel_directory, name), "w", zipfile.ZIP_DEFLATED) as wheel:
        for path, data in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record.append(f"{path},sha256={digest},{len(data)}")
            wheel.writestr(zipfile.ZipInfo(path), data, zipfile.ZIP_DEFLATED)
        record.append(f"{info}/RECORD,,\n")
        wheel.writestr(zipfile.ZipInfo(f"{info}/RECORD"), "\n".join(record))
    return name


def build_sdist(sdist_directory, config_settings=None):
    base = f"isoform-{_version()}"
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\n")
    with tarfile.open(pathlib.Path(sdist_directory, f"{base}.tar.gz"), "w:gz") as archive:
        for path in filter(None, listed):
            archive.add(ROOT / path, f"{base}/{path}", recursive=False)
        with tempfile.NamedTemporaryFile("w", suffix="PKG-INFO") as info:
            info.write(_metadata())
            info.flush()
            archive.add(info.name, f"{base}/PKG-INFO")
    return f"{base}.tar.gz"
