"""The verbs of the registry: find models, look at versions, register, promote, delete."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from typing import TYPE_CHECKING

from labstudio.errors import Conflict, Forbidden, InvalidInput, NotFound
from labstudio.jobs.submission import current_user
from labstudio.registry.approvals import Approvals, check_alias
from labstudio.registry.client import (
    MODELS,
    OWN_TAGS,
    VERSIONS,
    RegistryClient,
    finite,
    quoted,
    read_model,
    read_source_run,
    read_version,
)
from labstudio.registry.compare import compare
from labstudio.registry.events import Events
from labstudio.registry.favourites import Favourites
from labstudio.registry.mlmodel import read_files
from labstudio.registry.models import (
    ApprovalQuery,
    Comparison,
    Dashboard,
    EventQuery,
    ModelDetail,
    ModelEvents,
    ModelPage,
    ModelQuery,
    ModelVersion,
    RegisterModel,
    RegistrablePage,
    SourceRun,
    UpdateModel,
    UpdateVersion,
    VersionDetail,
)
from labstudio.registry.register import register, registrable
from labstudio.registry.webhooks import Webhooks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from labstudio._studio import Studio

ORDERS = {
    "name": "name ASC",
    "-name": "name DESC",
    "updated_at": "last_updated_timestamp ASC",
    "-updated_at": "last_updated_timestamp DESC",
}
AT_ONCE = 4


class RegistryService:
    """MLflow's registry, with favourites, approvals and cards beside it.

    Every method may be called from any thread. `user` is who does it: the system's user when left
    out.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self.client = RegistryClient(studio.tracking)

    @cached_property
    def approvals(self) -> Approvals:
        """Requests to promote, and what was decided."""
        return Approvals(self._studio, self.client)

    @cached_property
    def webhooks(self) -> Webhooks:
        """Who is told of changes."""
        return Webhooks(self._studio.tracking)

    @property
    def protected(self) -> list[str]:
        """The aliases that want an approval."""
        return list(self._studio.config.protected_aliases)

    def is_protected(self, alias: str) -> bool:
        """Tell whether an alias wants an approval; ``Champion`` is meant by ``champion`` too."""
        return alias.casefold() in {each.casefold() for each in self.protected}

    def search(self, query: ModelQuery | None = None, *, user: str | None = None) -> ModelPage:
        """Return a page of registered models.

        Raises
        ------
        InvalidInput
            When the filter is not one of MLflow's.
        """
        asked = query or ModelQuery()
        mine = Favourites(self._studio.database).of(user or current_user())
        wanted = [each for each in (asked.filter.strip(), text_filter(asked.text)) if each]
        try:
            found, token = self.client.search(
                " AND ".join(wanted), ORDERS[asked.order_by], asked.limit, asked.cursor
            )
        except InvalidInput as error:
            raise InvalidInput(error.message, field="filter") from error
        items = [read_model(each) for each in found]
        waiting = self.approvals.pending()
        for each in items:
            each.favourite = each.name in mine
            each.pending = sum(len(a) for (name, _), a in waiting.items() if name == each.name)
        if asked.favourite is not None:
            items = [each for each in items if each.favourite is asked.favourite]
        return ModelPage(items=items, next_cursor=token, protected=self.protected)

    def get(self, name: str, *, user: str | None = None) -> ModelDetail:
        """Return a model with its versions.

        Raises
        ------
        NotFound
            When there is none of that name.
        """
        model = read_model(self.client.get(name))
        versions = [read_version(each, model.aliases) for each in self.client.versions(name)]
        waiting, applied = self.approvals.pending(), self.approvals.applied(name)
        for each in versions:
            self._judge(each, waiting, applied)
        model.favourite = name in Favourites(self._studio.database).of(user or current_user())
        model.pending = sum(len(each.pending) for each in versions)
        return ModelDetail(**model.model_dump(), versions=versions, protected=self.protected)

    def versions(self, name: str) -> list[ModelVersion]:
        """Return a model's versions, newest first."""
        return self.get(name).versions

    def version(self, name: str, version: int) -> VersionDetail:
        """Return a version with its signature, its run, its metrics and its approvals.

        Raises
        ------
        NotFound
            When there is none.
        """
        content = self.client.version(name, version)
        base = read_version(content, self.client.aliases(name))
        self._judge(base, self.approvals.pending(), self.approvals.applied(name))
        files = read_files(partial(self.client.file, name, version))
        run = self.source_run(base.run_id)
        params = dict(run.params) if run else {}
        metrics = dict(run.metrics) if run else {}
        if base.model_id is not None:
            logged = self._logged_data(base.model_id)
            params |= {each["key"]: each["value"] for each in logged.get("params", [])}
            metrics |= self.logged_metrics(base.model_id)
        asked = ApprovalQuery(model=name, version=version)
        return VersionDetail(
            **base.model_dump(),
            **vars(files),
            run=run,
            params=params,
            metrics=metrics,
            approvals=self.approvals.search(asked).items,
        )

    def source_run(self, run_id: str | None) -> SourceRun | None:
        """Return the run that made a version; None when it is gone for good."""
        if run_id is None:
            return None
        try:
            content = self.client.run(run_id)
        except (NotFound, InvalidInput):
            return None
        experiment = self.client.experiment_name(content["info"]["experiment_id"])
        return read_source_run(content, experiment)

    def logged_metrics(self, model_id: str | None) -> dict[str, float | None]:
        """Return the metrics of a logged model, which MLflow keeps beside those of its run."""
        logged = self._logged_data(model_id) if model_id is not None else {}
        return {each["key"]: finite(each["value"]) for each in logged.get("metrics", [])}

    def resolve(self, name: str, version: int | str) -> int:
        """Return the version that a number or an alias names.

        Raises
        ------
        NotFound
            When it names none.
        """
        text = str(version)
        if text.isdigit():
            return int(text)
        named = read_model(self.client.get(name)).aliases.get(text.removeprefix("@"))
        if named is None:
            raise NotFound(f"No version of {name!r} is {text!r}.", model=name, alias=text)
        return named

    def update(self, name: str, given: UpdateModel, *, user: str | None = None) -> ModelDetail:
        """Change a model's description, tags, or whether it is one's favourite."""
        who = user or current_user()
        self.client.get(name)
        if given.description is not None:
            self.client.write(
                "PATCH", f"{MODELS}/update", who, name=name, description=given.description
            )
        self._tags(MODELS, given.tags, who, name=name)
        if given.favourite is not None:
            Favourites(self._studio.database).mark(name, who, given.favourite)
        return self.get(name, user=who)

    def update_version(
        self, name: str, version: int, given: UpdateVersion, *, user: str | None = None
    ) -> VersionDetail:
        """Change a version's description or tags."""
        who = user or current_user()
        self.client.version(name, version)
        place = {"name": name, "version": str(version)}
        if given.description is not None:
            self.client.write(
                "PATCH", f"{VERSIONS}/update", who, description=given.description, **place
            )
        self._tags(VERSIONS, given.tags, who, **place)
        return self.version(name, version)

    def registrable(self, run_id: str) -> RegistrablePage:
        """Return the models that a run left."""
        return RegistrablePage(items=registrable(self.client, run_id))

    def register(self, request: RegisterModel, *, user: str | None = None) -> VersionDetail:
        """Make a version of a run's model."""
        who = user or current_user()
        return self.version(request.name, register(self.client, request, who))

    def set_alias(
        self, name: str, alias: str, version: int, *, user: str | None = None
    ) -> ModelDetail:
        """Let an alias name a version.

        Raises
        ------
        Forbidden
            When the alias wants an approval.
        """
        check_alias(alias)
        self.client.version(name, version)
        if self.is_protected(alias):
            raise Forbidden(
                f"The alias {alias!r} wants an approval: ask for one with Promote, or "
                f"`labstudio model promote {name} {version} --alias {alias}`.",
                alias=alias,
            )
        place = {"name": name, "alias": alias, "version": str(version)}
        self.client.write("POST", f"{MODELS}/alias", user or current_user(), **place)
        return self.get(name, user=user)

    def delete_alias(self, name: str, alias: str, *, user: str | None = None) -> ModelDetail:
        """Let an alias name nothing; a protected one too, for that must be quick when it must be.

        Raises
        ------
        NotFound
            When it names nothing.
        """
        if self.client.by_alias(name, alias) is None:
            raise NotFound(f"No version of {name!r} is {alias!r}.", model=name, alias=alias)
        self.client.write(
            "DELETE", f"{MODELS}/alias", user or current_user(), name=name, alias=alias
        )
        return self.get(name, user=user)

    def delete(self, name: str, confirm: str, *, user: str | None = None) -> None:
        """Delete a model and all its versions; their runs and files stay.

        Raises
        ------
        InvalidInput
            When `confirm` is not the model's name.
        Conflict
            While one of its versions has an alias that wants an approval.
        """
        who = user or current_user()
        self._may_delete(name, None, confirm)
        self.client.write("DELETE", f"{MODELS}/delete", who, name=name)
        self._deleted("registered_model.deleted", name, None, who)

    def delete_version(
        self, name: str, version: int, confirm: str, *, user: str | None = None
    ) -> None:
        """Delete a version; its run and files stay.

        Raises
        ------
        InvalidInput, Conflict
            As for a model; here `confirm` is NAME/VERSION.
        """
        who = user or current_user()
        self.client.version(name, version)
        self._may_delete(name, version, confirm)
        place = {"name": name, "version": str(version)}
        self.client.write("DELETE", f"{VERSIONS}/delete", who, **place)
        self._deleted("model_version.deleted", name, version, who)

    def compare(self, name: str, versions: Sequence[int]) -> Comparison:
        """Lay versions beside one another."""
        wanted = list(dict.fromkeys(versions))
        if len(wanted) < 2:
            raise InvalidInput("version: give at least two different ones.", field="version")
        with ThreadPoolExecutor(AT_ONCE) as threads:
            return compare(name, list(threads.map(partial(self.version, name), wanted)))

    def events(self, query: EventQuery | None = None) -> ModelEvents:
        """Return what happened in the registry, newest first."""
        return Events(self._studio.database).list(query)

    def dashboard(self) -> Dashboard:
        """Return every model: the version in use, its card, its last evaluation."""
        from labstudio.registry.dashboard import dashboard

        return dashboard(self._studio)

    def _may_delete(self, name: str, version: int | None, confirm: str) -> None:
        whole = name if version is None else f"{name}/{version}"
        if confirm != whole:
            raise InvalidInput(f"confirm must be {whole!r}: nothing was deleted.", field="confirm")
        named = read_model(self.client.get(name)).aliases
        held = [a for a, v in named.items() if self.is_protected(a) and version in (None, v)]
        if held:
            raise Conflict(
                f"{whole} is {held[0]!r}: take that alias away first. Nothing was deleted.",
                alias=held[0],
            )

    def _deleted(self, event: str, name: str, version: int | None, user: str) -> None:
        self.approvals.drop(name, version, user)
        self._studio.cards.store.archive(name, version)
        Events(self._studio.database).record(event, {"name": name, "version": version}, user)
        if version is None:
            Favourites(self._studio.database).forget(name)

    def _tags(self, path: str, tags: Mapping[str, str | None], user: str, **place: str) -> None:
        own = next((key for key in tags if key.startswith(OWN_TAGS)), None)
        if own is not None:
            raise InvalidInput(f"The tag {own!r} is kept by the studio itself.", field="tags")
        for key, value in tags.items():
            if value is None:
                self.client.write("DELETE", f"{path}/delete-tag", user, key=key, **place)
            else:
                self.client.write("POST", f"{path}/set-tag", user, key=key, value=value, **place)

    def _judge(
        self,
        version: ModelVersion,
        waiting: Mapping[tuple[str, int], Sequence[str]],
        applied: set[tuple[str, int, str]],
    ) -> None:
        """Say what is asked for a version, and which aliases nobody approved."""
        version.pending = list(waiting.get((version.model, version.version), ()))
        version.unapproved = [
            alias
            for alias in version.aliases
            if self.is_protected(alias) and (version.model, version.version, alias) not in applied
        ]

    def _logged_data(self, model_id: str) -> Mapping[str, list[dict[str, str]]]:
        try:
            return dict(self.client.logged_model(model_id).get("data", {}))
        except NotFound:
            return {}


def text_filter(text: str) -> str:
    """Return the filter for models with that text in their name."""
    return f"name ILIKE {quoted(f'%{text.strip()}%')}" if text.strip() else ""
