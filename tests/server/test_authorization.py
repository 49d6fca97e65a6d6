"""Nobody reads or ends what the authorizer keeps from them, by any verb or address."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from accounts import Accounts, Owners
from jupyter_server.auth import IdentityProvider, User
from jupyter_server.auth.identity import PasswordIdentityProvider
from tornado.httpclient import HTTPClientError
from tornado.web import RequestHandler

from labstudio._studio import Studio
from labstudio.compute.local_kernel import offers
from labstudio.errors import NotFound
from labstudio.kernels import control
from labstudio.kernels.folder import KernelFolder
from labstudio.kernels.keepers import Keepers
from labstudio.kernels.models import KernelSheet, KernelState
from labstudio_server.authorization import owner_of
from labstudio_server.container import system_user
from labstudio_server.handlers.mlflow import MlflowHandler, MlflowRedirectHandler
from labstudio_server.routes import ENDPOINTS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from conftest import Call
    from traitlets.config import Config

METHODS = ("get", "head", "post", "put", "patch", "delete")
HANDLERS = [endpoint.handler for endpoint in ENDPOINTS]
ALICE = {"X-User": "alice"}
BOB = {"X-User": "bob"}
KEEPERS = Keepers()


def verbs() -> list[tuple[type[RequestHandler], str]]:
    """Every verb that any handler of the extension answers."""
    return [
        (handler, method)
        for handler in [*HANDLERS, MlflowHandler, MlflowRedirectHandler]
        for method in METHODS
        if getattr(handler, method) is not getattr(RequestHandler, method)
    ]


@pytest.mark.parametrize(("handler", "method"), verbs())
def test_every_verb_is_authenticated_and_authorized(handler: Any, method: str) -> None:
    verb = vars(handler).get(method)
    assert verb is not None, "an inherited verb would keep the first class's resource"
    source = inspect.getsource(verb)
    if method == "get" and "ws_authenticated" in source:
        assert "authorization.require(self" in source
        assert source.index("require(self") < source.index("super().get(")
    else:
        assert "@web.authenticated" in source
        assert "@authorized" in source
    assert vars(handler)["auth_resource"].startswith("labstudio:")


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.path)
def test_every_method_says_what_it_is_and_is_short(endpoint: Any) -> None:
    handler = endpoint.handler
    listed = {verb.method.lower() for verb in endpoint.verbs}
    answered = {
        method
        for method in METHODS
        if getattr(handler, method) is not getattr(RequestHandler, method)
    }
    assert listed == answered - {"head"}
    for verb in endpoint.verbs:
        body = inspect.getsource(vars(handler)[verb.method.lower()]).split('"""')[2]
        assert len(body.strip().splitlines()) <= 10


async def refused(jp_fetch: Any, *parts: str, **options: Any) -> int:
    with pytest.raises(HTTPClientError) as caught:
        await jp_fetch("labstudio", *parts, allow_nonstandard_methods=True, **options)
    return int(caught.value.code)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.path)
async def test_without_a_token_every_verb_is_refused(jp_fetch: Any, endpoint: Any) -> None:
    path = endpoint.path.replace("{", "").replace("}", "")
    for verb in endpoint.verbs:
        code = await refused(
            jp_fetch, "api", "v1", path, method=verb.method, headers={"Authorization": ""}
        )
        assert code == 403


async def test_without_a_token_mlflow_asks_for_a_login(jp_fetch: Any) -> None:
    nobody = {"Authorization": ""}
    assert await refused(jp_fetch, "mlflow/", headers=nobody, follow_redirects=False) == 302
    post = {"method": "POST", "body": "{}", "headers": nobody}
    assert await refused(jp_fetch, "mlflow/ajax-api/2.0/mlflow/runs/search", **post) == 403


def begin_kernel(studio: Studio, user: str) -> KernelFolder:
    """Start a kernel on this machine that is a user's."""
    offer = next(each for each in offers() if each.name == "python3")
    folder = KernelFolder(studio.home, f"of-{user}")
    folder.create(
        KernelSheet(
            id=folder.id, compute="local", offer=offer, spec="python3", user=user, key="k",
            started_at=datetime.now(UTC), path="/work.ipynb",
        )
    )  # fmt: skip
    KEEPERS.ensure(folder, spare=False)
    control.ask(folder, "start", timeout_s=60)
    return folder


async def idle(studio: Studio, folder: KernelFolder) -> None:
    """Wait until a kernel has said that it does nothing."""
    async with asyncio.timeout(60):
        while (await asyncio.to_thread(state, studio, folder)) is not KernelState.idle:
            await asyncio.sleep(0.05)


def state(studio: Studio, folder: KernelFolder) -> KernelState | None:
    """Return how a kernel is; None before it is on record."""
    with contextlib.suppress(NotFound):
        return studio.kernels.get(folder.id).state
    return None


async def cookies(jp_fetch: Any) -> tuple[str, str]:
    """Log in as a browser does; return the Cookie header and the XSRF token."""
    page = await jp_fetch("tree", follow_redirects=False, raise_error=False)
    response = await jp_fetch("login", raise_error=False, follow_redirects=False)
    given = page.headers.get_list("Set-Cookie") + response.headers.get_list("Set-Cookie")
    pairs = dict(each.split(";")[0].split("=", 1) for each in given)
    xsrf = pairs.get("_xsrf", "")
    return "; ".join(f"{name}={value}" for name, value in pairs.items()), xsrf


async def test_a_logged_in_browser_needs_the_xsrf_token(
    jp_fetch: Any, write_file: Callable[[str, str], str]
) -> None:
    path = write_file("a.py", "print(1)")
    cookie, xsrf = await cookies(jp_fetch)
    assert xsrf
    browser = {"Authorization": "", "Cookie": cookie}
    assert (
        await jp_fetch("labstudio/api/v1/jobs", headers={**browser, "Referer": "x"})
    ).code == 200
    body = json.dumps({"path": path})
    post = {"method": "POST", "body": body}
    assert await refused(jp_fetch, "api/v1/jobs", headers=browser, **post) == 403
    wrong = {**browser, "X-XSRFToken": "2|0000|1111|1"}
    assert await refused(jp_fetch, "api/v1/jobs", headers=wrong, **post) == 403
    right = {**browser, "X-XSRFToken": xsrf}
    assert (await jp_fetch("labstudio/api/v1/jobs", headers=right, **post)).code == 201
    foreign = {**right, "Origin": "https://evil.example"}
    assert await refused(jp_fetch, "api/v1/jobs", headers=foreign, **post) in (403, 404)
    mlflow = "mlflow/ajax-api/2.0/mlflow/experiments/create"
    assert await refused(jp_fetch, mlflow, headers=browser, **post) == 403
    assert await refused(jp_fetch, mlflow, headers=right, **post) == 503  # judged, and passed on


async def test_jobs_of_a_server_without_accounts_have_one_owner(
    call: Call, write_file: Callable[[str, str], str]
) -> None:
    path = write_file("a.py", "print(1)")
    owners = {(await call("POST", "jobs", body={"path": path})).data["user"] for _ in range(3)}
    assert owners == {system_user()}
    assert (await call("GET", "status")).data["user"] == system_user()


def test_owners_by_identity_provider() -> None:
    generated = User("0" * 32, "Anonymous Io")
    named = User("carol", "Carol")
    assert owner_of(named, PasswordIdentityProvider()) == system_user()
    assert owner_of(generated, IdentityProvider()) == system_user()
    assert owner_of(named, Accounts()) == "carol"
    assert owner_of(generated, Accounts()) == system_user()


class TestTwoUsers:
    @pytest.fixture
    def jp_server_config(self, jp_server_config: Config) -> Config:
        jp_server_config.ServerApp.identity_provider_class = Accounts
        jp_server_config.ServerApp.authorizer_class = Owners
        return jp_server_config

    @pytest.fixture(autouse=True)
    def _nothing_denied(self) -> None:
        Owners.denied.clear()

    @pytest.fixture
    def alices(self, call: Call, write_file: Any) -> Callable[[], Awaitable[tuple[str, str]]]:
        """Make a job and a schedule of Alice's; return their ids."""

        async def make() -> tuple[str, str]:
            spec = {"path": write_file("a.py", "print(1)")}
            job = await call("POST", "jobs", body=spec, headers=dict(ALICE))
            assert job.data["user"] == "alice"
            schedule = await call(
                "POST", "schedules", body={"job": spec, "cron": "0 6 * * *"}, headers=dict(ALICE)
            )
            assert schedule.code == 201, schedule.data
            return job.data["id"], schedule.data["id"]

        return make

    async def test_one_cannot_touch_the_others(
        self, call: Call, alices: Any, jp_ws_fetch: Any
    ) -> None:
        job, schedule = await alices()
        for endpoint in ENDPOINTS:
            if not re.search(r"{(job|schedule)_id}", endpoint.path):
                continue  # it belongs to nobody
            path = endpoint.path.format_map({"job_id": job, "schedule_id": schedule, "path": "log"})
            for verb in endpoint.verbs:
                if verb.websocket:
                    continue
                reply = await call(verb.method, path, body=self.body(verb), headers=dict(BOB))
                assert (reply.code, reply.data["code"]) == (403, "forbidden"), (verb, reply.data)
        with pytest.raises(HTTPClientError) as caught:
            await jp_ws_fetch("labstudio/api/v1/jobs", job, "log/stream", headers=dict(BOB))
        assert caught.value.code == 403
        assert (await call("GET", "jobs", job, headers=dict(ALICE))).data["state"] == "queued"
        kept = (await call("GET", "schedules", schedule, headers=dict(ALICE))).data
        assert kept["paused"] is False

    @staticmethod
    def body(verb: Any) -> Any:
        return {} if verb.method in ("POST", "PATCH") else None

    async def test_lists_hold_only_ones_own(self, call: Call, alices: Any) -> None:
        job, schedule = await alices()
        for path, mine in (("jobs", job), ("schedules", schedule)):
            hers = (await call("GET", path, headers=dict(ALICE))).data
            assert [each["id"] for each in hers["items"]] == [mine]
            his = (await call("GET", path, headers=dict(BOB))).data
            assert his["items"] == []
        his = (await call("GET", "jobs", headers=dict(BOB), params={"user": "alice"})).data
        assert (his["items"], his["counts"]) == ([], {})

    @pytest.mark.slow
    async def test_one_ends_only_ones_own_idle_kernels(self, call: Call, studio: Studio) -> None:
        studio.home.create()
        hers, his = [begin_kernel(studio, user) for user in ("alice", "bob")]
        try:
            for folder in (hers, his):
                await idle(studio, folder)
            stop = ("POST", "computes", "local", "stop-idle")
            Owners.denied.add(("bob", "write", "labstudio:kernels"))
            assert (await call(*stop, headers=dict(BOB))).code == 403
            Owners.denied.clear()
            ended = (await call(*stop, headers=dict(BOB))).data["items"]
            assert [(each["id"], each["state"]) for each in ended] == [(his.id, "dead")]
            assert studio.kernels.get(hers.id).state is KernelState.idle
        finally:
            for folder in (hers, his):
                control.ask(folder, "end", timeout_s=30)

    async def test_one_may_reuse_the_others_idempotency_key(
        self, call: Call, write_file: Any
    ) -> None:
        spec = {"path": write_file("a.py", "print(1)"), "idempotency_key": "k"}
        users = [
            (await call("POST", "jobs", body=spec, headers=dict(who))).data["user"]
            for who in (ALICE, BOB)
        ]
        assert users == ["alice", "bob"]

    async def test_a_user_who_may_only_read(self, call: Call, alices: Any) -> None:
        job, _ = await alices()
        Owners.denied.add(("alice", "write", "labstudio:jobs"))
        assert (await call("GET", "jobs", job, headers=dict(ALICE))).code == 200
        for method, *rest in (("DELETE",), ("POST", "stop"), ("POST", "rerun")):
            reply = await call(method, "jobs", job, *rest, headers=dict(ALICE))
            assert reply.code == 403

    async def test_resources_are_denied_one_by_one(self, call: Call, jp_fetch: Any) -> None:
        for resource, path in (
            ("labstudio:status", "status"),
            ("labstudio:computes", "computes"),
            ("labstudio:schedules", "schedules"),
        ):
            assert (await call("GET", path, headers=dict(ALICE))).code == 200
            Owners.denied.add(("alice", "read", resource))
            assert (await call("GET", path, headers=dict(ALICE))).code == 403
        Owners.denied.add(("alice", "read", "labstudio:mlflow"))
        assert await refused(jp_fetch, "mlflow/", headers=dict(ALICE)) == 403
