#!/usr/bin/env python3
"""Makes a wheel of this build by pip, installs it into a fresh environment and uses it from elsewhere: wheel.py SOURCE BUILD WORK.

Nothing is fetched: dependencies are those of the system. Exit code 77 (skipped) without pip.
"""
import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import venv

USE = """
import pathlib, pickle, sys
import numpy as np
import isoform
assert pathlib.Path(sys.prefix) in pathlib.Path(isoform.__file__).parents, isoform.__file__
dice = np.random.default_rng(0)
X = dice.normal(size=(200, 3))
y = np.where(X[:, 0] * X[:, 1] > 0, "yes", "no")
run = isoform.fit(X, y, epochs=5)
run.model.grow(1, 4)
run.model.save("model.safetensors")
assert (isoform.load("model.safetensors").predict(X) == run.model.predict(X)).all()
try:
    import sklearn
except ImportError:
    pass
else:
    from isoform.sklearn import IsoformClassifier
    estimator = IsoformClassifier(epochs=5).fit(X, y)
    assert (pickle.loads(pickle.dumps(estimator)).predict(X) == estimator.predict(X)).all()
print(isoform.__version__, isoform.__file__)
"""


def run(*words, **options):
    print("$", *words, flush=True)
    subprocess.run([str(word) for word in words], check=True, **options)


def main():
    source, build, work = (pathlib.Path(word).resolve() for word in sys.argv[1:])
    if importlib.util.find_spec("pip") is None:
        print("skipped: there is no pip for", sys.executable, "(Debian: apt install python3-pip)")
        sys.exit(77)
    shutil.rmtree(work, ignore_errors=True)
    elsewhere = work / "elsewhere"
    elsewhere.mkdir(parents=True)
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    quiet = ["--no-index", "--no-deps", "--disable-pip-version-check"]
    run(sys.executable, "-m", "pip", "wheel", source, "--no-build-isolation", *quiet, "--wheel-dir", work,
        "--config-settings", f"build-dir={build}", cwd=elsewhere, env=env)
    (wheel,) = work.glob("isoform-*.whl")
    venv.create(work / "venv", system_site_packages=True)
    python = work / "venv" / "bin" / "python"
    run(python, "-m", "pip", "install", *quiet, wheel, cwd=elsewhere, env=env)
    run(python, "-c", USE, cwd=elsewhere, env=env)
    run(python, "-m", "pip", "show", "isoform", cwd=elsewhere, env=env)

    # What a source distribution holds is what git knows; one without git is made of what lies there by whoever packs it.
    if (source / ".git").exists():
        sys.path.insert(0, str(source / "python"))
        import backend
        with tarfile.open(work / backend.build_sdist(str(work))) as archive:
            names = {name.split("/", 1)[1] for name in archive.getnames()}
        assert {"pyproject.toml", "CMakeLists.txt", "python/backend.py", "PKG-INFO", "isoform/network/network.h"} <= names


if __name__ == "__main__":
    main()
