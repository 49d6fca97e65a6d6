"""The committed description is the one that the code gives, and it is a valid one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from labstudio_server import openapi

if TYPE_CHECKING:
    from conftest import Call

COMMITTED = Path(__file__).parents[2] / "labextension" / "openapi.json"


def test_the_committed_document_is_current() -> None:
    committed, current = json.loads(COMMITTED.read_text()), openapi.document()
    for each in (committed, current):
        each["info"].pop("version")
    assert committed == current, (
        "run: python -m labstudio_server.openapi > labextension/openapi.json"
    )


def test_the_document_is_valid_openapi() -> None:
    from openapi_spec_validator import OpenAPIV31SpecValidator

    OpenAPIV31SpecValidator(openapi.document()).validate()


def test_operations_have_names_of_their_own() -> None:
    names = [
        operation["operationId"]
        for item in openapi.document()["paths"].values()
        for operation in item.values()
    ]
    assert len(names) == len(set(names))


async def test_the_server_gives_it(call: Call) -> None:
    assert (await call("GET", "openapi.json")).data == openapi.document()
