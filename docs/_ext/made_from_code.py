"""Directives whose text is made from the code, so that no page can fall behind it.

``labstudio-cli``
    Every command with its arguments and options.
``labstudio-magic NAME NAME``
    The options of two magics, and which of them has each.
``labstudio-settings module:Class [PREFIX]``
    The traits of a Configurable; with a prefix, the environment variables that set them.
``labstudio-rest``
    Every path and verb of ``labextension/openapi.json``.
``labstudio-model module:Class``
    The fields of a pydantic model.
``labstudio-kinds``
    The settings that each kind of compute adds.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
from abc import ABC, abstractmethod
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    import click
    from docutils import nodes
    from sphinx.application import Sphinx

OPENAPI = Path(__file__).parents[2] / "labextension" / "openapi.json"
MAGICS = {"job": "%%job", "run_notebook": "%run_notebook"}
VERBS = ("get", "post", "patch", "put", "delete")


class FromCode(SphinxDirective, ABC):
    """A directive that writes Markdown and has it read in place."""

    has_content = False
    optional_arguments = 2

    def run(self) -> list[nodes.Node]:
        """Write the text, and parse it."""
        self.env.note_reread()  # The code may have changed where the page has not.
        text = "\n".join(self.lines())
        return self.parse_text_to_nodes(text, allow_section_headings=True)

    @abstractmethod
    def lines(self) -> Iterable[str]:
        """Write the text; `run` calls this each time that the page is read."""

    def named(self) -> Any:
        """Import what the first argument names."""
        module, _, name = self.arguments[0].partition(":")
        return getattr(importlib.import_module(module), name)


class Cli(FromCode):
    """Every command of the ``labstudio`` program."""

    def lines(self) -> Iterator[str]:
        """Write a section for each command."""
        from click import Context

        from labstudio.cli import cli

        yield from _command(Context(cli, info_name="labstudio"))


def _command(context: click.Context) -> Iterator[str]:
    import click

    command = context.command
    if command.hidden:
        return
    inner = command.list_commands(context) if isinstance(command, click.Group) else []
    if context.parent is not None:
        level = "##" if context.parent.parent is None else "###"
        yield from ("", f"{level} {context.command_path}", "")
    yield from _paragraphs(command.help or "")
    if not inner:
        usage = " ".join(command.collect_usage_pieces(context))
        yield from ("", "```text", f"{context.command_path} {usage}".rstrip(), "```", "")
    rows = [record for parameter in command.params if (record := _help(parameter, context))]
    if rows:
        yield from _table(("Option", "Meaning"), rows)
    for name in inner:
        below = command.get_command(context, name)
        if below is not None:
            yield from _command(click.Context(below, info_name=name, parent=context))


def _help(parameter: click.Parameter, context: click.Context) -> tuple[str, str] | None:
    record = parameter.get_help_record(context)
    # Arguments stand in the usage line; only some say more.
    if record is None or not record[1]:
        return None if record is None or not record[0].startswith("-") else (_code(record[0]), "")
    return _code(record[0]), _cell(record[1])


def _paragraphs(text: str) -> Iterator[str]:
    """Keep what click keeps as it is as code, and the rest as text."""
    for part in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        if part.startswith("\b"):
            yield from ("```text", *part.splitlines()[1:], "```", "")
        else:
            yield from (part, "")


class Magic(FromCode):
    """The options of two magics."""

    def lines(self) -> Iterator[str]:
        """Write a table."""
        from labstudio.magics.jobs import JobMagics

        owners: dict[tuple[str, str], list[str]] = {}
        for name in self.arguments:
            for action in getattr(JobMagics, name).parser._actions:
                if action.option_strings:
                    value = (
                        "" if action.nargs == 0 else f" {action.metavar or action.dest[0].upper()}"
                    )
                    option = f"{', '.join(action.option_strings)}{value}"
                    owners.setdefault((option, action.help or ""), []).append(name)
        rows = [
            (_code(option), _cell(told), "both" if len(names) > 1 else f"`{MAGICS[names[0]]}`")
            for (option, told), names in owners.items()
        ]
        rows.sort(key=lambda row: row[0].removeprefix("`-p, "))
        yield from _table(("Option", "Meaning", "In"), rows)


class Settings(FromCode):
    """The traits of a Configurable."""

    def lines(self) -> Iterator[str]:
        """Write a table."""
        owner = self.named()
        prefix = self.arguments[1] if len(self.arguments) > 1 else ""
        rows = []
        for name, trait in owner.class_own_traits(config=True).items():
            known = f"`{prefix}{name.upper()}`" if prefix else f"`{owner.__name__}.{name}`"
            default = trait.default_value_repr()
            rows.append((known, f"`{name}`", f"`{default}`", _cell(trait.help)))
        if prefix:
            yield from _table(("Variable", "Trait", "Default", "Meaning"), rows)
        else:
            short = [(row[0], *row[2:]) for row in rows]
            yield from _table(("Trait", "Default", "Meaning"), short)


class Rest(FromCode):
    """The REST surface, as its OpenAPI document says."""

    def lines(self) -> Iterator[str]:
        """Write a section with a table for each resource."""
        document = json.loads(OPENAPI.read_text(encoding="utf-8"))
        rows: dict[str, list[tuple[str, ...]]] = {}
        for path, item in sorted(document["paths"].items()):
            for verb in (each for each in VERBS if each in item):
                told = item[verb]
                rows.setdefault(told["x-resource"], []).append(_row(path, verb, told))
        for resource, listed in sorted(rows.items(), key=lambda item: -len(item[1])):
            yield from ("", f"### `{resource}`")
            yield from _table(("Request", "Meaning", "Takes", "Answers"), listed)


def _row(path: str, verb: str, told: dict[str, Any]) -> tuple[str, ...]:
    method = "WS" if told.get("x-websocket") else verb.upper()
    query = [each["name"] for each in told.get("parameters", ()) if each["in"] == "query"]
    body = _schema(told.get("requestBody", {}))
    status, answer = next(iter(told["responses"].items()))
    return (
        f"`{method} {path.removeprefix('/')}`",
        _cell(told["summary"]),
        body or ", ".join(f"`{name}`" for name in query),
        f"{status} {_schema(answer)}".strip(),
    )


def _schema(holder: dict[str, Any]) -> str:
    for content in holder.get("content", {}).values():
        if reference := content.get("schema", {}).get("$ref"):
            return f"`{reference.rpartition('/')[2]}`"
    return ""


class Model(FromCode):
    """The fields of a pydantic model."""

    def lines(self) -> Iterator[str]:
        """Write a table."""
        yield from _fields(self.named())


class Kinds(FromCode):
    """The settings of each kind of compute, beside those of every kind."""

    def lines(self) -> Iterator[str]:
        """Write a section with a table for each kind that is installed."""
        from labstudio.compute.models import ComputeSettings
        from labstudio.compute.registry import kinds

        common = ComputeSettings.model_fields
        for type_, kind in kinds().items():
            yield from ("", f"## `{type_}`", "", kind.summary, "")
            if set(kind.Settings.model_fields) - set(common):
                yield from _fields(kind.Settings, without=common)


def _fields(model: Any, without: Collection[str] = ()) -> Iterator[str]:
    rows = []
    for name, field in model.model_fields.items():
        if name in without:
            continue
        default = "" if field.is_required() else _code(_default(field))
        rows.append(
            (_code(name), _code(_type(field.annotation)), default, _cell(field.description))
        )
    yield from _table(("Field", "Type", "Default", "Meaning"), rows)


def _default(field: Any) -> str:
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return f"{type(value).__name__}()"
    return repr(value.value if isinstance(value, Enum) else value)


def _type(annotation: Any) -> str:
    plain = isinstance(annotation, type) and not hasattr(annotation, "__args__")
    text = annotation.__name__ if plain else str(annotation)
    text = re.sub(r"Annotated\[(.+), FieldInfo\(.*?\)\]", r"\1", text)
    # `Parameters` and the like are names for JSON; pydantic spells them out at length.
    text = re.sub(r"\b(?:\w+\.)+(\w+)", r"\1", text)
    return text.replace(" | ", " or ")


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield ""
    yield f"| {' | '.join(head)} |"
    yield f"| {' | '.join('---' for _ in head)} |"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def _code(text: str) -> str:
    return f"`{_cell(text)}`"


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directives."""
    for directive in (Cli, Magic, Settings, Rest, Model, Kinds):
        app.add_directive(f"labstudio-{directive.__name__.lower()}", directive)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
