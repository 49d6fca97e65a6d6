"""The walk behind `names.analyse`.

A cell is walked in the order in which Python would run it, with two sets at hand: the names that
are assigned on every way to this point, and those that are assigned on some way.
"""
# ruff: noqa: D102, N802, N815 -- ast names its visitors after its nodes.

from __future__ import annotations

import ast
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from labstudio.jobs import ipython_syntax
from labstudio.jobs.names import BUILTIN_NAMES, MODULE_NAMES
from labstudio.jobs.names_scope import (
    COMPREHENSIONS,
    Flow,
    Function,
    Scope,
    arguments,
    stored,
    stored_anywhere,
    takes_all,
    type_parameters,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


class Walker:
    """Collects what a cell reads and assigns."""

    def __init__(self, tree: ast.Module) -> None:
        self.flow = Flow()
        self.scopes: list[Scope] = []
        self.anywhere = stored_anywhere(tree)
        self.reads: dict[str, None] = {}
        self.optional: dict[str, None] = {}
        self.assigned: dict[str, None] = {}
        self.imports: dict[str, None] = {}
        self.tree = tree
        self.uncertain = 0
        self.wildcard = False

    def left_assigned(self) -> list[str]:
        """List the names that the cell assigns and does not delete again."""
        return [name for name in self.assigned if name in self.flow.maybe]

    def chains(self) -> Iterator[str]:
        """List attribute chains such as ``xml.etree.ElementTree``: submodules are used so."""
        for node in ast.walk(self.tree):
            parts: list[str] = []
            inner: ast.AST = node
            while isinstance(inner, ast.Attribute):
                parts.append(inner.attr)
                inner = inner.value
            if parts and isinstance(inner, ast.Name):
                yield ".".join([inner.id, *reversed(parts)])

    # Names ---------------------------------------------------------------------------------

    def read(self, name: str) -> None:
        """Note that a name is looked up here."""
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
                if name in scope.bound:
                    # A class that assigns a name finds it in itself or in the module only.
                    deferred = any(s.deferred for s in self.scopes)
                    break
            deferred = deferred or scope.deferred
        if name in self.flow.definite or name in MODULE_NAMES:
            return
        later = deferred and name in self.anywhere
        if uncertain or later or name in self.flow.maybe or self.wildcard or name in BUILTIN_NAMES:
            self.optional.setdefault(name)
        else:
            self.reads.setdefault(name)

    def store(self, name: str) -> None:
        """Note that a name is bound here."""
        scope = self.scopes[-1] if self.scopes else None
        if scope is None:
            self._assign(self.flow, name)
        elif name in scope.globals_:
            self._perhaps(name)
        elif scope.flow is not None:
            scope.flow.definite.add(name)
            scope.flow.maybe.add(name)

    def _assign(self, flow: Flow, name: str) -> None:
        flow.definite.add(name)
        flow.maybe.add(name)
        self.assigned.setdefault(name)

    def _perhaps(self, name: str) -> None:
        self.flow.maybe.add(name)
        self.assigned.setdefault(name)

    def forget(self, name: str) -> None:
        """Note that a name is deleted here."""
        flow = self._current()
        if flow is not None and not (self.scopes and name in self.scopes[-1].globals_):
            flow.definite.discard(name)
            flow.maybe.discard(name)

    def _current(self) -> Flow | None:
        return self.scopes[-1].flow if self.scopes else self.flow

    @contextmanager
    def unsure(self) -> Iterator[None]:
        self.uncertain += 1
        try:
            yield
        finally:
            self.uncertain -= 1

    @contextmanager
    def scope(self, scope: Scope) -> Iterator[Scope]:
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
        elif isinstance(node, COMPREHENSIONS):
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
        before = flow.copy() if flow else Flow()
        self.body(body)
        if flow is not None:
            flow.become([before, Flow(before.definite, flow.maybe)])
        self.ways(orelse, otherwise=True)

    def visit_With(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            self.body([item.context_expr, item.optional_vars])
        self.body(node.body)

    visit_AsyncWith = visit_With

    def visit_Try(self, node: Any) -> None:
        flow = self._current()
        before = flow.copy() if flow else Flow()
        with self.unsure():
            self.body(node.body)
        after = flow.copy() if flow else Flow()
        self.body(node.orelse)
        ends = [flow.copy()] if flow else []
        for handler in node.handlers:
            if flow:
                flow.become([Flow(set(before.definite), set(after.maybe))])
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
        certain = last.guard is None and takes_all(last.pattern)
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

    def visit_FunctionDef(self, node: Function) -> None:
        self.body([*node.decorator_list, *node.args.defaults, *node.args.kw_defaults])
        self.store(node.name)
        self._function(node, node.body)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self.body([*node.args.defaults, *node.args.kw_defaults])
        self._function(node, [node.body])

    def _function(self, node: Function | ast.Lambda, body: Sequence[ast.AST]) -> None:
        bound, declared, nonlocals = stored(body)
        parameters = arguments(node.args)
        bound |= {parameter.arg for parameter in parameters} | type_parameters(node)
        with self.unsure():
            self.body([*(p.annotation for p in parameters), getattr(node, "returns", None)])
        scope = Scope(bound - declared - nonlocals, declared, deferred=True)
        with self.scope(scope):
            self.body(body)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.body(node.decorator_list)
        with self.scope(Scope(type_parameters(node))):
            self.body([*node.bases, *node.keywords])
            bound, declared, _ = stored(node.body)
            with self.scope(Scope(bound - declared, declared, flow=Flow())):
                self.body(node.body)
        self.store(node.name)

    def visit_TypeAlias(self, node: Any) -> None:
        self.visit(node.name)
        with self.unsure(), self.scope(Scope(type_parameters(node), deferred=True)):
            self.visit(node.value)

    def comprehension(self, node: Any) -> None:
        first = node.generators[0]
        self.visit(first.iter)
        bound: set[str] = set()
        for generator in node.generators:
            bound |= stored([generator.target])[0]
        with self.scope(Scope(bound, comprehension=True)):
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
            with self.scope(Scope(stored(magic.code)[0])):
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
