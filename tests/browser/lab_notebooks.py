"""The notebooks that the browser tests run."""

from __future__ import annotations

from typing import Any

Cell = str | tuple[str, list[str]]

TRAINING: tuple[Cell, ...] = (
    "# Train a small model\n\nIts loss goes down.",
    ("depth = 3  # levels of the tree\nrate = 0.1\nfeatures = ['age', 'income']", ["parameters"]),
    "import time\n\nimport mlflow\n\nprint(f'training with depth {depth} and rate {rate}')",
    "for step in range(40):\n"
    "    loss = 1 / (1 + rate * step)\n"
    "    mlflow.log_metric('loss', loss, step=step)\n"
    "    mlflow.log_metric('accuracy', 1 - loss / 2, step=step)\n"
    "    print(f'\\x1b[32mstep {step:3}\\x1b[0m loss \\x1b[1m{loss:.4f}\\x1b[0m')\n"
    "    time.sleep(0.05)",
    "with open('model.txt', 'w') as file:\n    file.write(f'loss={loss}')\nloss",
)

SLOW: tuple[Cell, ...] = (
    "import time\n\nprint('first')",
    "for step in range(600):\n    print(f'tick {step}', flush=True)\n    time.sleep(0.2)",
    "print('never')",
)

WRONG: tuple[Cell, ...] = (
    "# A table that lacks a column",
    *(f"numbers_{index} = list(range({index * 10}))\nnumbers_{index}" for index in range(1, 8)),
    "rows = {'age': [31, 45, 27], 'income': [4200, 5100, 3900]}",
    "def mean(column):\n    values = rows[column]\n    return sum(values) / len(values)\n\n\n"
    "mean('height')",
    *("print('not reached')",) * 8,
)


def notebook(*cells: Cell) -> dict[str, Any]:
    """Make a notebook; a text that starts with ``# `` and a capital is Markdown."""
    made: list[dict[str, Any]] = []
    for index, cell in enumerate(cells):
        source, tags = (cell, []) if isinstance(cell, str) else cell
        common = {"id": f"c{index}", "source": source, "metadata": {"tags": tags} if tags else {}}
        if source.startswith("# "):
            made.append({**common, "cell_type": "markdown"})
        else:
            code = {"cell_type": "code", "execution_count": None, "outputs": []}
            made.append({**common, **code})
    return {
        "cells": made,
        "metadata": {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
