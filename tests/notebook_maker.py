"""Notebooks for tests."""

from __future__ import annotations

from typing import Any

Cell = str | tuple[str, list[str]]


def notebook(*cells: Cell, kernel: str = "python3") -> dict[str, Any]:
    """Make a notebook of code cells; a pair is a cell's source and its tags."""
    made = []
    for index, cell in enumerate(cells):
        source, tags = (cell, []) if isinstance(cell, str) else cell
        made.append(
            {
                "cell_type": "code",
                "id": f"c{index}",
                "metadata": {"tags": tags} if tags else {},
                "execution_count": None,
                "outputs": [],
                "source": source,
            }
        )
    return {
        "cells": made,
        "metadata": {
            "kernelspec": {"name": kernel, "display_name": kernel, "language": "python"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
