"""What was run in a kernel since it started: from IPython's own history, as a notebook."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from IPython.core.interactiveshell import InteractiveShell

    from labstudio.capture.models import CellPrint

OUTPUT_LIMIT = 20_000
HISTORY_LIMIT = 5_000_000
TEXTS = ("text/plain", "text/markdown")


class History:
    """The cells that were run in a kernel.

    Parameters
    ----------
    shell
        IPython.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._ids: dict[int, str] = {}
        self.current: int | None = None

    def begin(self, info: Any) -> None:
        """Note that a cell begins."""
        if info.store_history:
            # IPython stores the source next, at the end of its list.
            self.current = len(self._sources())
            if info.cell_id:
                self._ids[self.current] = str(info.cell_id)

    @property
    def last(self) -> int:
        """The count of the cell that runs, or ran last."""
        return self.current or max(len(self._sources()) - 1, 0)

    def _sources(self) -> list[str]:
        return list(self._shell.history_manager.input_hist_raw)

    def source(self, count: int) -> str:
        """Return the source of a cell."""
        sources = self._sources()
        return sources[count] if 0 < count < len(sources) else ""

    def sources(self, upto: int) -> list[str]:
        """Return the sources of the cells up to one of them."""
        return self._sources()[1 : upto + 1]

    def cell(self, count: int, notebook: Path | None) -> CellPrint:
        """Return what is known of a cell."""
        from labstudio.capture.models import CellPrint

        cell_id = self._ids.get(count)
        return CellPrint(
            id=cell_id,
            index=index_of(notebook, cell_id),
            execution_count=count,
            source=self.source(count),
        )

    def notebook(self, upto: int, run_cell: int) -> bytes:
        """Return the cells up to one of them, with their outputs as text, as a notebook."""
        cells: list[dict[str, Any]] = []
        left = HISTORY_LIMIT
        for count, source in enumerate(self.sources(upto), 1):
            outputs = self._outputs(count) if left > 0 else []
            left -= len(source) + sum(len(json.dumps(each)) for each in outputs)
            cells.append(
                {
                    "cell_type": "code",
                    "id": self._ids.get(count) or f"cell-{count}",
                    "execution_count": count,
                    "metadata": {},
                    "source": source,
                    "outputs": outputs,
                }
            )
        unique(cells)
        metadata = {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
            "labstudio": {"run_cell": run_cell},
        }
        content = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
        return json.dumps(content, indent=1, ensure_ascii=False).encode(errors="replace")

    def _outputs(self, count: int) -> list[dict[str, Any]]:
        manager = self._shell.history_manager
        found = [
            output
            for each in list(manager.outputs.get(count, ()))
            if (output := as_output(each.output_type, each.bundle, count)) is not None
        ]
        if (error := getattr(manager, "exceptions", {}).get(count)) is not None:
            found.append(
                {
                    "output_type": "error",
                    "ename": str(error.get("ename", "")),
                    "evalue": str(error.get("evalue", "")),
                    "traceback": [str(line) for line in error.get("traceback", [])],
                }
            )
        return found


def as_output(kind: str, bundle: dict[str, Any], count: int) -> dict[str, Any] | None:
    """Return an output of IPython's history as a notebook has it; text only."""
    if kind in ("out_stream", "err_stream"):
        text = "".join(bundle.get("stream", []))[:OUTPUT_LIMIT]
        name = "stdout" if kind == "out_stream" else "stderr"
        return {"output_type": "stream", "name": name, "text": text}
    data = {key: str(bundle[key])[:OUTPUT_LIMIT] for key in TEXTS if key in bundle}
    if not data:
        return None
    output: dict[str, Any] = {"output_type": kind, "data": data, "metadata": {}}
    return output | ({"execution_count": count} if kind == "execute_result" else {})


def unique(cells: list[dict[str, Any]]) -> None:
    """Give cells that were run more than once an id each."""
    seen: set[str] = set()
    for cell in cells:
        if cell["id"] in seen:
            cell["id"] = f"{cell['id'][:48]}-{cell['execution_count']}"
        seen.add(cell["id"])


def index_of(notebook: Path | None, cell_id: str | None) -> int | None:
    """Return the place of a cell in the notebook as it was last saved."""
    if notebook is None or cell_id is None:
        return None
    try:
        cells = json.loads(notebook.read_bytes())["cells"]
        return next((n for n, cell in enumerate(cells) if cell.get("id") == cell_id), None)
    except (OSError, ValueError, KeyError, TypeError):
        return None
