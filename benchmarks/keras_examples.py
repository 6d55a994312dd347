"""Keras's own example scripts, run by Keras and by glassgrad side by side.

    python benchmarks/keras_examples.py SCRIPTS --keras PYTHON --mnist FOLDER

SCRIPTS is a folder with the scripts of the table below, copied from the public repositories
keras-team/keras-io and keras-team/keras (see README.md beside this file); they are no part of this
one. PYTHON is an interpreter that has Keras 3 with its PyTorch backend, and what the scripts
import: pandas, matplotlib and scikit-learn. FOLDER holds the four files of MNIST.

Of a script only imports and the places of data are changed; and, for both packages alike, sizes
that are named in the table, and what Keras 3 itself does not take any more. Each runs once for
every seed, in a process and a folder of its own, on one thread; with more seeds where a few do not
settle whether the results are alike. The result is a table in Markdown on the standard output.
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
from typing import TypeAlias
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


_COLUMNS = {  # of the census; numbers where there is a deviation, else values
    "age": (40, 12), "workclass": ["Private", "State-gov", "Self-emp"], "fnlwgt": (190_000, 9_000),
    "education": ["Bachelors", "HS-grad", "Masters", "11th"], "education_num": (10, 3),
    "marital_status": ["Married", "Never-married", "Divorced"],
    "occupation": ["Sales", "Craft-repair", "Exec-managerial", "Other-service"],
    "relationship": ["Husband", "Wife", "Own-child", "Not-in-family"],
    "race": ["White", "Black", "Other"], "gender": ["Male", "Female"],
    "capital_gain": (500, 300), "capital_loss": (80, 40), "hours_per_week": (40, 10),
    "native_country": ["United-States", "Mexico", "Germany", "Canada", "India"],
}  # fmt: skip


def census(folder: Path) -> None:
    """adult.data and adult.test: 6,000 and 2,000 people; income follows from seven columns."""
    random = np.random.default_rng(0)
    rows, columns, score = 8_000, [], np.zeros(8_000)
    for name, values in _COLUMNS.items():
        if isinstance(values, tuple):
            mean, deviation = values
            numbers = np.abs(random.normal(mean, deviation, rows)).round()
            is_telling = name in ("age", "education_num", "hours_per_week")
            score += is_telling * (numbers - mean) / deviation
            columns.append(numbers.astype(int).astype(str))
        else:
            codes = random.integers(len(values), size=rows)
            score += (name in ("marital_status", "occupation")) * (codes == 0) * 2.0
            columns.append(np.array(values)[codes])
    is_rich = score + random.normal(size=rows) > np.quantile(score, 0.7)
    columns.append(np.where(is_rich, ">50K", "<=50K"))
    lines = [", ".join(row) for row in zip(*columns, strict=True)]
    (folder / "adult.data").write_text("\n".join(lines[:6_000]) + "\n")
    test = [f"{line}." for line in lines[6_000:]]
    (folder / "adult.test").write_text("\n".join(["|1x3 Cross validator", *test]) + "\n")


# Reads what TensorFlow's reader of the script reads; the script's own functions encode it.
CENSUS_BATCHES = """
    table = pd.read_csv(csv_file_path, header=None, names=CSV_HEADER)
    order = np.random.permutation(len(table)) if shuffle else np.arange(len(table))
    columns = {
        name: table[name].to_numpy()[order].astype(
            "float32" if name in NUMERIC_FEATURE_NAMES else str
        )
        for name in FEATURE_NAMES
    }
    labels = target_label_lookup(table[TARGET_FEATURE_NAME].to_numpy()[order].astype(str))
    encoded, labels = encode_categorical(columns, labels)

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return math.ceil(len(table) / batch_size)

        def __getitem__(self, number):
            part = slice(number * batch_size, (number + 1) * batch_size)
            features = {name: np.asarray(values)[part] for name, values in encoded.items()}
            return features, np.asarray(labels)[part]

    return Batches()
"""


_NUMBERS = (0, 5, 16, 17, 18, 24, 30, 39)  # columns of census-income.data; 24 is the weight


def census_of_households(folder: Path) -> None:
    """census-income.data and .test: 41 columns of 6,000 and 2,000 people, and their income."""
    random = np.random.default_rng(0)
    rows, columns, score = 8_000, [], np.zeros(8_000)
    for place in range(41):
        if place in _NUMBERS:
            numbers = random.integers(0, 60, size=rows)
            score += (place in (0, 30, 39)) * (numbers - 30) / 15
            columns.append(numbers.astype(str))
        else:
            codes = random.integers(5, size=rows)
            score += (place in (4, 9)) * (codes == 0) * 3.0
            columns.append(np.char.add(" v", codes.astype(str)))
    is_rich = score + random.normal(size=rows) > np.quantile(score, 0.8)
    columns.append(np.where(is_rich, " 50000+.", " - 50000."))
    lines = [",".join(row) for row in zip(*columns, strict=True)]
    (folder / "census-income.data").write_text("\n".join(lines[:6_000]) + "\n")
    (folder / "census-income.test").write_text("\n".join(lines[6_000:]) + "\n")
    (folder / "downloads").mkdir()


# Again what TensorFlow's reader reads, encoded by the script's own function.
HOUSEHOLD_BATCHES = """
    table = pd.read_csv(csv_file_path, header=None, names=CSV_HEADER)
    order = np.random.permutation(len(table)) if shuffle else np.arange(len(table))
    columns = {
        name: column.to_numpy()[order].astype(
            str if name in CATEGORICAL_FEATURES_WITH_VOCABULARY else "float32"
        )
        for name, column in table.items()
    }
    features, labels, weights = process(columns, columns.pop(TARGET_FEATURE_NAME))

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return -(-len(table) // batch_size)

        def __getitem__(self, number):
            part = slice(number * batch_size, (number + 1) * batch_size)
            chosen = {name: np.asarray(values)[part] for name, values in features.items()}
            return chosen, labels[part], weights[part]

    return Batches()
"""


def products(folder: Path) -> None:
    """train.csv and test.csv: 93 counts of 6,000 and 500 products, and one of nine classes."""
    random = np.random.default_rng(0)
    classes = random.integers(9, size=6_500)
    rates = random.gamma(0.5, 1.0, size=93) * np.exp(0.4 * random.normal(size=(9, 93)))
    counts = random.poisson(rates[classes])
    names = [f"feat_{number}" for number in range(1, 94)]
    lines = [",".join(map(str, (number, *row))) for number, row in enumerate(counts.tolist(), 1)]
    train = [f"{line},Class_{kind + 1}" for line, kind in zip(lines, classes, strict=True)][:6_000]
    (folder / "train.csv").write_text(
        "\n".join([",".join(["id", *names, "target"]), *train]) + "\n"
    )
    (folder / "test.csv").write_text("\n".join([",".join(["id", *names]), *lines[6_000:]]) + "\n")


def newswires(folder: Path) -> None:
    """reuters.npz: which of 1,000 words 5,000 newswires hold, and which of 46 topics they have."""
    random = np.random.default_rng(0)
    topics = random.choice(46, size=5_000, p=np.arange(46, 0, -1) / (46 * 47 / 2))
    frequencies = np.tile(0.5 / np.arange(1, 1_001) ** 0.6, (46, 1))
    telling = random.random(frequencies.shape) < 0.03
    frequencies[telling] += 0.4
    words = random.random((5_000, 1_000)) < frequencies[topics]
    np.savez_compressed(folder / "reuters.npz", x=words, y=topics)


# The words are counted already: no tokenizer, which Keras 3 has given up.
NEWSWIRES_PLACES = (
    ("from keras.datasets import reuters\n", ""),
    ("from keras.preprocessing.text import Tokenizer\n", ""),
    (
        "reuters.load_data(num_words=max_words,\n" + 57 * " " + "test_split=0.2)",
        "(lambda a: ((a['x'][:4000], a['y'][:4000]), (a['x'][4000:], a['y'][4000:])))"
        "(np.load('reuters.npz'))",
    ),
    ("tokenizer = Tokenizer(num_words=max_words)\n", ""),
    ("tokenizer.sequences_to_matrix(x_train, mode='binary')", "x_train.astype('float32')"),
    ("tokenizer.sequences_to_matrix(x_test, mode='binary')", "x_test.astype('float32')"),
)
# Keras 3 takes no integer of NumPy as a number of units.
NEWSWIRES_EDITS = (("np.max(y_train) + 1", "int(np.max(y_train)) + 1"),)

# ---- the table


@dataclass(frozen=True)
class Example:
    """A script, what stands for its data, and where its results are found.

    Args:
        path: of the script in its public repository; a copy of that name lies in the folder.
        results: expressions in the script's variables, by name, evaluated after it has run.
        places: of data: text of the script, and what stands for it.
        sizes: likewise, numbers that are made smaller so that all examples run in minutes.
        edits: likewise, what Keras 3 does not take any more, or takes with another backend only.
        prepare: writes data into the folder that the script runs in.
    """

    path: str
    results: Mapping[str, str]
    places: Sequence[tuple[str, str]] = ()
    sizes: Sequence[tuple[str, str]] = ()
    edits: Sequence[tuple[str, str]] = ()
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
        f"{STRUCTURED}/deep_neural_decision_forests.py",
        {
            "test accuracy of the tree": "tree_model.evaluate(get_dataset_from_csv("
            "test_data_file), verbose=0)[1]",
            "test accuracy of the forest": "forest_model.evaluate(get_dataset_from_csv("
            "test_data_file), verbose=0)[1]",
        },
        places=[
            ("https://archive.ics.uci.edu/ml/machine-learning-databases/adult/", ""),
            ("from tensorflow import data as tf_data\n", ""),
            (
                """
    dataset = (
        tf_data.experimental.make_csv_dataset(
            csv_file_path,
            batch_size=batch_size,
            column_names=CSV_HEADER,
            column_defaults=COLUMN_DEFAULTS,
            label_name=TARGET_FEATURE_NAME,
            num_epochs=1,
            header=False,
            na_value="?",
            shuffle=shuffle,
        )
        .map(lambda features, target: (features, target_label_lookup(target)))
        .map(encode_categorical)
    )

    return dataset.cache()
""",
                CENSUS_BATCHES,
            ),
        ],
        sizes=[("num_epochs = 10", "num_epochs = 5"), ("batch_size = 265", "batch_size = 64")],
        prepare=census,
    ),
    Example(
        f"{STRUCTURED}/classification_with_grn_and_vsn.py",
        {"test accuracy": "accuracy"},
        places=[
            ("keras.utils.get_file(origin=data_url, extract=True)\n", ""),
            (
                'os.path.join(\n    os.path.expanduser("~"), ".keras", "datasets", '
                '"census+income+kdd.zip"\n)',
                '"downloads"',
            ),
            *(
                (
                    'os.path.join(\n    os.path.expanduser("~"),\n    ".keras",\n    "datasets",\n'
                    f'    "census+income+kdd.zip",\n    "{name}",\n)',
                    f'"{name}"',
                )
                for name in ("census-income.data", "census-income.test")
            ),
            ('tf.cast(features[feature_name], "string")', "features[feature_name].astype(str)"),
            (
                """
    dataset = tf.data.experimental.make_csv_dataset(
        csv_file_path,
        batch_size=batch_size,
        column_names=CSV_HEADER,
        column_defaults=COLUMN_DEFAULTS,
        label_name=TARGET_FEATURE_NAME,
        num_epochs=1,
        header=False,
        shuffle=shuffle,
    ).map(process)

    return dataset
""",
                HOUSEHOLD_BATCHES,
            ),
        ],
        sizes=[("batch_size = 265", "batch_size = 64")],
        edits=[
            # One product, which the script writes anew for PyTorch, JAX and TensorFlow.
            (
                'if keras.backend.backend() == "jax":\n            # This',
                "return keras.ops.sum(v * x, axis=1)\n"
                '        if keras.backend.backend() == "jax":\n            # This',
            ),
            # A picture of the graph.
            (
                "keras.utils.plot_model(model, show_shapes=True, show_layer_names=True, "
                'rankdir="LR")\n',
                "",
            ),
        ],
        prepare=census_of_households,
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
        "keras/examples/mnist_siamese.py",
        {"test accuracy": "te_acc", "validation loss": "model.history.history['val_loss'][-1]"},
        sizes=[
            ("epochs = 20", "epochs = 3"),
            ("for d in range(num_classes)]) - 1", "for d in range(num_classes)]) // 5"),
        ],
    ),
    Example(
        "keras/examples/reuters_mlp.py",
        {"test accuracy": "score[1]", "test loss": "score[0]"},
        places=NEWSWIRES_PLACES,
        edits=NEWSWIRES_EDITS,
        prepare=newswires,
    ),
    Example(
        "keras/examples/reuters_mlp_relu_vs_selu.py",
        {
            "test loss of the network with relu": "score_model1[0]",
            "test loss of the network with selu": "score_model2[0]",
            "test accuracy of the network with selu": "score_model2[1]",
        },
        places=NEWSWIRES_PLACES,
        sizes=[("epochs = 40", "epochs = 10")],
        edits=NEWSWIRES_EDITS,
        prepare=newswires,
    ),
    Example(
        "keras/examples/kaggle_otto_nn.py",
        {
            "training loss": "model.history.history['loss'][-1]",
            "validation loss": "model.history.history['val_loss'][-1]",
        },
        sizes=[("nb_epoch=20", "nb_epoch=4")],
        prepare=products,
    ),
    Example(
        "keras/examples/keras_io/tensorflow/keras_recipes/endpoint_layer_pattern.py",
        {"loss": "model.history.history['loss'][-1]"},
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
    Example(
        "keras-io/guides/keras_core/serialization_and_saving.py",
        {
            "difference of weights read back": "np.abs(functional_model.get_weights()[0]"
            " - pretrained_model.get_weights()[0]).max()"
        },
    ),
)

# ---- changing imports

_IMPORTS = (
    (r"^import tensorflow as tf\n", ""),
    (r"^from tensorflow import keras$", "import keras"),
    (r"^import keras_core as keras$", "import keras"),
    (r"^(from|import) tensorflow\.keras\b", r"\1 keras"),
)
# Names that scripts of earlier Keras use and Keras 3 lacks, for both packages.
_GIVEN_UP = (
    (
        r"^from keras\.layers\.(core|normalization|advanced_activations|noise)\b",
        "from keras.layers",
    ),
    (r"^from keras\.utils import np_utils, generic_utils$", "from keras import utils as np_utils"),
    (r"^from keras import backend as K$", "from keras import ops as K"),
    (r"\bK\.epsilon\(\)", "1e-7"),
    (r"\bnb_epoch=", "epochs="),
    (r"\.predict_proba\(", ".predict("),
    (r"\btf\.nn\.", "keras.ops."),
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
    for old, new in (*example.places, *example.sizes, *example.edits):
        if old not in source:
            raise ValueError(f"{example.name} does not contain {old!r}: it is another version.")
        source = source.replace(old, new)
    to_package = _TO_GLASSGRAD if package == "glassgrad" else ()
    for pattern, new in (*_IMPORTS, *_GIVEN_UP, *to_package):
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


Run: TypeAlias = Callable[[Example, str, int, Setting], dict[str, float]]


def rows(example: Example, seeds: Sequence[int], setting: Setting, run: Run = run) -> Iterator[str]:
    """The lines of the table for a script: one for each result.

    The spread of few seeds is known poorly. A script of which a result is not within noise runs
    with more of them, and all are judged by all those.

    Args:
        example: the script.
        seeds: with how many it runs; and, if that does not settle it, with how many in all.
        setting: where things are.
        run: what runs it once.
    """
    found: dict[str, dict[str, list[float]]] = {
        package: {name: [] for name in example.results} for package in ("keras", "glassgrad")
    }
    done = 0
    for count in seeds:
        for package, results in found.items():
            for seed in range(done + 1, count + 1):
                try:
                    values = run(example, package, seed, setting)
                except (OSError, ValueError, RuntimeError, subprocess.TimeoutExpired) as error:
                    print(error, file=sys.stderr)
                    yield f"| {example.name} | | {seed} | | | {package} fails: see the messages |"
                    return
                for name, value in values.items():
                    results[name].append(value)
        done = count
        theirs, ours = found.values()
        verdicts = {name: is_within_noise(ours[name], theirs[name]) for name in ours}
        if all(verdicts.values()):
            break
    for name, is_alike in verdicts.items():
        cells = f"{done} | {_cell(theirs[name])} | {_cell(ours[name])}"
        verdict = "within noise" if is_alike else "**differs**"
        yield f"| {example.name} | {name} | {cells} | {verdict} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the table; 0 when every result of every script is within noise."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("scripts", type=Path, help="folder with the scripts")
    parser.add_argument("--keras", required=True, help="an interpreter with Keras 3 and PyTorch")
    parser.add_argument("--glassgrad", default=sys.executable, help="one with glassgrad")
    parser.add_argument("--mnist", type=Path, required=True, help="folder with MNIST's four files")
    parser.add_argument(
        "--seeds",
        type=int,
        nargs="+",
        default=[3, 8],
        help="how many seeds; and how many in all where these do not settle it",
    )
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
    print("| script | result | seeds | Keras | glassgrad | |\n|---|---|---|---|---|---|")
    is_alike = True
    for example in chosen:
        for row in rows(example, given.seeds, setting):
            is_alike &= "within noise" in row
            print(row, flush=True)
    return 0 if is_alike else 1


if __name__ == "__main__":
    sys.exit(main())
