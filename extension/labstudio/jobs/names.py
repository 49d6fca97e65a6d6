"""Which names a cell reads before it assigns them, and which it assigns.

What a cell reads has to travel with it, what it assigns comes back. The cell is walked in the
order in which Python would run it, with two sets at hand: the names that are assigned on every
way to this point, and those that are assigned on some way.

A name that is read is then one of three: assigned for certain (nothing to carry); surely read
from outside (`CellNames.reads`: without it the cell cannot run); or perhaps (`CellNames.optional`:
in a branch, after a branch that assigns it, in a function that may be called later, in the text
of a shell command). Perhaps means: carry it when it is there.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from labstudio.errors import InvalidInput
from labstudio.jobs import ipython_syntax

MODULE_NAMES = frozenset(
    "__name__ __file__ __doc__ __builtins__ __loader__ __package__ __spec__ __annotations__"
    " __debug__ __class__ __module__ __qualname__".split()
)
IPYTHON_NAMES = frozenset(
    "In Out get_ipython exit quit display _ __ ___ _i _ii _iii _ih _oh _dh _exit_code".split()
)
BUILTIN_NAMES = frozenset(dir(builtins))

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True)
class CellNames:
    """What a cell takes from its notebook and what it gives back, each in order of appearance."""

    reads: tuple[str, ...]
    optional: tuple[str, ...]
    assigns: tuple[str, ...]
    imports: tuple[str, ...] = ()
    dotted: tuple[str, ...] = ()


@dataclass
class _Flow:
    """Names assigned at one point of a module or class body."""

    definite: set[str] = field(default_factory=set)
    maybe: set[str] = field(default_factory=set)
    dead: bool = False

    def copy(self) -> _Flow:
        return _Flow(set(self.definite), set(self.maybe), self.dead)

    def become(self, ways: Sequence[_Flow]) -> None:
        """Go on as after any of `ways`; one that raised, broke or continued leads nowhere."""
        alive = [way for way in ways if not way.dead]
        self.dead = not alive
        self.definite = set.intersection(*(w.definite for w in alive or ways))
        self.maybe = set().union(*(w.maybe for w in ways))


@dataclass
class _Scope:
    """A function (or comprehension) whose bound names are known, or a class walked in order."""

    bound: set[str]
    globals_: set[str] = field(default_factory=set)
    flow: _Flow | None = None  # Classes only.
    deferred: bool = False
    comprehension: bool = False


def analyse(code: str) -> CellNames:
    """Find the names that a cell reads from outside and those that it assigns.

    Parameters
    ----------
    code
        The cell as it was typed, IPython's magics and ``!`` lines included.

    Raises
    ------
    InvalidInput
        When it is not valid Python; ``field`` is ``code``.
    """
    tree = parse(code)
    walker = _Walker(tree)
    walker.body(tree.body)
    return walker.result()


def parse(code: str) -> ast.Module:
    """Parse a cell, IPython's syntax translated into calls."""
    try:
        return ast.parse(ipython_syntax.to_python(code))
    except (SyntaxError, ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        where = f"line {line}: " if line else ""
        text = getattr(error, "msg", None) or str(error)
        raise InvalidInput(f"The cell is not valid Python: {where}{text}.", field="code") from None


class _Walker:
    def __init__(self, tree: ast.Module) -> None:
        self.flow = _Flow()
        self.scopes: list[_Scope] = []
        self.anywhere = _stored_in_module(tree)
        self.reads: dict[str, None] = {}
        self.optional: dict[str, None] = {}
        self.assigned: dict[str, None] = {}
        self.imports: dict[str, None] = {}
        self.dotted = tuple(dict.fromkeys(_chains(tree)))
        self.uncertain = 0
        self.wildcard = False

    def result(self) -> CellNames:
        left = [n for n in self.assigned if n in self.flow.maybe and not _is_ipythons(n)]
        optional = [n for n in self.optional if n not in self.reads]
        return CellNames(
            tuple(self.reads), tuple(optional), tuple(left), tuple(self.imports), self.dotted
        )

    # Names ---------------------------------------------------------------------------------

    def read(self, name: str) -> None:
        deferred, uncertain = False, self.uncertain > 0
        for depth, scope in enumerate(reversed(self.scopes)):
            if name in scope.globals_:
                deferred = any(s.deferred for s in self.scopes)
                break
            if scope.flow is None:
                if name in scope.bound:
                    return
            elif depth == 0:
                if name in scope.flow.definite:
                    return
                uncertain = uncertain or name in scope.flow.maybe
            deferred = deferred or scope.deferred
        if name in self.flow.definite or name in MODULE_NAMES or _is_ipythons(name):
            return
        later = deferred and name in self.anywhere
        if uncertain or later or name in self.flow.maybe or self.wildcard or _is_builtin(name):
            self.optional.setdefault(name)
        else:
            self.reads.setdefault(name)

    def store(self, name: str) -> None:
        scope = self.scopes[-1] if self.scopes else None
        if scope is None:
            self._assign(self.flow, name)
        elif name in scope.globals_:
            self._perhaps(name)
        elif scope.flow is not None:
            scope.flow.definite.add(name)
            scope.flow.maybe.add(name)

    def _assign(self, flow: _Flow, name: str) -> None:
        flow.definite.add(name)
        flow.maybe.add(name)
        self.assigned.setdefault(name)

    def _perhaps(self, name: str) -> None:
        self.flow.maybe.add(name)
        self.assigned.setdefault(name)

    def forget(self, name: str) -> None:
        flow = self._current()
        if flow is not None and not (self.scopes and name in self.scopes[-1].globals_):
            flow.definite.discard(name)
            flow.maybe.discard(name)

    def _current(self) -> _Flow | None:
        return self.scopes[-1].flow if self.scopes else self.flow

    @contextmanager
    def unsure(self) -> Iterator[None]:
        self.uncertain += 1
        try:
            yield
        finally:
            self.uncertain -= 1

    @contextmanager
    def scope(self, scope: _Scope) -> Iterator[_Scope]:
        self.scopes.append(scope)
        try:
            yield scope
        finally:
            self.scopes.pop()

    def ways(self, *ways: Sequence[ast.AST], otherwise: bool = False) -> None:
        """Walk several ways, one of which will be gone; `otherwise` stands for none of them."""
        flow = self._current()
        if flow is None:
            with self.unsure():
                for way in ways:
                    self.body(way)
            return
        before, ends = flow.copy(), []
        for way in ways:
            flow.become([before.copy()])
            with self.unsure():
                self.body(way)
            ends.append(flow.copy())
        flow.become([*ends, before] if otherwise else ends)

    # The walk ------------------------------------------------------------------------------

    def body(self, nodes: Iterable[ast.AST | None]) -> None:
        for node in nodes:
            if node is not None:
                self.visit(node)

    def visit(self, node: ast.AST) -> None:
        visitor = getattr(self, f"visit_{type(node).__name__}", None)
        if visitor is not None:
            visitor(node)
        elif isinstance(node, _COMPREHENSIONS):
            self.comprehension(node)
        else:
            self.body(ast.iter_child_nodes(node))

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self.read(node.id)
        elif isinstance(node.ctx, ast.Store):
            self.store(node.id)
        else:
            self.read(node.id)
            self.forget(node.id)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        name = node.target.id
        outer = len(self.scopes)
        while outer and self.scopes[outer - 1].comprehension:
            outer -= 1  # A walrus in a comprehension binds where the comprehension stands.
        if outer == len(self.scopes):
            self.store(name)
        elif outer == 0 or name in self.scopes[outer - 1].globals_:
            self._perhaps(name)

    def visit_Assign(self, node: ast.Assign) -> None:
        self.body([node.value, *node.targets])

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self.read(node.target.id)
        self.body([node.value, node.target])

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.body([node.value])
        with self.unsure():
            self.visit(node.annotation)
        if node.value is not None or not isinstance(node.target, ast.Name):
            self.visit(node.target)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        self.visit(node.values[0])
        for value in node.values[1:]:
            self.ways([value], otherwise=True)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self.visit(node.test)
        self.ways([node.body], [node.orelse])

    def visit_If(self, node: ast.If) -> None:
        self.visit(node.test)
        self.ways(node.body, node.orelse)

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        self.visit(node.iter)
        self._loop([node.target, *node.body], node.orelse)

    visit_AsyncFor = visit_For

    def visit_While(self, node: ast.While) -> None:
        self.visit(node.test)
        self._loop(node.body, node.orelse)

    def _loop(self, body: Sequence[ast.AST], orelse: Sequence[ast.AST]) -> None:
        flow = self._current()
        before = flow.copy() if flow else _Flow()
        self.body(body)
        if flow is not None:
            flow.become([before, _Flow(before.definite, flow.maybe)])
        self.ways(orelse, otherwise=True)

    def visit_With(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            self.body([item.context_expr, item.optional_vars])
        self.body(node.body)

    visit_AsyncWith = visit_With

    def visit_Try(self, node: Any) -> None:
        flow = self._current()
        before = flow.copy() if flow else _Flow()
        with self.unsure():
            self.body(node.body)
        after = flow.copy() if flow else _Flow()
        self.body(node.orelse)
        ends = [flow.copy()] if flow else []
        for handler in node.handlers:
            if flow:
                flow.become([_Flow(set(before.definite), set(after.maybe))])
            with self.unsure():
                self._handler(handler)
            ends += [flow.copy()] if flow else []
        if flow:
            flow.become(ends)
            merged = flow.copy()
            flow.definite &= before.definite
            start = set(flow.definite)
        self.body(node.finalbody)
        if flow:
            flow.definite = (merged.definite - (start - flow.definite)) | flow.definite
            flow.dead = flow.dead or merged.dead

    visit_TryStar = visit_Try

    def _handler(self, node: ast.ExceptHandler) -> None:
        self.body([node.type])
        if node.name:
            self.store(node.name)
        self.body(node.body)
        if node.name:
            self.forget(node.name)

    def visit_Match(self, node: ast.Match) -> None:
        self.visit(node.subject)
        cases = [[case.pattern, case.guard, *case.body] for case in node.cases]
        last = node.cases[-1]
        certain = last.guard is None and _takes_all(last.pattern)
        self.ways(
            *([part for part in case if part is not None] for case in cases),
            otherwise=not certain,
        )

    def _capture(self, node: Any) -> None:
        self.body(ast.iter_child_nodes(node))
        name = node.rest if isinstance(node, ast.MatchMapping) else node.name
        if name:
            self.store(name)

    visit_MatchAs = visit_MatchStar = visit_MatchMapping = _capture

    def _leave(self, node: ast.AST) -> None:
        self.body(ast.iter_child_nodes(node))
        flow = self._current()
        if flow is not None:
            flow.dead = True

    visit_Raise = visit_Return = visit_Break = visit_Continue = _leave

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.imports.setdefault(alias.name)
            self.store(alias.asname or alias.name.split(".")[0])

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = "." * node.level + (node.module or "")
        for alias in node.names:
            self.imports.setdefault(module)
            if alias.name == "*":
                self.wildcard = True
            else:
                self.store(alias.asname or alias.name)

    # Scopes of their own -------------------------------------------------------------------

    def visit_FunctionDef(self, node: _Function) -> None:
        self.body([*node.decorator_list, *node.args.defaults, *node.args.kw_defaults])
        self.store(node.name)
        self._function(node, node.body)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self.body([*node.args.defaults, *node.args.kw_defaults])
        self._function(node, [node.body])

    def _function(self, node: _Function | ast.Lambda, body: Sequence[ast.AST]) -> None:
        bound, declared, nonlocals = _stored(body)
        arguments = _arguments(node.args)
        bound |= {argument.arg for argument in arguments} | _type_parameters(node)
        with self.unsure():
            self.body([*(a.annotation for a in arguments), getattr(node, "returns", None)])
        scope = _Scope(bound - declared - nonlocals, declared, deferred=True)
        with self.scope(scope):
            self.body(body)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.body(node.decorator_list)
        with self.scope(_Scope(_type_parameters(node))):
            self.body([*node.bases, *node.keywords])
            declared = _stored(node.body)[1]
            with self.scope(_Scope(set(), declared, flow=_Flow())):
                self.body(node.body)
        self.store(node.name)

    def visit_TypeAlias(self, node: Any) -> None:
        self.visit(node.name)
        with self.unsure(), self.scope(_Scope(_type_parameters(node), deferred=True)):
            self.visit(node.value)

    def comprehension(self, node: Any) -> None:
        first = node.generators[0]
        self.visit(first.iter)
        bound: set[str] = set()
        for generator in node.generators:
            bound |= _stored([generator.target])[0]
        with self.scope(_Scope(bound, comprehension=True)):
            for generator in node.generators:
                self.body([None if generator is first else generator.iter, *generator.ifs])
            parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
            self.body(parts)

    # Code within text ----------------------------------------------------------------------

    def visit_Call(self, node: ast.Call) -> None:
        self.body(ast.iter_child_nodes(node))
        magic = ipython_syntax.as_magic(node)
        if magic is not None:
            self._magic(magic)
        elif isinstance(node.func, ast.Attribute) and node.args:
            self._query(node.func.attr, node.args[0])

    def _magic(self, magic: ipython_syntax.Magic) -> None:
        self.wildcard = self.wildcard or magic.defines_unknown
        with self.unsure():
            for name in magic.mentions:
                self.read(name)
        if magic.code is not None and magic.isolated:
            with self.scope(_Scope(_stored(magic.code)[0])):
                self.body(magic.code)
        elif magic.code is not None:
            self.body(magic.code)
        for name in magic.assigns:
            self.store(name)

    def _query(self, method: str, text: ast.expr) -> None:
        """Read names out of ``df.query("a > @limit")`` and DuckDB's ``sql("from df")``."""
        if not (isinstance(text, ast.Constant) and isinstance(text.value, str)):
            return
        pattern = {
            "query": r"@([A-Za-z_]\w*)",
            "eval": r"@([A-Za-z_]\w*)",
            "sql": r"(?i)\b(?:from|join)\s+([A-Za-z_]\w*)",
        }.get(method)
        with self.unsure():
            for name in re.findall(pattern, text.value) if pattern else ():
                self.read(name)


def _chains(tree: ast.Module) -> Iterator[str]:
    """List attribute chains such as ``xml.etree.ElementTree``, by which submodules are used."""
    for node in ast.walk(tree):
        parts: list[str] = []
        inner: ast.AST = node
        while isinstance(inner, ast.Attribute):
            parts.append(inner.attr)
            inner = inner.value
        if parts and isinstance(inner, ast.Name):
            yield ".".join([inner.id, *reversed(parts)])


def _is_builtin(name: str) -> bool:
    return name in BUILTIN_NAMES


def _is_ipythons(name: str) -> bool:
    return name in IPYTHON_NAMES or re.fullmatch(r"_i?\d+", name) is not None


def _takes_all(pattern: ast.pattern) -> bool:
    return isinstance(pattern, ast.MatchAs) and pattern.pattern is None


def _arguments(args: ast.arguments) -> list[ast.arg]:
    named = [*args.posonlyargs, *args.args, *args.kwonlyargs]
    return named + [arg for arg in (args.vararg, args.kwarg) if arg is not None]


def _type_parameters(node: ast.AST) -> set[str]:
    return {parameter.name for parameter in getattr(node, "type_params", ())}


def _stored(body: Iterable[ast.AST]) -> tuple[set[str], set[str], set[str]]:
    """Collect the names that one scope binds, declares global and declares nonlocal."""
    bound: set[str] = set()
    declared: set[str] = set()
    nonlocals: set[str] = set()
    waiting: list[tuple[ast.AST, bool]] = [(node, False) for node in body]
    while waiting:
        node, inside = waiting.pop()
        if isinstance(node, ast.NamedExpr):
            bound.add(node.target.id)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load) and not inside:
            bound.add(node.id)
        elif isinstance(node, ast.Global):
            declared.update(node.names)
        elif isinstance(node, ast.Nonlocal):
            nonlocals.update(node.names)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound.update(a.asname or a.name.split(".")[0] for a in node.names)
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            bound.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            bound.add(node.rest)
        if isinstance(node, _Function | ast.ClassDef):
            bound.add(node.name)
            waiting.extend((child, inside) for child in node.decorator_list)
        elif not isinstance(node, ast.Lambda):
            within = inside or isinstance(node, _COMPREHENSIONS)
            waiting.extend((child, within) for child in ast.iter_child_nodes(node))
    return bound, declared, nonlocals


def _stored_in_module(tree: ast.Module) -> set[str]:
    names = _stored(tree.body)[0]
    for node in ast.walk(tree):
        if isinstance(node, _Function):
            names |= _stored(node.body)[1]
    return names
