"""What an MLmodel file says of a model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from labstudio.experiments.artifacts.models import ModelFacts, SignatureField

if TYPE_CHECKING:
    from collections.abc import Callable

MLMODEL = "MLmodel"
EXAMPLE_LIMIT_BYTES = 1 << 20


def read(text: str, open_beside: Callable[[str], str | None]) -> ModelFacts | None:
    """Return what an MLmodel file says; None where it is none.

    Parameters
    ----------
    text
        The file.
    open_beside
        Gives the text of a file beside it, or None.
    """
    import yaml  # type: ignore[import-untyped]

    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError:
        return None
    if not isinstance(content, dict):
        return None
    signature = content.get("signature") or {}
    flavors = content.get("flavors") or {}
    python = (flavors.get("python_function") or {}).get("python_version")
    return ModelFacts(
        flavors=sorted(flavors),
        model_id=content.get("model_id"),
        mlflow_version=content.get("mlflow_version"),
        python_version=python,
        size_bytes=content.get("model_size_bytes"),
        inputs=_fields(signature.get("inputs")),
        outputs=_fields(signature.get("outputs")),
        params=_fields(signature.get("params")),
        input_example=_example(content.get("saved_input_example_info"), open_beside),
    )


def _fields(written: str | None) -> list[SignatureField]:
    """Return columns or tensors of MLflow's JSON schema."""
    fields = _json(written)
    return [_field(each) for each in fields if isinstance(each, dict)] if fields else []


def _field(each: dict[str, Any]) -> SignatureField:
    kind = each.get("type", "")
    shape = each.get("shape")
    if kind == "tensor":
        tensor = each.get("tensor-spec") or {}
        kind, shape = tensor.get("dtype", "tensor"), tensor.get("shape")
    elif isinstance(kind, dict) or kind in ("object", "array", "map"):
        kind = str(each.get("type", "object"))
    return SignatureField(
        name=each.get("name"),
        type=str(kind),
        required=bool(each.get("required", True)),
        shape=list(shape) if shape else None,
    )


def _example(info: Any, open_beside: Callable[[str], str | None]) -> Any:
    if not isinstance(info, dict) or not isinstance(info.get("artifact_path"), str):
        return None
    text = open_beside(info["artifact_path"])
    if text is None or len(text) > EXAMPLE_LIMIT_BYTES:
        return None
    return _json(text)


def _json(text: str | None) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None
