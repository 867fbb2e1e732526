"""Pictures of figures, drawn without a screen."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from artextract_hf.data.labels import display_name


def draw_confusion(matrix: np.ndarray, names: Sequence[str], path: Path) -> None:
    """Shares of each label (row) by prediction (column); classes without a sample or a prediction are left out."""
    shown = np.flatnonzero(matrix.sum(axis=0) + matrix.sum(axis=1))
    matrix, labels = matrix[np.ix_(shown, shown)], [display_name(names[int(i)]) for i in shown]
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    side = max(4.0, 0.28 * len(shown) + 2.5)  # inches: legible with 68 classes
    figure = Figure(figsize=(side, side), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    image = axes.imshow(shares, vmin=0, vmax=1, cmap="viridis")
    axes.set_xticks(range(len(labels)), labels, rotation=90, fontsize=7)
    axes.set_yticks(range(len(labels)), labels, fontsize=7)
    axes.set_xlabel("predicted")
    axes.set_ylabel("label")
    if len(shown) <= 12:
        for row, column in np.ndindex(shares.shape):
            ink = "black" if shares[row, column] > 0.6 else "white"
            axes.text(column, row, f"{shares[row, column]:.0%}", ha="center", va="center", fontsize=7, color=ink)
    figure.colorbar(image, ax=axes, shrink=0.6, label="share of the label")
    figure.savefig(path, dpi=110)
