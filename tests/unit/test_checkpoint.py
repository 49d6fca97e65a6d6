"""Checkpoints: whole or not at all, found again, kept few; helpers with the real libraries."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from labstudio import checkpoint
from labstudio.checkpoint import Preempted, notice, whole


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The checkpoint folder of a job."""
    monkeypatch.setenv(checkpoint.VARIABLE, str(tmp_path / "kept"))
    yield checkpoint.folder()
    (tmp_path / "kept" / notice.FILE).unlink(missing_ok=True)


def take_away(folder: Path) -> None:
    (folder / notice.FILE).touch()


def test_the_newest_is_loaded_and_old_ones_are_removed(folder: Path) -> None:
    assert checkpoint.latest() is None
    assert checkpoint.load("nothing yet") == "nothing yet"
    for step in (1, 2, 10):
        checkpoint.save(step, {"step": step})
    assert checkpoint.load() == {"step": 10}
    assert [whole.step_of(path) for path in whole.all_whole(folder)] == [10, 2]
    checkpoint.save(10, {"step": "ten"}, keep=1)
    assert checkpoint.load() == {"step": "ten"}
    assert [path.name for path in folder.iterdir()] == [whole.name(10)]


def test_what_is_not_whole_is_passed_over(folder: Path) -> None:
    checkpoint.save(1, lambda path: (path / "model.bin").write_bytes(b"12345"))
    cut = checkpoint.save(2, lambda path: (path / "model.bin").write_bytes(b"12345")).path
    (cut / "model.bin").write_bytes(b"123")
    (folder / whole.name(3)).mkdir()
    (folder / whole.name(4)).mkdir()
    (folder / whole.name(4) / whole.MANIFEST).write_text("{}")
    found = checkpoint.latest()
    assert found is not None
    assert (found.step, (found.path / "model.bin").read_bytes()) == (1, b"12345")


def test_a_save_that_fails_leaves_what_was_there(folder: Path) -> None:
    checkpoint.save(1, "one")

    def fails(path: Path) -> None:
        (path / "half").write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        checkpoint.save(2, fails)
    assert checkpoint.load() == "one"
    assert [path.name for path in folder.iterdir()] == [whole.name(1)]


KILLED = """
import os, sys
from labstudio import checkpoint
checkpoint.use(sys.argv[1])
checkpoint.save(1, "one")
def dies(path):
    (path / "half").write_text("half")
    os.kill(os.getpid(), 9)
checkpoint.save(2, dies)
"""


def test_a_process_killed_while_it_saves_leaves_the_one_before(tmp_path: Path) -> None:
    kept = tmp_path / "own"
    done = subprocess.run([sys.executable, "-c", KILLED, str(kept)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list(kept.iterdir())) == 2
    newest = whole.newest(kept)
    assert newest is not None
    assert whole.step_of(newest) == 1


def test_a_loop_goes_on_where_it_was_saved(folder: Path) -> None:
    state = checkpoint.load({"seen": []})
    loop = checkpoint.steps("abcdef", state, every=2)
    for item in loop:
        state["seen"].append(item)
        if item == "e":
            break  # as if it were killed: the fifth was not saved
    state = checkpoint.load({"seen": []})
    assert state == {"seen": ["a", "b", "c", "d"]}
    for item in checkpoint.steps("abcdef", state, every=2):
        state["seen"].append(item)
    assert state["seen"] == list("abcdef")
    assert checkpoint.load() == state
    assert list(checkpoint.steps("abcdef", state)) == []


def test_notice_saves_and_ends_the_loop(folder: Path) -> None:
    state = {"total": 0}

    def work() -> None:
        for number in checkpoint.steps(range(100), state, every=50):
            state["total"] += number
            if number == 7:
                take_away(folder)

    with pytest.raises(Preempted) as ended:
        work()
    assert ended.value.code == 143
    assert checkpoint.load() == {"total": 28}
    found = checkpoint.latest()
    assert found is not None
    assert found.step == 8


TERMINATED = """
import os, signal, sys, time
from labstudio import checkpoint
state = checkpoint.load({"n": 0})
for n in checkpoint.steps(range(1000), state, every=500):
    state["n"] = n
    if n == 3:
        os.kill(os.getpid(), signal.SIGTERM)
"""


def test_sigterm_is_notice_outside_of_labstudio_too(tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if name != checkpoint.VARIABLE}
    command = [sys.executable, "-c", TERMINATED]
    done = subprocess.run(
        command, env=kept, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (143, "")
    manifest = tmp_path / "checkpoints" / whole.name(4) / whole.MANIFEST
    assert json.loads(manifest.read_text())["step"] == 4


@pytest.mark.parametrize("change", [{"step": -1}, {"keep": 0}])
def test_wrong_numbers_are_refused(change: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="0 or more"):
        checkpoint.save(**{"step": 1, "content": 1, **change})


# The libraries


def test_xgboost_goes_on_to_the_same_model(folder: Path) -> None:
    xgboost = pytest.importorskip("xgboost")
    import numpy as np

    from labstudio.checkpoint import xgboost as saved

    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 4))
    data = xgboost.DMatrix(x, x[:, 0] > 0)
    parameters = {"objective": "binary:logistic", "max_depth": 2, "nthread": 1}

    class Notice(xgboost.callback.TrainingCallback):  # type: ignore[misc]
        def after_iteration(self, model: object, epoch: int, evals_log: object) -> bool:
            if epoch == 6:
                take_away(folder)
            return False

    booster, done = saved.resume()
    assert (booster, done) == (None, 0)
    with pytest.raises(Preempted):
        xgboost.train(parameters, data, 20, callbacks=[Notice(), saved.callback(every=100)])
    (folder / notice.FILE).unlink()
    booster, done = saved.resume()
    assert done == 7
    callback = saved.callback(every=5)
    resumed = xgboost.train(parameters, data, 20 - done, xgb_model=booster, callbacks=[callback])
    whole_way = xgboost.train(parameters, data, 20)
    assert resumed.num_boosted_rounds() == 20
    np.testing.assert_allclose(resumed.predict(data), whole_way.predict(data), atol=1e-6)
    assert saved.resume()[1] == 20


def test_lightgbm_goes_on_to_the_same_model(folder: Path) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    import numpy as np

    from labstudio.checkpoint import lightgbm as saved

    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 4))
    y = (x[:, 0] > 0).astype(int)
    parameters = {"objective": "binary", "num_leaves": 4, "verbose": -1, "num_threads": 1}

    def notify(env: object) -> None:
        if env.iteration == 6:  # type: ignore[attr-defined]
            take_away(folder)

    def data() -> object:
        return lightgbm.Dataset(x, y, free_raw_data=False)

    assert saved.resume() == (None, 0)
    with pytest.raises(Preempted):
        lightgbm.train(parameters, data(), 20, callbacks=[notify, saved.callback(every=100)])
    (folder / notice.FILE).unlink()
    booster, done = saved.resume()
    assert done == 7
    callback = saved.callback(every=5)
    resumed = lightgbm.train(
        parameters, data(), 20 - done, init_model=booster, callbacks=[callback]
    )
    whole_way = lightgbm.train(parameters, data(), 20)
    assert resumed.current_iteration() == 20
    np.testing.assert_allclose(resumed.predict(x), whole_way.predict(x), atol=1e-6)
    assert saved.resume()[1] == 20


def test_torch_goes_on_to_the_same_weights(folder: Path) -> None:
    torch = pytest.importorskip("torch")

    from labstudio.checkpoint import torch as saved

    x = torch.linspace(-1, 1, 64).reshape(-1, 1)

    def train(stop_at: int | None) -> object:
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Linear(1, 8), torch.nn.Dropout(0.2))
        optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
        parts = {"model": model, "optimizer": optimizer}
        saved.restore(**parts)
        for epoch in checkpoint.steps(range(10), saved.saver(**parts), every=3):
            optimizer.zero_grad()
            ((model(x) - 2 * x) ** 2).mean().backward()
            optimizer.step()
            if epoch == stop_at:
                take_away(folder)
        return model[0].weight.detach().clone()

    with pytest.raises(Preempted):
        train(stop_at=4)
    (folder / notice.FILE).unlink()
    resumed = train(stop_at=None)
    checkpoint.use(folder / "anew")
    whole_way = train(stop_at=None)
    checkpoint._chosen.clear()
    assert torch.equal(resumed, whole_way)


def test_keras_goes_on_with_its_optimizer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras")
    import numpy as np

    from labstudio.checkpoint import keras as saved

    x = np.linspace(-1, 1, 64).reshape(-1, 1)

    def build() -> object:
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(4), keras.layers.Dense(1)])
        model.compile(optimizer="adam", loss="mse")
        return model

    class Notice(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: object = None) -> None:
            if epoch == 2:
                take_away(folder)

    model, done = saved.resume(build)
    assert done == 0
    with pytest.raises(Preempted):
        model.fit(x, 2 * x, epochs=6, verbose=0, callbacks=[Notice(), saved.callback(every=100)])
    (folder / notice.FILE).unlink()
    again, done = saved.resume(build)
    assert done == 3
    assert int(again.optimizer.iterations) == int(model.optimizer.iterations) > 0
    again.fit(
        x, 2 * x, epochs=6, initial_epoch=done, verbose=0, callbacks=[saved.callback(every=2)]
    )
    assert saved.resume(build)[1] == 6
