"""Settings: by default, by file, by environment, by argument, in that order."""

from __future__ import annotations

import pytest

from labstudio._studio import Studio
from labstudio.errors import InvalidInput
from labstudio.home import Home


def test_the_environment_wins_over_the_file_and_arguments_over_both(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.create()
    (home.path / "labstudio_config.py").write_text(
        "c.StudioConfig.max_jobs = 3\n"
        "c.StudioConfig.warm_kernels = 5\n"
        "c.StudioConfig.retain_days = 7"
    )
    monkeypatch.setenv("LABSTUDIO_WARM_KERNELS", "6")
    monkeypatch.setenv("LABSTUDIO_RETAIN_DAYS", "8")
    settings = Studio(home.path, retain_days=9.0).config
    assert (settings.max_jobs, settings.warm_kernels, settings.retain_days) == (3, 6, 9.0)


@pytest.mark.parametrize(
    ("name", "text"),
    [("MAX_JOBS", "many"), ("MAX_JOBS", "-1"), ("WORKER_TIMEOUT_S", "soon"), ("TRACKING", "maybe")],
)
def test_a_wrong_value_names_its_variable(
    home: Home, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    monkeypatch.setenv(f"LABSTUDIO_{name}", text)
    with pytest.raises(InvalidInput) as caught:
        _ = Studio(home.path).config
    assert name.lower() in caught.value.details["field"].lower()


def test_a_users_limit_is_never_above_the_machines(home: Home) -> None:
    settings = Studio(home.path, max_jobs=2, max_jobs_per_user=5).config
    assert (settings.job_slots, settings.job_slots_per_user) == (2, 2)
