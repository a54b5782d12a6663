"""Trains both versions of the model and writes them beside this file; runs once, while the image is built."""

import pickle
import sys
from pathlib import Path
from typing import Final

from data import SEED, parts
from sklearn.base import ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

VERSIONS: Final[dict[str, ClassifierMixin]] = {
    "1": DecisionTreeClassifier(max_depth=3, random_state=SEED),
    "2": make_pipeline(StandardScaler(), LogisticRegression()),
}
FOLDER: Final = Path(__file__).parent / "versions"


def main() -> None:
    """Train, and say how good each version is on data it has not seen."""
    (train, labels), (test, test_labels) = parts()
    FOLDER.mkdir(exist_ok=True)
    for version, model in VERSIONS.items():
        model.fit(train, labels)
        (FOLDER / f"{version}.pickle").write_bytes(pickle.dumps(model))
        sys.stdout.write(f"version {version}: accuracy {model.score(test, test_labels):.4f}\n")


if __name__ == "__main__":
    main()
