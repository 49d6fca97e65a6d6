"""The scopes of a cell: what each binds, and what is bound at one point of it."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Function = ast.FunctionDef | ast.AsyncFunctionDef
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_NAMED = Function | ast.ClassDef | ast.ExceptHandler | ast.MatchAs | ast.MatchStar


@dataclass
class Flow:
    """Names assigned at one point of a module or class body."""

    definite: set[str] = field(default_factory=set)
    maybe: set[str] = field(default_factory=set)
    dead: bool = False

    def copy(self) -> Flow:
        """Copy both sets."""
        return Flow(set(self.definite), set(self.maybe), self.dead)

    def become(self, ways: Sequence[Flow]) -> None:
        """Go on as after any of `ways`; one that raised, broke or continued leads nowhere."""
        alive = [way for way in ways if not way.dead]
        self.dead = not alive
        self.definite = set.intersection(*(w.definite for w in alive or ways))
        self.maybe = set().union(*(w.maybe for w in ways))


@dataclass
class Scope:
    """A function (or comprehension) whose bound names are known, or a class walked in order."""

    bound: set[str]
    globals_: set[str] = field(default_factory=set)
    flow: Flow | None = None  # Classes only.
    deferred: bool = False
    comprehension: bool = False


def arguments(args: ast.arguments) -> list[ast.arg]:
    """List the parameters of a function."""
    named = [*args.posonlyargs, *args.args, *args.kwonlyargs]
    return named + [arg for arg in (args.vararg, args.kwarg) if arg is not None]


def stored(body: Iterable[ast.AST]) -> tuple[set[str], set[str], set[str]]:
    """Collect the names that one scope binds, declares global and declares nonlocal."""
    bound: set[str] = set()
    declared: set[str] = set()
    nonlocals: set[str] = set()
    waiting: list[tuple[ast.AST, bool]] = [(node, False) for node in body]
    while waiting:
        node, inside = waiting.pop()
        if isinstance(node, ast.Global):
            declared.update(node.names)
        elif isinstance(node, ast.Nonlocal):
            nonlocals.update(node.names)
        else:
            bound.update(_binds(node, inside))
        if isinstance(node, Function | ast.ClassDef):
            outside = [*node.decorator_list, *_defaults(node)]
            waiting.extend((child, inside) for child in outside)
        elif isinstance(node, ast.Lambda):
            waiting.extend((child, inside) for child in _defaults(node))
        else:
            within = inside or isinstance(node, COMPREHENSIONS)
            waiting.extend((child, within) for child in ast.iter_child_nodes(node))
    return bound, declared, nonlocals


def _binds(node: ast.AST, inside: bool) -> list[str]:
    """List what one node binds; within a comprehension only a walrus binds outside of it."""
    if isinstance(node, ast.NamedExpr):
        return [node.target.id]
    if isinstance(node, ast.Name):
        return [] if isinstance(node.ctx, ast.Load) or inside else [node.id]
    if isinstance(node, ast.Import | ast.ImportFrom):
        names = (alias.asname or alias.name.split(".")[0] for alias in node.names)
        return [name for name in names if name != "*"]
    if isinstance(node, ast.MatchMapping):
        return [node.rest] if node.rest else []
    if isinstance(node, _NAMED):
        return [node.name] if node.name else []
    return []


def _defaults(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.ClassDef):
        return [*node.bases, *(keyword.value for keyword in node.keywords)]
    if isinstance(node, Function | ast.Lambda):
        return [*node.args.defaults, *(d for d in node.args.kw_defaults if d is not None)]
    return []


def stored_anywhere(tree: ast.Module) -> set[str]:
    """Collect the names that a module binds at any point, in a function's `global` too."""
    names = stored(tree.body)[0]
    for node in ast.walk(tree):
        if isinstance(node, Function):
            names |= stored(node.body)[1]
    return names


def takes_all(pattern: ast.pattern) -> bool:
    """Tell whether a case matches whatever comes."""
    return isinstance(pattern, ast.MatchAs) and pattern.pattern is None


def type_parameters(node: ast.AST) -> set[str]:
    """Collect the type parameters of a function, class or alias."""
    return {parameter.name for parameter in getattr(node, "type_params", ())}
