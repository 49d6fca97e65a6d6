"""Promotion: who asked that a version become what an alias names, and what was decided.

A decision is made once: it is a conditional update of the request, and only then the alias is set.
When that fails, the request waits again; when the process dies in between, the request says that
it was approved and not applied, and approving it again sets the alias.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from labstudio import changes
from labstudio.database.tables import approvals as table
from labstudio.errors import Conflict, Forbidden, InvalidInput, NotFound, StudioError
from labstudio.ids import new_id
from labstudio.registry.client import MODELS, VERSIONS
from labstudio.registry.models import (
    Approval,
    ApprovalPage,
    ApprovalQuery,
    ApprovalState,
    CreateApproval,
    Decision,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from labstudio._studio import Studio
    from labstudio.registry.client import RegistryClient

# The newest request is a tag of its version too: MLflow's own pages and webhooks tell of it.
TAG = "labstudio.approval"
TAG_COMMENT_LIMIT = 1000


class Approvals:
    """Requests to promote."""

    def __init__(self, studio: Studio, client: RegistryClient) -> None:
        self._studio = studio
        self._database = studio.database
        self._client = client

    def search(self, query: ApprovalQuery | None = None) -> ApprovalPage:
        """Return requests, newest first."""
        asked = query or ApprovalQuery()
        wanted = sa.select(table).order_by(table.c.id.desc()).limit(asked.limit + 1)
        if asked.state is not None:
            wanted = wanted.where(table.c.state == asked.state.value)
        if asked.model is not None:
            wanted = wanted.where(table.c.model == asked.model)
        if asked.version is not None:
            wanted = wanted.where(table.c.version == asked.version)
        if asked.cursor is not None:
            wanted = wanted.where(table.c.id < asked.cursor)
        with self._database.read() as connection:
            rows = connection.execute(wanted).all()
        items = [read(row) for row in rows[: asked.limit]]
        self._say_replaced(items)
        more = len(rows) > asked.limit
        return ApprovalPage(items=items, next_cursor=items[-1].id if more else None)

    def get(self, approval_id: str) -> Approval:
        """Return a request.

        Raises
        ------
        NotFound
            When there is none of that id.
        """
        row = self._database.find(table, approval_id)
        if row is None:
            message = f"There is no approval {approval_id!r}."
            raise NotFound(message, approval_id=approval_id)
        found = read(row)
        self._say_replaced([found])
        return found

    def create(self, request: CreateApproval, *, user: str) -> Approval:
        """Ask that a version become what an alias names.

        Raises
        ------
        NotFound
            When there is no such version.
        Conflict
            When it is asked for already, or the alias names the version now.
        """
        check_alias(request.alias)
        self._client.version(request.model, request.version)
        if self._client.by_alias(request.model, request.alias) == request.version:
            raise Conflict(f"Version {request.version} is {request.alias!r} already.")
        approval_id = new_id()
        row = {
            **request.model_dump(),
            "id": approval_id,
            "state": ApprovalState.pending.value,
            "requested_by": user,
            "requested_at": datetime.now(UTC),
            "applied": False,
        }
        with self._database.begin() as connection:
            same = [getattr(table.c, name) == row[name] for name in ("model", "version", "alias")]
            waiting = table.c.state == ApprovalState.pending.value
            if connection.execute(sa.select(table.c.id).where(*same, waiting)).first():
                raise Conflict(
                    f"Version {request.version} was asked to become {request.alias!r} already; "
                    "that request waits for a decision."
                )
            connection.execute(table.insert().values(**row))
            changes.record(connection, "models", request.model, "changed")
        made = self.get(approval_id)
        try:
            self._tag(made, user)
        except StudioError:
            with self._database.begin() as connection:
                connection.execute(table.delete().where(table.c.id == approval_id))
            raise
        return made

    def decide(
        self, approval_id: str, decision: Decision, *, user: str, accounts: bool = False
    ) -> Approval:
        """Say yes or no to a request; with a yes the alias is set.

        Parameters
        ----------
        approval_id, decision
            What is decided, and how.
        user
            Who decides.
        accounts
            Whether the caller knows its users: then nobody approves what they asked for themselves.

        Raises
        ------
        Forbidden
            When one would approve what one asked for, and there is somebody else to do it.
        Conflict
            When it was decided before.
        """
        found = self.get(approval_id)
        finishing = found.state is ApprovalState.approved and not found.applied
        if finishing and decision.approve:
            return self._apply(found, found.decided_by or user)
        if decision.approve and found.requested_by == user and not may_own(self._studio, accounts):
            raise Forbidden(
                "You asked for this promotion yourself; somebody else has to approve it.",
                approval_id=approval_id,
            )
        state = ApprovalState.approved if decision.approve else ApprovalState.rejected
        self._close(found, state, user, decision.comment)
        decided = self.get(approval_id)
        try:
            if decision.approve:
                return self._apply(decided, user)
            self._tag(decided, user)
        except StudioError:
            self._reopen(decided)
            raise
        return decided

    def withdraw(self, approval_id: str, *, user: str) -> Approval:
        """Take back what one asked for.

        Raises
        ------
        Forbidden, Conflict
            When somebody else asked for it, or it was decided.
        """
        found = self.get(approval_id)
        if found.requested_by != user:
            raise Forbidden("Only who asked for a promotion can take the request back.")
        self._close(found, ApprovalState.withdrawn, user, "")
        taken = self.get(approval_id)
        self._tag(taken, user)
        return taken

    def drop(self, model: str, version: int | None, user: str) -> None:
        """Withdraw what waits for a version that is deleted, or for any of a model's."""
        of = [table.c.model == model, table.c.state == ApprovalState.pending.value]
        if version is not None:
            of.append(table.c.version == version)
        values = {
            "state": ApprovalState.withdrawn.value,
            "decided_by": user,
            "decided_at": datetime.now(UTC),
            "decision_comment": "The version was deleted.",
        }
        with self._database.begin() as connection:
            connection.execute(table.update().where(*of).values(**values))

    def pending(self) -> dict[tuple[str, int], list[str]]:
        """Return the aliases that are asked for, by model and version."""
        wanted = sa.select(table.c.model, table.c.version, table.c.alias).where(
            table.c.state == ApprovalState.pending.value
        )
        found: dict[tuple[str, int], list[str]] = {}
        with self._database.read() as connection:
            for model, version, alias in connection.execute(wanted):
                found.setdefault((model, version), []).append(alias)
        return found

    def applied(self, model: str | None = None) -> set[tuple[str, int, str]]:
        """Return which versions were given which alias by an approval."""
        wanted = sa.select(table.c.model, table.c.version, table.c.alias).where(table.c.applied)
        if model is not None:
            wanted = wanted.where(table.c.model == model)
        with self._database.read() as connection:
            return {(row.model, row.version, row.alias) for row in connection.execute(wanted)}

    def _close(self, found: Approval, state: ApprovalState, user: str, comment: str) -> None:
        values = {
            "state": state.value,
            "decided_by": user,
            "decided_at": datetime.now(UTC),
            "decision_comment": comment,
        }
        waiting = (table.c.id == found.id) & (table.c.state == ApprovalState.pending.value)
        with self._database.begin() as connection:
            done = connection.execute(table.update().where(waiting).values(**values))
            if done.rowcount:
                changes.record(connection, "models", found.model, "changed")
                return
        now = self.get(found.id)
        by = f" by {now.decided_by}" if now.decided_by else ""
        raise Conflict(
            f"The request was {now.state.value}{by} already.",
            approval_id=found.id,
            state=now.state.value,
        )

    def _reopen(self, decided: Approval) -> None:
        """Let a request wait again whose decision could not be carried out."""
        mine = (
            (table.c.id == decided.id)
            & (table.c.state == decided.state.value)
            & (table.c.decided_at == decided.decided_at)
            & ~table.c.applied
        )
        values = {
            "state": ApprovalState.pending.value,
            "decided_by": None,
            "decided_at": None,
            "decision_comment": None,
        }
        with self._database.begin() as connection:
            connection.execute(table.update().where(mine).values(**values))
            changes.record(connection, "models", decided.model, "changed")

    def _apply(self, approved: Approval, user: str) -> Approval:
        self._client.write(
            "POST",
            f"{MODELS}/alias",
            user,
            name=approved.model,
            alias=approved.alias,
            version=str(approved.version),
        )
        self._tag(approved, user)
        with self._database.begin() as connection:
            mine = table.c.id == approved.id
            connection.execute(table.update().where(mine).values(applied=True))
            changes.record(connection, "models", approved.model, "changed")
        return self.get(approved.id)

    def _tag(self, approval: Approval, user: str) -> None:
        said = approval.decision_comment if approval.decided_by else approval.comment
        told = {
            "id": approval.id,
            "alias": approval.alias,
            "state": approval.state.value,
            "requested_by": approval.requested_by,
            "decided_by": approval.decided_by,
            "comment": (said or "")[:TAG_COMMENT_LIMIT],
        }
        self._client.write(
            "POST",
            f"{VERSIONS}/set-tag",
            user,
            name=approval.model,
            version=str(approval.version),
            key=TAG,
            value=json.dumps(told, ensure_ascii=False),
        )

    def _say_replaced(self, items: Iterable[Approval]) -> None:
        """Fill in which version each request that waits would replace."""
        known: dict[str, dict[str, int]] = {}
        for each in items:
            if each.state is not ApprovalState.pending:
                continue
            if each.model not in known:
                known[each.model] = self._client.aliases(each.model)
            each.replaces = known[each.model].get(each.alias)


def may_own(studio: Studio, accounts: bool) -> bool:
    """Tell whether one may approve what one asked for oneself: where one is alone, or by setting.

    Parameters
    ----------
    studio
        Its setting ``own_approval`` decides, where it says something.
    accounts
        Whether the caller knows its users one from another.
    """
    said = studio.config.own_approval
    return bool(said) if said is not None else not accounts and studio.database.sqlite


def read(row: sa.Row[Any]) -> Approval:
    """Return a row as the API shows it."""
    own = row.decided_by is not None and row.decided_by == row.requested_by
    return Approval(**row._mapping, own=own)


def check_alias(alias: str) -> None:
    """Refuse what MLflow would not take as an alias.

    Raises
    ------
    InvalidInput
        With what is wrong.
    """
    import re

    if not re.fullmatch(r"[\w\-]+", alias, re.ASCII):
        message = "alias may hold letters, digits, _ and - only."
        raise InvalidInput(message, field="alias")
    if alias.lower() == "latest" or re.fullmatch(r"[vV]\d+", alias):
        raise InvalidInput(f"alias {alias!r} is kept by MLflow for itself.", field="alias")
