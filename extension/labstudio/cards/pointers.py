"""JSON pointers (RFC 6901) into a card's content: read, set and listed."""

from __future__ import annotations

from typing import Any


def at(content: Any, pointer: str) -> Any:
    """Return what stands at a JSON pointer; None where nothing does."""
    for part in parts(pointer):
        if isinstance(content, list):
            content = content[int(part)] if part.isdigit() and int(part) < len(content) else None
        else:
            content = content.get(part) if isinstance(content, dict) else None
    return content


def put(content: dict[str, Any], pointer: str, value: Any) -> None:
    """Set what stands at a JSON pointer of objects; a value of None or "" is taken out."""
    *way, last = parts(pointer)
    for part in way:
        content = content.setdefault(part, {})
    if value in (None, ""):
        content.pop(last, None)
    else:
        content[last] = value


def parts(pointer: str) -> list[str]:
    """Return the names that a JSON pointer goes along."""
    return [
        part.replace("~1", "/").replace("~0", "~") for part in pointer.removeprefix("/").split("/")
    ]


def write(content: dict[str, Any], pointer: str, value: Any) -> bool:
    """Set a value; tell whether there is a place for it, for an evaluation may be gone."""
    head, *rest = parts(pointer)
    if head != "evaluation_details":
        put(content, pointer, value)
        return True
    evaluations = content.get(head) or []
    index = int(rest[0])
    if index >= len(evaluations):
        return False
    put(evaluations[index], "/" + "/".join(map(escaped, rest[1:])), value)
    return True


def escaped(name: str) -> str:
    """Return a name as it stands in a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def leaves(content: Any, pointer: str = "") -> list[str]:
    """Return the pointers of what a card says: down to what is no object; an evaluation is one."""
    if not isinstance(content, dict):
        if pointer == "/evaluation_details":
            return [f"{pointer}/{index}" for index in range(len(content))]
        return [pointer]
    return [
        each
        for name, value in content.items()
        for each in leaves(value, f"{pointer}/{escaped(name)}")
    ]
