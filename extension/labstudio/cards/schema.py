"""SageMaker's card schema 0.1.0: what a card's content may hold, and how one is checked."""

from __future__ import annotations

import hashlib
import json
import math
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from labstudio.errors import InvalidInput

if TYPE_CHECKING:
    from jsonschema import Draft7Validator  # type: ignore[import-untyped]

FILE = "schema-0.1.0.json"
# SageMaker takes no longer content; one of ours has to go back there too.
CONTENT_LIMIT = 100_000


@cache
def validator() -> Draft7Validator:
    """Return what checks a card's content."""
    from jsonschema import Draft7Validator

    return Draft7Validator(json.loads((files(__package__) / FILE).read_text("utf-8")))


def check(content: Any, field: str = "content") -> None:
    """Refuse what is no card.

    Raises
    ------
    InvalidInput
        With the first thing that is wrong, and where it stands.
    """
    if len(json.dumps(content, ensure_ascii=False)) > CONTENT_LIMIT:
        message = f"{field} is longer than the {CONTENT_LIMIT:,} characters of a card."
        raise InvalidInput(message, field=field)
    errors = sorted(validator().iter_errors(content), key=lambda each: list(map(str, each.path)))
    if errors:
        # Of the kinds of metric that one could have meant, the nearest says what is wrong.
        error = errors[0]
        while error.context:
            error = min(error.context, key=lambda each: (-len(each.path), str(each.schema_path)))
        place = "/".join(map(str, error.absolute_path)) or "its top"
        raise InvalidInput(f"{field} is no model card: at {place}, {error.message}.", field=field)
    if not finite(content):
        raise InvalidInput(f"{field} holds a number that is not finite.", field=field)


def finite(value: Any) -> bool:
    """Tell whether every number can be written as JSON."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(map(finite, value.values()))
    return all(map(finite, value)) if isinstance(value, list) else True


def digest(content: Any) -> str:
    """Return the SHA-256 of JSON content, whatever the order of its keys."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def pruned(content: Any) -> Any:
    """Return content without objects that hold nothing."""
    if not isinstance(content, dict):
        return content
    kept = {name: pruned(value) for name, value in content.items()}
    return {name: value for name, value in kept.items() if value != {}}
