"""What every model that comes from outside has in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from labstudio.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

Model = TypeVar("Model", bound=BaseModel)

# Environment variables are where secrets travel: their values are given to the code, and not shown.
HIDDEN = "•••"


class Input(BaseModel):
    """Base of what is sent: unknown fields are refused, so that a typing error is not lost."""

    model_config = ConfigDict(extra="forbid")


def validated(model: type[Model], fields: Mapping[str, Any]) -> Model:
    """Make a model, saying what is wrong in one sentence.

    Raises
    ------
    InvalidInput
        For the first field that is wrong.
    """
    try:
        return model.model_validate(dict(fields))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "request"
        if first["type"] == "extra_forbidden":
            raise InvalidInput(f"There is no field {field!r}.", field=field) from None
        if first["type"] == "missing":
            raise InvalidInput(f"{field} is missing.", field=field) from None
        message = first["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
        if first["type"].startswith("byte_size"):
            message = "a size such as 4GiB"
        given = repr(first.get("input"))[:80]
        raise InvalidInput(f"{field} should be {message}, not {given}.", field=field) from None
