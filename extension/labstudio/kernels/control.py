"""Speaking to keepers: lines of JSON on the unix socket ``control`` of a kernel's folder.

A request is ``{"verb": NAME, ...arguments}``; the answer is ``{"ok": true, ...}``, or ``{"ok":
false, "code": ..., "message": ..., "details": ...}``, which the functions here raise again as the
`StudioError` that it was. Several requests may follow one another on one connection.

======================= ===========================================================================
verb                    what it does, and what it answers
======================= ===========================================================================
``status``              `KernelStatus`
``attach``              `KernelStatus`; the kernel counts as attached while the connection is open
``start``               starts the kernel unless it lives; answers once it is started, or cannot be
``interrupt``           what Ctrl-C does
``stop``                a polite end within ``grace_s`` seconds, then ``kill``; the keeper stays
``kill``                ends the kernel at once; the keeper stays, and ``start`` starts it anew
``reclaim`` message     ends the kernel against its user's will: it is then dead, with the message
``end``                 ends kernel and keeper, and forgets both
``bring`` here          brings a folder there; answers ``there``
``fetch`` there, here   brings a folder back
``rename`` path         notes where the notebook is now
``synchronise``         brings the notebook's folder and its copy there in step now
======================= ===========================================================================
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from typing import TYPE_CHECKING, Any

from labstudio import errors
from labstudio.errors import StudioError, Unavailable
from labstudio.kernels.models import KernelStatus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from labstudio.kernels.folder import KernelFolder

LINE_LIMIT_BYTES = 1 << 20
QUICK_S = 5.0


class Line:
    """A connection to a keeper, for code that has a loop.

    Parameters
    ----------
    folder
        The kernel's folder.
    """

    def __init__(self, folder: KernelFolder) -> None:
        self._path = str(folder.control)
        self._busy = asyncio.Lock()
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def __aenter__(self) -> Line:
        self._reader, self._writer = await asyncio.open_unix_connection(
            self._path, limit=LINE_LIMIT_BYTES
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._writer is not None:
            self._writer.close()

    async def ask(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """Ask the keeper to do something, and return what it answers.

        Raises
        ------
        StudioError
            What the keeper raised.
        ConnectionError
            When the keeper is gone.
        """
        assert self._reader is not None
        assert self._writer is not None
        async with self._busy:
            self._writer.write(request(verb, arguments))
            await self._writer.drain()
            return answer(await self._reader.readline())

    async def closed(self) -> None:
        """Wait until the keeper is gone; nothing may be asked meanwhile."""
        assert self._reader is not None
        with contextlib.suppress(ConnectionError):
            await self._reader.read(1)


def ask(
    folder: KernelFolder, verb: str, timeout_s: float | None = QUICK_S, **arguments: Any
) -> dict[str, Any]:
    """Ask a keeper to do something, and return what it answers; for code in a thread.

    Raises
    ------
    StudioError
        What the keeper raised, or `Unavailable` when no keeper answers in time.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(timeout_s)
            line.connect(str(folder.control))
            line.sendall(request(verb, arguments))
            with line.makefile("rb") as lines:
                return answer(lines.readline(LINE_LIMIT_BYTES))
    except OSError as error:
        raise Unavailable(f"The keeper of kernel {folder.id} does not answer.") from error


def status(folder: KernelFolder) -> KernelStatus | None:
    """Return how a kernel is; None when no keeper answers."""
    try:
        return KernelStatus.model_validate(ask(folder, "status"))
    except Unavailable:
        return None


def request(verb: str, arguments: dict[str, Any]) -> bytes:
    """Return a request's line."""
    return json.dumps({"verb": verb, **arguments}).encode() + b"\n"


def answer(line: bytes) -> dict[str, Any]:
    """Read an answer's line; raise what it says went wrong."""
    if not line.endswith(b"\n"):
        raise ConnectionResetError("The keeper is gone.")
    content: dict[str, Any] = json.loads(line)
    if content.pop("ok"):
        return content
    raise error_of(content)


def error_of(content: dict[str, Any]) -> StudioError:
    """Make the error again that a keeper told of."""
    known = {kind.code: kind for kind in _kinds(StudioError)}
    kind = known.get(content["code"], StudioError)
    details = content.get("details", {})
    if issubclass(kind, errors.InvalidInput):
        return kind(content["message"], field=details.pop("field", ""), **details)
    return kind(content["message"], **details)


def refusal(error: StudioError) -> dict[str, Any]:
    """Return the answer that tells of an error."""
    return {
        "ok": False,
        "code": error.code,
        "message": error.message,
        "details": json.loads(json.dumps(error.details, default=str)),
    }


def _kinds(kind: type[StudioError]) -> Iterator[type[StudioError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from _kinds(each)
