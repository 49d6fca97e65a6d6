"""The OpenAPI 3.1 document, generated from the route table and the pydantic models.

``python -m labstudio_server.openapi > labextension/openapi.json`` writes the committed copy, from
which the frontend's types are generated; a test compares the two.
"""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any, Literal, cast

from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from labstudio_server.endpoints import API, Endpoint, Verb, resolve
from labstudio_server.models import Problem
from labstudio_server.routes import ENDPOINTS

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic_core import core_schema

    Mode = Literal["validation", "serialization"]

REF = "#/components/schemas/{model}"


class _Schema(GenerateJsonSchema):
    """Answers always hold every field, so that the generated types have no needless optionals."""

    def field_is_required(
        self,
        field: core_schema.ModelField | core_schema.DataclassField | core_schema.TypedDictField,
        total: bool,
    ) -> bool:
        return self.mode == "serialization" or super().field_is_required(field, total)

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Titles would only say the fields' names again."""
        return False


def document() -> dict[str, Any]:
    """Build the document."""
    from labstudio._version import __version__

    names, components = _components()
    paths: dict[str, Any] = {}
    for endpoint in ENDPOINTS:
        item = paths.setdefault(f"/{endpoint.path}", {})
        for verb in endpoint.verbs:
            item[verb.method.lower()] = _operation(endpoint, verb, names, components)
    built = {
        "openapi": "3.1.0",
        "info": {
            "title": "labstudio",
            "version": __version__,
            "description": "Jobs, schedules and computes of a studio. Times are RFC 3339.",
        },
        "servers": [{"url": API}],
        "security": [{"token": []}, {"login": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {"type": "apiKey", "in": "header", "name": "Authorization"},
                "login": {"type": "apiKey", "in": "cookie", "name": "username-host-port"},
            },
        },
    }
    return cast("dict[str, Any]", _plain(built))


def _components() -> tuple[dict[tuple[type[BaseModel], Mode], str], dict[str, Any]]:
    """Schemas of every model that the table names, and under which name each stands."""
    wanted: dict[tuple[type[BaseModel], Mode], None] = {(Problem, "serialization"): None}
    for endpoint in ENDPOINTS:
        for verb in endpoint.verbs:
            for reference in filter(None, (verb.query, verb.body)):
                wanted[resolve(reference), "validation"] = None
            if verb.response:
                wanted[resolve(verb.response), "serialization"] = None
    schemas, definitions = models_json_schema(
        list(wanted), ref_template=REF, schema_generator=_Schema
    )
    names = {key: str(schemas[key]["$ref"]).rpartition("/")[2] for key in wanted}
    return names, cast("dict[str, Any]", definitions.get("$defs", {}))


def _operation(
    endpoint: Endpoint,
    verb: Verb,
    names: dict[tuple[type[BaseModel], Mode], str],
    components: dict[str, Any],
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": verb.operation,
        "summary": verb.summary,
        "tags": [endpoint.resource.rpartition(":")[2]],
        "x-resource": endpoint.resource,
    }
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", endpoint.path)
    ]
    if verb.query:
        query = components[names[resolve(verb.query), "validation"]]
        required = query.get("required", [])
        parameters += [
            {"name": name, "in": "query", "required": name in required, "schema": schema}
            for name, schema in query["properties"].items()
        ]
    if parameters:
        operation["parameters"] = parameters
    if verb.body:
        reference = REF.format(model=names[resolve(verb.body), "validation"])
        operation["requestBody"] = {
            "required": not verb.body_optional,
            "content": {"application/json": {"schema": {"$ref": reference}}},
        }
    if verb.websocket:
        operation["x-websocket"] = True
    operation["responses"] = {
        str(verb.status): _answer(verb, names),
        "default": {
            "description": "What is wrong.",
            "content": {
                "application/json": {
                    "schema": {"$ref": REF.format(model=names[Problem, "serialization"])}
                }
            },
        },
    }
    return operation


def _answer(verb: Verb, names: dict[tuple[type[BaseModel], Mode], str]) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": verb.summary}
    if verb.status == 204:
        return answer
    schema: dict[str, Any] = {"type": "object", "additionalProperties": True}
    if verb.response:
        schema = {"$ref": REF.format(model=names[resolve(verb.response), "serialization"])}
    elif verb.media_type != "application/json":
        schema = {"type": "string"}
    answer["content"] = {verb.media_type: {"schema": schema}}
    return answer


def _plain(value: Any) -> Any:
    """Give models that differ between asking and answering the names ``X`` and ``XOutput``."""
    if isinstance(value, dict):
        return {_rename(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return _rename(value) if isinstance(value, str) and value.startswith("#/") else value


def _rename(name: str) -> str:
    return re.sub(r"-Input$", "", re.sub(r"-Output$", "Output", name))


def text() -> str:
    """Return the document as it is committed."""
    return json.dumps(document(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
