"""Real training, logged as runs: what the views of runs are tried on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from lab_desk import Lab

# A small network learns to tell tumours apart; its second version scales what it is given.
TRAINING = """
import json
import sys

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import mlflow
import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

import labstudio

EPOCHS = 40


def prepare(seed):
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    X_train, X_val, y_train, y_val = train_test_split(X, y, test_size=0.3, random_state=0)
    scaler = StandardScaler().fit(X_train)
    return scaler.transform(X_train), scaler.transform(X_val), y_train, y_val, X


def train(name, hidden, rate, activation, seed):
    X_train, X_val, y_train, y_val, X = prepare(seed)
    model = MLPClassifier((hidden,), learning_rate_init=rate, activation=activation,
                          batch_size=32, random_state=seed)
    mlflow.log_params({"hidden": hidden, "rate": rate, "activation": activation, "seed": seed})
    mlflow.set_tag("team", "red" if hidden > 8 else "blue")
    order = np.random.default_rng(seed)
    for step in range(EPOCHS):
        rows = order.permutation(len(X_train))
        model.partial_fit(X_train[rows], y_train.iloc[rows], classes=[0, 1])
        score = model.predict_proba(X_val)[:, 1]
        mlflow.log_metrics({
            "train/loss": log_loss(y_train, model.predict_proba(X_train)),
            "val/loss": log_loss(y_val, score),
            "val/accuracy": float(np.mean((score > 0.5) == y_val)),
            "epoch": step / 2,
            "system/cpu_utilization_percentage": 40 + 30 * np.sin(step / 6),
            "system/system_memory_usage_megabytes": 900 + 8 * step,
        }, step=step * 10)
    mlflow.log_metric("auc", roc_auc_score(y_val, score))
    predicted = (score > 0.5).astype(int)
    labstudio.log_predictions(y_val, predicted, score)
    return model, X, y_val, score


runs = json.loads(sys.argv[1])
studio = labstudio.studio()
for name, options in runs.items():
    with studio.run(name, experiment="tumours") as run:
        model, X, y_val, score = train(name, **options)
        if name == "wide":
            figure, axes = plt.subplots(figsize=(5, 3.2), layout="tight")
            axes.hist([score[y_val == 0], score[y_val == 1]], bins=20, label=["malign", "benign"])
            axes.set_xlabel("score"), axes.legend()
            mlflow.log_figure(figure, "plots/scores.png")
            mlflow.log_text("# What was tried\\n\\nA **wide** layer, slowly.\\n\\n| a | b |\\n|-|-|"
                            "\\n| 1 | 2 |\\n", "notes.md")
            mlflow.log_dict({"layers": [X.shape[1], 64, 1], "scaled": True}, "config.json")
            mlflow.log_text(
                "<h1 id='h'>A report</h1><script>let told = 'apart';"
                "try { parent.document.title = 'taken'; told = 'reached'; } catch (e) {}"
                "try { document.cookie; told += ' cookies'; } catch (e) { told += ' alone'; }"
                "document.getElementById('h').textContent += ' ' + told;</script>",
                "report.html",
            )
            many = pd.DataFrame({"row": range(1_000_000)})
            many["half"] = many["row"] / 2
            many["name"] = "row " + many["row"].astype(str)
            many.to_parquet("many.parquet")
            mlflow.log_artifact("many.parquet", "tables")
            X.assign(score=model.predict_proba(X)[:, 1]).head(200).to_csv("scored.csv", index=False)
            mlflow.log_artifact("scored.csv", "tables")
            mlflow.sklearn.log_model(
                model, name="model", input_example=X.head(2),
                signature=mlflow.models.infer_signature(X, model.predict(X)),
                serialization_format="cloudpickle", pip_requirements=["scikit-learn"],
            )
    print(json.dumps({name: run.id}), flush=True)
"""

SCALED = "    scaler = StandardScaler().fit(X_train)\n"
RUNS = {
    "wide": {"hidden": 64, "rate": 0.001, "activation": "relu", "seed": 1},
    "wide 2": {"hidden": 64, "rate": 0.001, "activation": "relu", "seed": 2},
    "wide 3": {"hidden": 64, "rate": 0.001, "activation": "relu", "seed": 3},
    "narrow": {"hidden": 4, "rate": 0.01, "activation": "tanh", "seed": 1},
    "middle": {"hidden": 16, "rate": 0.003, "activation": "relu", "seed": 1},
}
LAST = {"hasty": {"hidden": 8, "rate": 0.1, "activation": "logistic", "seed": 1}}


@dataclass(frozen=True)
class Trained:
    """The runs that were logged, by name."""

    runs: dict[str, str]

    @property
    def ids(self) -> list[str]:
        """All of them."""
        return list(self.runs.values())


def trained(lab: Lab) -> Trained:
    """Train six times: five by code that is committed, once by code that is not."""
    folder = lab.root / "tumours"
    folder.mkdir()
    script = folder / "train.py"
    script.write_text(TRAINING.lstrip())
    git = ["git", "-c", "user.name=Ann", "-c", "user.email=ann@example.org"]
    for command in (["init", "-q", "-b", "main"], ["add", "train.py"], ["commit", "-qm", "Train"]):
        subprocess.run([*git, *command], cwd=folder, check=True)
    found = _run(lab, script, RUNS)
    text = script.read_text()
    script.write_text(text.replace(SCALED, SCALED.replace("()", "(with_mean=False)")))
    return Trained({**found, **_run(lab, script, LAST)})


def _run(lab: Lab, script: Path, runs: dict[str, dict[str, object]]) -> dict[str, str]:
    """Run the script in a process of its own, as somebody would in a terminal."""
    done = subprocess.run(
        [sys.executable, script.name, json.dumps(runs)],
        cwd=script.parent,
        env={**os.environ, "LABSTUDIO_HOME": str(lab.studio.home.path)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, str] = {}
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            found |= json.loads(line)
    return found
