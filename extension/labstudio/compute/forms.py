"""What a kind of compute takes, told for a form: made from its `Settings`."""

from __future__ import annotations

import types
import typing
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ByteSize

from labstudio.compute.models import ComputeSettings, KindField, KindInfo, KindPage
from labstudio.compute.registry import kinds

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from labstudio.compute.kind import Kind

FieldType = Literal["text", "number", "integer", "boolean", "list", "table"]

_TYPES: dict[Any, FieldType] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    list: "list",
    tuple: "list",
    dict: "table",
    ByteSize: "text",  # `64GiB` is what people write.
}


def kind_page() -> KindPage:
    """Return every kind that is installed."""
    return KindPage(items=[_info(type_, each) for type_, each in kinds().items()])


def _info(type_: str, kind: type[Kind]) -> KindInfo:
    missing = kind.missing()
    return KindInfo(
        type=type_,
        summary=kind.summary,
        available=missing is None,
        message=missing or "",
        hosts_kernels=kind.hosts_kernels,
        fields=kind_fields(kind),
    )


def kind_fields(kind: type[Kind]) -> list[KindField]:
    """Return the settings that a kind takes, its own before those that every kind has."""
    fields = [each for each in kind.Settings.model_fields.items() if each[0] != "type"]
    fields.sort(key=lambda each: each[0] in ComputeSettings.model_fields)
    return [_field(name, field) for name, field in fields]


def _field(name: str, field: FieldInfo) -> KindField:
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    if isinstance(default, ByteSize):
        default = default.human_readable().replace(".0", "")
    return KindField(
        name=name,
        description=field.description or "",
        type=_type(field.annotation),
        required=field.is_required(),
        default=default if isinstance(default, str | int | float | bool | list | dict) else None,
    )


def _type(annotation: Any) -> FieldType:
    """Say which control edits a value: ``float | None`` is a number."""
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        plain = [each for each in typing.get_args(annotation) if each is not types.NoneType]
        return _type(plain[0])
    if origin is typing.Annotated:
        return _type(typing.get_args(annotation)[0])
    if isinstance(annotation, type) and hasattr(annotation, "model_fields"):
        return "table"
    return _TYPES.get(origin or annotation, "text")
