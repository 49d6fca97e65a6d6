"""What every handler of the API shares: parsing, threads, ownership, answers, the error shape."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from jupyter_server.base.handlers import APIHandler, JupyterHandler
from tornado.web import HTTPError

from labstudio.errors import InvalidInput, StudioError, TooLarge
from labstudio.problems import unavailable
from labstudio_server import authorization
from labstudio_server.container import SETTING, Services
from labstudio_server.endpoints import Verb, resolve
from labstudio_server.problems import answer_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import TracebackType

    from pydantic import BaseModel, ValidationError

    from labstudio._studio import Studio
    from labstudio.jobs.models import Job

Result = TypeVar("Result")

ACTIONS = {"GET": "read", "HEAD": "read"}
# Jupyter's own arguments; JupyterLab also adds a bare number against caches.
_NOT_FILTERS = frozenset({"token", "_xsrf", "_", "no_track_activity"})


class StudioMixin(JupyterHandler):
    """What HTTP handlers and websockets have in common."""

    path: ClassVar[str]
    """Where it is, below the API's address; a parameter is written ``{name}``."""
    auth_resource: ClassVar[str]
    """What the authorizer is asked for."""

    @property
    def services(self) -> Services:
        """The container that the extension put into the settings."""
        return cast("Services", self.settings[SETTING])

    @property
    def owner(self) -> str:
        """The name under which this request's jobs are kept."""
        return authorization.owner_of(self.current_user, self.identity_provider)

    @property
    def root(self) -> Path | None:
        """The folder that paths in requests are relative to."""
        return self.services.root

    @property
    def verb(self) -> Verb:
        """What the method that answers this request says of itself; HEAD is GET's."""
        method = (self.request.method or "").lower()
        verb: Verb = getattr(self, "get" if method == "head" else method).operation
        return verb

    async def call(self, work: Callable[[Studio], Result]) -> Result:
        """Run one verb of the studio in a thread."""
        return await self.services.call(work)

    async def query(self) -> Any:
        """Return the query string as the verb's model; unknown names are refused."""
        raw = {
            name: [value.decode("utf-8", "replace") for value in values]
            for name, values in self.request.query_arguments.items()
            if name not in _NOT_FILTERS and not name.isdigit()
        }
        return await self.services.run(_parse_query, self.verb.query, raw)

    async def allow(self, owner: str, action: str | None = None) -> None:
        """Refuse unless the user owns it or the authorizer says yes for its owner."""
        if owner != self.owner:
            wanted = action or ACTIONS.get(self.request.method or "", "write")
            await authorization.require(self, wanted, f"{self.auth_resource}/{owner}")

    async def allow_job(self, job_id: str, action: str | None = None) -> Job:
        """Return a job that the user may touch."""
        job = await self.call(lambda studio: studio.jobs.get(job_id))
        await self.allow(job.user, action)
        return job

    def log_exception(
        self,
        typ: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Log a traceback only for what nobody foresaw."""
        if unavailable(value):
            self.log.warning("labstudio: %s: %s", self.request.path, value)
        elif not isinstance(value, StudioError):
            super().log_exception(typ, value, tb)

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """Give the status that the error asks for; Tornado only knows its own errors'."""
        error = (kwargs.get("exc_info") or (None, None))[1]
        super().send_error(answer_for(error, status_code).status, **kwargs)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer every error in the one shape."""
        error = (kwargs.get("exc_info") or (None, None))[1]
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(answer_for(error, status_code).body, default=str))


class StudioHandler(StudioMixin, APIHandler):
    """Base of the API's HTTP handlers."""

    async def body(self) -> Any:
        """Return the request's body as the verb's model."""
        limit = self.services.max_body_bytes
        if len(self.request.body) > limit:
            raise TooLarge(
                f"The request's body is {len(self.request.body):,} bytes; "
                f"at most {limit:,} are taken.",
                limit_bytes=limit,
            )
        raw = self.request.body or (b"{}" if self.verb.body_optional else b"")
        return await self.services.run(_parse_body, self.verb.body, raw)

    async def answer(self, work: Callable[[Studio], BaseModel]) -> None:
        """Call the studio in a thread, make JSON of what it gives there too, and send it."""
        content = await self.call(lambda studio: work(studio).model_dump_json())
        self.set_status(self.verb.status)
        await self.finish(content)

    async def answer_jobs(self, work: Callable[[Studio], Sequence[Job]]) -> None:
        """Answer with jobs that were just made, as a page."""

        def page(studio: Studio) -> BaseModel:
            from labstudio.jobs.models import JobPage

            return JobPage(items=list(work(studio)))

        await self.answer(page)

    async def done(self, work: Callable[[Studio], object]) -> None:
        """Call the studio and answer that it is done."""
        await self.call(work)
        self.set_status(204)
        await self.finish()


class UnknownHandler(StudioHandler):
    """Answers for addresses that the API does not know."""

    async def prepare(self, *, _redirect_to_login: bool = True) -> None:
        """Refuse strangers as everywhere else, then say that there is nothing here."""
        await super().prepare()
        if not self.current_user:
            raise HTTPError(403)
        raise HTTPError(404)


def _parse_query(reference: str | None, raw: dict[str, list[str]]) -> Any:
    from pydantic import ValidationError

    if reference is None:
        return None
    model = resolve(reference)
    lists = {
        name
        for name, info in model.model_fields.items()
        if getattr(info.annotation, "__origin__", None) is list
    }
    values = {name: given if name in lists else given[-1] for name, given in raw.items()}
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise invalid(error) from error


def _parse_body(reference: str | None, raw: bytes) -> Any:
    from pydantic import ValidationError

    if reference is None:
        return None
    if not raw.strip():
        raise InvalidInput("The request has no body; send a JSON object.", field="body")
    try:
        return resolve(reference).model_validate_json(raw)
    except ValidationError as error:
        raise invalid(error) from error


def invalid(error: ValidationError) -> InvalidInput:
    """One clear sentence about the first thing that is wrong, and all of them as details."""
    found = [
        {"field": _place(item["loc"]), "message": item["msg"]}
        for item in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    first = found[0]
    if error.errors(include_url=False)[0]["type"] == "json_invalid":
        return InvalidInput(f"The body is not JSON: {first['message']}.", field="body")
    if error.errors(include_url=False)[0]["type"] == "extra_forbidden":
        message = f"There is no field {first['field']!r}."
    else:
        message = f"The field {first['field']!r} is wrong: {first['message']}."
    return InvalidInput(message, field=first["field"], errors=found)


def _place(location: tuple[int | str, ...]) -> str:
    """``job.timeout_s`` or ``grid.depth[2]``."""
    place = ""
    for part in location:
        place += f"[{part}]" if isinstance(part, int) else f".{part}" if place else str(part)
    return place or "body"
