"""The data that a run read, from its capsule and from what MLflow was told."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from labstudio.cards.models import Source
from labstudio.experiments.wire import to_dict

if TYPE_CHECKING:
    from collections.abc import Mapping

CONTEXT = "mlflow.data.context"
EVALUATION = ("eval", "test", "valid", "holdout")


@dataclass
class Data:
    """A data set as a card speaks of it."""

    name: str
    digest: str | None = None
    sha256: str | None = None
    path: str | None = None
    rows: int | None = None
    context: str = ""

    @property
    def evaluates(self) -> bool:
        """Whether the model was measured on it."""
        return any(word in self.context.lower() for word in EVALUATION)

    @property
    def told(self) -> str:
        """The data set in one line: name, rows, place, hash."""
        rows = f"{self.rows:,} rows" if self.rows is not None else ""
        mark = f"sha256:{self.sha256}" if self.sha256 else f"digest:{self.digest}"
        return ", ".join(filter(None, [self.name, rows, self.path or "", mark]))

    @property
    def source(self) -> Source:
        """It as what a claim is taken from."""
        name = f"data:{self.sha256 or self.digest}"
        return Source(kind="data", object=name, label=self.name, sha256=self.sha256)


def datasets(run: Mapping[str, Any], capsule: Mapping[str, Any]) -> list[Data]:
    """Return the data of a run: what MLflow was told, and what the capsule saw besides."""
    found = [_input(each) for each in run.get("inputs", {}).get("dataset_inputs", [])]
    seen = {each.sha256[:32]: each for each in found if each.sha256}
    seen |= {each.digest: each for each in found if each.digest}
    for each in capsule.get("data") or []:
        sha256 = str(each.get("sha256", ""))
        if known := seen.get(sha256[:32]):
            known.sha256, known.path = sha256, known.path or each.get("path")
            known.rows = known.rows if known.rows is not None else each.get("rows")
            continue
        found.append(
            Data(
                name=str(each.get("name", "data")),
                sha256=sha256,
                path=each.get("path"),
                rows=each.get("rows"),
            )
        )
    return found


def _input(content: Mapping[str, Any]) -> Data:
    dataset = content.get("dataset", {})
    profile = parsed(dataset.get("profile"))
    rows = profile.get("rows", profile.get("num_rows"))
    uri = parsed(dataset.get("source")).get("uri")
    return Data(
        name=dataset.get("name") or "data",
        digest=dataset.get("digest"),
        sha256=profile.get("sha256"),
        path=local(uri) if isinstance(uri, str) else None,
        rows=rows if isinstance(rows, int) else None,
        context=to_dict(content.get("tags", [])).get(CONTEXT, ""),
    )


def local(uri: str) -> str:
    """Return a file's path where an address names one; the address itself otherwise."""
    parts = urlsplit(uri)
    return unquote(parts.path) if parts.scheme == "file" else uri


def parsed(text: Any) -> dict[str, Any]:
    """Return what JSON text says; nothing where it is no object."""
    try:
        content = json.loads(text or "{}")
    except (TypeError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
