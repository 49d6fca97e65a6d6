"""The verbs of the registry: find models, look at versions, register, promote, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labstudio.registry.client import RegistryClient, quoted, read_model, read_version
from labstudio.registry.models import ModelDetail, ModelPage, ModelQuery, ModelVersion

if TYPE_CHECKING:
    from labstudio._studio import Studio

ORDERS = {
    "name": "name ASC",
    "-name": "name DESC",
    "updated_at": "last_updated_timestamp ASC",
    "-updated_at": "last_updated_timestamp DESC",
}


class RegistryService:
    """MLflow's registry, with favourites, approvals and cards beside it.

    Every method may be called from any thread.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self.client = RegistryClient(studio.tracking)

    @property
    def protected(self) -> list[str]:
        """The aliases that want an approval."""
        return list(self._studio.config.protected_aliases)

    def search(self, query: ModelQuery | None = None, *, user: str | None = None) -> ModelPage:
        """Return a page of registered models.

        Raises
        ------
        InvalidInput
            When the filter is not one of MLflow's.
        """
        asked = query or ModelQuery()
        wanted = [each for each in (asked.filter.strip(), text_filter(asked.text)) if each]
        found, token = self.client.search(
            " AND ".join(wanted), ORDERS[asked.order_by], asked.limit, asked.cursor
        )
        items = [read_model(each) for each in found]
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
        return ModelDetail(**model.model_dump(), versions=versions, protected=self.protected)

    def versions(self, name: str) -> list[ModelVersion]:
        """Return a model's versions, newest first."""
        return self.get(name).versions


def text_filter(text: str) -> str:
    """Return the filter for models with that text in their name."""
    return f"name ILIKE {quoted(f'%{text.strip()}%')}" if text.strip() else ""
