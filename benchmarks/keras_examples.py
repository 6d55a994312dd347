"""Keras's own example scripts, run by Keras and by glassgrad side by side.

    python benchmarks/keras_examples.py SCRIPTS --keras PYTHON --mnist FOLDER

SCRIPTS is a folder with the scripts of the table below, copied from the public repositories
keras-team/keras-io and keras-team/keras (see README.md beside this file); they are no part of this
one. PYTHON is an interpreter that has Keras 3 with its PyTorch backend, and what the scripts
import: pandas and matplotlib. FOLDER holds the four files of MNIST.

Of a script only imports and the places of data are changed, and sizes that are named in the table,
for both packages alike. Each runs once for every seed, in a process and a folder of its own, on one
thread. The result is a table in Markdown on the standard output.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import numpy as np

# ---- data in the place of downloads: the same columns, with a relation that can be learnt


def credit_cards(folder: Path) -> None:
    """creditcard.csv: time, 28 features, amount, class; one transaction in 50 is a fraud."""
    random = np.random.default_rng(0)
    features = random.normal(size=(30_000, 28))
    score = features[:, :4].sum(axis=1) + 0.5 * features[:, 4] * features[:, 5]
    is_fraud = score + random.normal(size=len(score)) > np.quantile(score, 0.985)
    seconds, amounts = np.arange(len(score)), random.exponential(80, len(score)).round(2)
    names = ["Time", *(f"V{number}" for number in range(1, 29)), "Amount", "Class"]
    lines = [",".join(f'"{name}"' for name in names)]
    for second, row, amount, fraud in zip(seconds, features, amounts, is_fraud, strict=True):
        values = ",".join(f"{value:.6f}" for value in row)
        lines.append(f'{second},{values},{amount},"{int(fraud)}"')
    (folder / "creditcard.csv").write_text("\n".join(lines) + "\n")


def houses(folder: Path) -> None:
    """boston_housing.npz: 506 rows of 13 features with the ranges of the original, and a price."""
    random = np.random.default_rng(0)
    lowest = np.array([0, 0, 0.5, 0, 0.4, 3.5, 3, 1, 1, 187, 12, 0.3, 2])
    highest = np.array([20, 100, 28, 1, 0.9, 9, 100, 12, 24, 711, 22, 397, 38])
    share = random.beta(2, 2, size=(506, 13))
    price = 22 + 25 * (share[:, 5] - 0.5) - 20 * (share[:, 12] - 0.5) - 8 * (share[:, 0] - 0.5)
    price = np.clip(price + 2 * random.normal(size=506), 5, 50)
    np.savez(folder / "boston_housing.npz", x=lowest + share * (highest - lowest), y=price)


def ratings(folder: Path) -> None:
    """ml-latest-small: 20,000 ratings of 800 films by 300 people, made of four hidden tastes."""
    random = np.random.default_rng(0)
    people, films = random.normal(size=(300, 4)), random.normal(size=(800, 4))
    who, what = random.integers(300, size=20_000), random.integers(800, size=20_000)
    liking = (people[who] * films[what]).sum(axis=1) + 2 * films[what, 0]
    stars = np.clip(np.round(2 * (3.2 + 0.5 * liking)) / 2, 0.5, 5)
    rows = zip(who + 1, what * 7 + 1, stars, strict=True)
    titles = (f"{film * 7 + 1},Film {film},Drama" for film in range(800))
    files = {
        "ratings.csv": ["userId,movieId,rating,timestamp", *(f"{a},{b},{c},0" for a, b, c in rows)],
        "movies.csv": ["movieId,title,genres", *titles],
    }
    with ZipFile(folder / "ml-latest-small.zip", "w") as archive:
        for name, lines in files.items():
            archive.writestr(f"ml-latest-small/{name}", "\n".join(lines) + "\n")


# ---- the table


@dataclass(frozen=True)
class Example:
    """A script, what stands for its data, and where its results are found.

    Args:
        path: of the script in its public repository; a copy of that name lies in the folder.
        results: expressions in the script's variables, by name, evaluated after it has run.
        places: of data: text of the script, and what stands for it.
        sizes: likewise, numbers that are made smaller so that all examples run in minutes.
        prepare: writes data into the folder that the script runs in.
    """

    path: str
    results: Mapping[str, str]
    places: Sequence[tuple[str, str]] = ()
    sizes: Sequence[tuple[str, str]] = ()
    prepare: Callable[[Path], None] | None = None

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return Path(self.path).stem


STRUCTURED, RECIPES = "keras-io/examples/structured_data", "keras-io/examples/keras_recipes"
EXAMPLES = (
    Example(
        f"{STRUCTURED}/imbalanced_classification.py",
        {
            "validation recall": "model.history.history['val_recall'][-1]",
            "validation precision": "model.history.history['val_precision'][-1]",
        },
        places=[("/Users/fchollet/Downloads/creditcard.csv", "creditcard.csv")],
        sizes=[("epochs=30", "epochs=10")],
        prepare=credit_cards,
    ),
    Example(
        f"{STRUCTURED}/regression_boston_housing.py",
        {"test mean absolute error": "mae"},
        places=[
            (
                "tf.keras.datasets.boston_housing.load_data(\n"
                '    path="boston_housing.npz", test_split=0.3, seed=42\n'
                ")",
                "(lambda a: ((a['x'][:354], a['y'][:354]), (a['x'][354:], a['y'][354:])))"
                "(__import__('numpy').load('boston_housing.npz'))",
            )
        ],
        prepare=houses,
    ),
    Example(
        f"{STRUCTURED}/collaborative_filtering_movielens.py",
        {
            "training loss": "history.history['loss'][-1]",
            "validation loss": "history.history['val_loss'][-1]",
        },
        places=[
            (
                "keras.utils.get_file(\n"
                '    "ml-latest-small.zip", movielens_data_file_url, extract=False\n'
                ")",
                '"ml-latest-small.zip"',
            )
        ],
        prepare=ratings,
    ),
    Example(
        f"{RECIPES}/antirectifier.py",
        {"test accuracy": "model.evaluate(x_test, y_test, verbose=0)[1]"},
        sizes=[("epochs = 20", "epochs = 2")],
    ),
    Example(
        "keras/examples/mnist_mlp.py",
        {"test accuracy": "score[1]"},
        sizes=[("epochs = 20", "epochs = 2")],
    ),
    Example(
        "keras/examples/demo_functional.py",
        {
            "validation mean squared error": "history.history['val_mse'][-1]",
            "mean squared error": "scores['mse']",
        },
        sizes=[("50000", "10000"), ("epochs = 5", "epochs = 2")],
    ),
    Example(
        "keras/examples/demo_subclass.py",
        {"validation mean squared error": "history.history['val_mean_squared_error'][-1]"},
        sizes=[("50000", "10000")],
    ),
    Example(
        "keras/examples/demo_custom_layer_backend_agnostic.py",
        {"mean squared error": "history.history['mean_squared_error'][-1]"},
        sizes=[("50000", "10000")],
    ),
    Example(
        "keras/guides/writing_your_own_callbacks.py",
        {"training mean absolute error": "model.history.history['mean_absolute_error'][-1]"},
    ),
    Example(
        "keras/guides/making_new_layers_and_models_via_subclassing.py",
        {"loss of the autoencoder": "vae.history.history['loss'][-1]"},
        sizes=[("vae.fit(x_train, x_train, epochs=2", "vae.fit(x_train, x_train, epochs=1")],
    ),
)

# ---- changing imports

_IMPORTS = (
    (r"^import tensorflow as tf\n", ""),
    (r"^from tensorflow import keras$", "import keras"),
    (r"^(from|import) tensorflow\.keras\b", r"\1 keras"),
)
_TO_GLASSGRAD = (
    (r"^import keras$", "import glassgrad as keras"),
    (r"^import keras\.(\w+) as", r"import glassgrad.\1 as"),
    (r"^from keras\b", "from glassgrad"),
)


def rewritten(source: str, example: Example, package: str) -> str:
    """The script for a package.

    Raises:
        ValueError: the script lacks a text that the table replaces: it is another version.
    """
    for old, new in (*example.places, *example.sizes):
        if old not in source:
            raise ValueError(f"{example.name} does not contain {old!r}: it is another version.")
        source = source.replace(old, new)
    for pattern, new in (*_IMPORTS, *(_TO_GLASSGRAD if package == "glassgrad" else ())):
        source = re.sub(pattern, new, source, flags=re.MULTILINE)
    return source


# ---- running

# What runs in the process of a script. Keras gets MNIST from the same files.
CHILD = """
import gzip, importlib, json, pathlib, random, sys
import numpy

package, script, seed, results, mnist = json.loads(sys.argv[1])
keras = importlib.import_module(package)
if package == "keras":
    def read(name):
        file = next(pathlib.Path(mnist).glob(name + "*"))
        data = (gzip.open if file.suffix == ".gz" else open)(file, "rb").read()
        axes = data[3]
        shape = numpy.frombuffer(data, ">i4", axes, 4)
        return numpy.frombuffer(data, "uint8", offset=4 + 4 * axes).reshape(shape)

    keras.datasets.mnist.load_data = lambda: (
        (read("train-images"), read("train-labels")), (read("t10k-images"), read("t10k-labels"))
    )
keras.utils.set_random_seed(seed)
numpy.random.seed(seed)
random.seed(seed)
space = {"__name__": "__main__"}
exec(compile(pathlib.Path(script).read_text(), script, "exec"), space)
found = {name: float(eval(expression, space)) for name, expression in results.items()}
print(json.dumps(found))
"""
ONE_THREAD = {"GLASSGRAD_THREADS": "1", "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"}


@dataclass(frozen=True)
class Setting:
    """Where scripts, interpreters and data are."""

    scripts: Path
    interpreters: Mapping[str, str]
    mnist: Path
    seconds: float


def run(example: Example, package: str, seed: int, setting: Setting) -> dict[str, float]:
    """The results of a script.

    Raises:
        RuntimeError: it failed; the message is the end of what it wrote.
    """
    source = (setting.scripts / Path(example.path).name).read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if example.prepare is not None:
            example.prepare(folder)
        script = folder / Path(example.path).name
        script.write_text(rewritten(source, example, package), encoding="utf-8")
        request = [package, str(script), seed, dict(example.results), str(setting.mnist)]
        done = subprocess.run(
            [setting.interpreters[package], "-c", CHILD, json.dumps(request)],
            capture_output=True,
            text=True,
            cwd=folder,
            env={
                **os.environ,
                **ONE_THREAD,
                "KERAS_BACKEND": "torch",
                "GLASSGRAD_DATA": str(setting.mnist),
            },
            timeout=setting.seconds,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(f"{example.name} under {package}:\n{done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


# ---- comparing


def is_within_noise(ours: Sequence[float], theirs: Sequence[float]) -> bool:
    """Whether two means differ by no more than two standard errors, or than the seeds' spread."""
    difference = abs(statistics.fmean(ours) - statistics.fmean(theirs))
    errors = math.hypot(*(_deviation(values) / math.sqrt(len(values)) for values in (ours, theirs)))
    spread = max(max(values) - min(values) for values in (ours, theirs))
    return difference <= max(2 * errors, spread)


def _deviation(values: Sequence[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else 0.0


def _cell(values: Sequence[float]) -> str:
    return f"{statistics.fmean(values):.4g} ± {_deviation(values):.2g}"


def rows(example: Example, seeds: Sequence[int], setting: Setting) -> Iterator[str]:
    """The lines of the table for a script: one for each result."""
    found: dict[str, list[dict[str, float]]] = {}
    for package in ("keras", "glassgrad"):
        try:
            found[package] = [run(example, package, seed, setting) for seed in seeds]
        except (OSError, ValueError, RuntimeError, subprocess.TimeoutExpired) as error:
            print(error, file=sys.stderr)
            yield f"| {example.name} | | | | {package} fails: see the messages |"
            return
    for name in example.results:
        theirs, ours = ([one[name] for one in found[p]] for p in ("keras", "glassgrad"))
        verdict = "within noise" if is_within_noise(ours, theirs) else "**differs**"
        yield f"| {example.name} | {name} | {_cell(theirs)} | {_cell(ours)} | {verdict} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the table; 0 when every result of every script is within noise."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("scripts", type=Path, help="folder with the scripts")
    parser.add_argument("--keras", required=True, help="an interpreter with Keras 3 and PyTorch")
    parser.add_argument("--glassgrad", default=sys.executable, help="one with glassgrad")
    parser.add_argument("--mnist", type=Path, required=True, help="folder with MNIST's four files")
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds")
    parser.add_argument("--only", nargs="*", default=[], help="names of scripts")
    parser.add_argument("--seconds", type=float, default=3600, help="limit for one run")
    given = parser.parse_args(arguments)
    setting = Setting(
        given.scripts.resolve(),
        {"keras": given.keras, "glassgrad": given.glassgrad},
        given.mnist.resolve(),
        given.seconds,
    )
    chosen = [example for example in EXAMPLES if not given.only or example.name in given.only]
    print("| script | result | Keras | glassgrad | |\n|---|---|---|---|---|")
    is_alike = True
    for example in chosen:
        for row in rows(example, range(1, given.seeds + 1), setting):
            is_alike &= "within noise" in row
            print(row, flush=True)
    return 0 if is_alike else 1


if __name__ == "__main__":
    sys.exit(main())
