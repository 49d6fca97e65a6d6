"""MLflow's REST conventions: how values are written, shortened and read, and what refusals mean."""

from __future__ import annotations

import json
import math
import posixpath
import re
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from labstudio.errors import Conflict, InvalidInput, NotFound, Unavailable
from labstudio.jobs.left import MetricPoint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import httpx

T = TypeVar("T")

# MLflow's limits (mlflow.utils.validation).
PARAM_LIMIT = 6000
TAG_LIMIT = 8000
KEY_LIMIT = 250
PARAMS_PER_BATCH = 100
METRICS_PER_BATCH = 1000

# MLflow refuses `#`, cuts at `?`, takes `%41` for `A`, and writes control characters as `%0a`.
NOT_IN_PATHS = re.compile(r"[#?%\x00-\x1f\x7f]")
NOT_IN_KEYS = re.compile(r"[^/\w.\- :]")


@dataclass(frozen=True)
class Metric:
    """One value to log."""

    key: str
    value: float
    timestamp: datetime
    step: int = 0


@dataclass(frozen=True)
class Run:
    """What MLflow says of a run."""

    id: str
    experiment_id: str
    status: str
    start_time: datetime
    artifact_uri: str
    metrics: dict[str, Metric]
    params: dict[str, str]
    tags: dict[str, str]


def is_safe(method: str, error: httpx.HTTPError) -> bool:
    """Tell whether a request that failed so may be sent again without doing something twice."""
    import httpx

    return method == "GET" or isinstance(error, httpx.ConnectError)


def unavailable(error: Exception) -> Unavailable:
    """Return the error for a server that cannot be reached."""
    return Unavailable(f"The tracking server does not answer ({type(error).__name__}).")


def raise_for(answer: httpx.Response) -> None:
    """Raise the studio's error for an answer that refuses."""
    if answer.is_success:
        return
    try:
        content = answer.json()
        code, message = str(content.get("error_code", "")), str(content.get("message", ""))
    except (ValueError, AttributeError):
        code, message = "", answer.text[:200]
    message = message or f"The tracking server answered {answer.status_code}."
    if answer.status_code == 404 or code == "RESOURCE_DOES_NOT_EXIST":
        raise NotFound(message)
    if answer.status_code == 409 or code == "RESOURCE_ALREADY_EXISTS":
        raise Conflict(message)
    if answer.status_code in (401, 403):
        raise Unavailable("The tracking server refuses the token; restart the daemon.")
    if 400 <= answer.status_code < 500:
        raise InvalidInput(message, field="tracking")
    raise Unavailable(f"The tracking server failed ({answer.status_code}): {message[:500]}")


def millis(moment: datetime) -> int:
    """Return a moment as MLflow counts them."""
    return round(moment.timestamp() * 1000)


def moment(millis: float | str) -> datetime:
    """Return the moment of MLflow's milliseconds."""
    return datetime.fromtimestamp(int(millis) / 1000, UTC)


def dump(value: object) -> str:
    """Return a parameter's value as text; text stays as it is."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def pairs(values: Mapping[str, str], limit: int) -> list[dict[str, str]]:
    """Return keys and values as MLflow wants them, shortened to what it accepts."""
    return [
        {"key": clean_key(key), "value": shorten(value, limit)}
        for key, value in values.items()
        if key.strip()
    ]


def clean_key(key: str) -> str:
    """Return a name that MLflow accepts: what it refuses in names becomes ``_``.

    It allows letters of any script, digits and ``_-. :/``, and wants a name that, read as a path,
    is normal and relative.
    """
    name = NOT_IN_KEYS.sub("_", key)[:KEY_LIMIT]
    return name if is_plain(name) else name.replace("/", "_").replace(".", "_")


def clean_path(path: str) -> str:
    """Return an artifact's path that MLflow neither refuses nor changes.

    Raises
    ------
    InvalidInput
        When it leads out of the run's artifacts; HTTP clients shorten such paths silently.
    """
    if {"", ".", ".."} & set(path.split("/")):
        raise InvalidInput(f"The artifact path {path[:200]!r} is not a plain one.", field="path")
    return NOT_IN_PATHS.sub("_", path.encode(errors="replace").decode())


def is_plain(name: str) -> bool:
    """Tell whether a name is unchanged as a relative path."""
    return posixpath.normpath(name) == name and not name.startswith(("/", "..")) and name != "."


def shorten(text: str, limit: int) -> str:
    """Return the text, cut with an ellipsis when it is longer than `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def json_number(value: float) -> float | str:
    """Return a number as protobuf's JSON writes it, in which NaN and infinities are text."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield the items in lists of at most `size`."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def read_exactly(file: Any, length: int, chunk: int = 1 << 20) -> Iterator[bytes]:
    """Yield `length` bytes of a file; zeros where it has become shorter."""
    while length > 0:
        data = file.read(min(chunk, length)) or b"\0" * min(chunk, length)
        length -= len(data)
        yield data


def read_metric(entry: Mapping[str, Any]) -> Metric:
    """Return a metric of MLflow's JSON."""
    return Metric(
        str(entry["key"]),
        float(entry["value"]),
        moment(entry["timestamp"]),
        int(entry.get("step", 0)),
    )


def point(metric: Metric) -> MetricPoint:
    """Return a metric's value as the studio's API shows it."""
    # MLflow keeps an infinity as the largest number there is.
    finite = math.isfinite(metric.value) and abs(metric.value) < sys.float_info.max
    value = metric.value if finite else None
    return MetricPoint(step=metric.step, timestamp=metric.timestamp, value=value)


def read_run(content: Mapping[str, Any]) -> Run:
    """Return a run of MLflow's JSON."""
    info, data = content["info"], content.get("data", {})
    return Run(
        id=info["run_id"],
        experiment_id=info["experiment_id"],
        status=info["status"],
        start_time=moment(info.get("start_time", 0)),
        artifact_uri=info.get("artifact_uri", ""),
        metrics={each["key"]: read_metric(each) for each in data.get("metrics", [])},
        params=to_dict(data.get("params", [])),
        tags=to_dict(data.get("tags", [])),
    )


def to_dict(entries: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return MLflow's list of keys and values as a dictionary."""
    return {each["key"]: each.get("value", "") for each in entries}
