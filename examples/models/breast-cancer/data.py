"""The Wisconsin breast cancer data that come with scikit-learn, in two parts: one to train on, one nobody trains on."""

from typing import Final

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

SEED: Final = 42
HELD_OUT: Final = 0.4
DIAGNOSES: Final = ("malignant", "benign")
"""What the labels 0 and 1 of the data mean."""

Part = tuple[np.ndarray, np.ndarray]


def parts() -> tuple[Part, Part]:
    """Return (measurements, labels) for training and for testing; the same ones in every process."""
    measurements, labels = load_breast_cancer(return_X_y=True)
    train, test, train_labels, test_labels = train_test_split(
        measurements, labels, test_size=HELD_OUT, random_state=SEED, stratify=labels
    )
    return (train, train_labels), (test, test_labels)
