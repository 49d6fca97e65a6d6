"""A model that was trained for real: by a job, on a file, registered in two versions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lab_notebooks import notebook

if TYPE_CHECKING:
    from lab_desk import Lab

MODEL = "churn-classifier"
DATA = "customers.csv"

TRAIN = (
    "# Train a classifier of churn\n\nOn customers of the last year.",
    ("depth = 2  # levels of the tree\nshare = 0.3", ["parameters"]),
    "import mlflow\nimport pandas as pd\n"
    "from sklearn.metrics import accuracy_score, roc_auc_score\n"
    "from sklearn.model_selection import train_test_split\n"
    "from sklearn.tree import DecisionTreeClassifier",
    f"customers = pd.read_csv('{DATA}')\n"
    "X, y = customers.drop(columns='left'), customers['left']\n"
    "X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=share, random_state=0)",
    "model = DecisionTreeClassifier(max_depth=depth, random_state=0).fit(X_train, y_train)\n"
    "score = model.predict_proba(X_test)[:, 1]\n"
    "mlflow.log_metrics({'auc': roc_auc_score(y_test, score),\n"
    "                    'accuracy': accuracy_score(y_test, score > 0.5)})",
    "mlflow.sklearn.log_model(\n"
    "    model, name='classifier', input_example=X_test.head(3),\n"
    "    serialization_format='cloudpickle', pip_requirements=['scikit-learn'],\n"
    f"    registered_model_name='{MODEL}',\n"
    ")",
)


def write_sources(lab: Lab) -> None:
    """Write the data and the notebook that trains on it."""
    rows = ["age,calls,months,left"]
    for n in range(240):
        age, calls, months = 20 + n * 7 % 50, n * 5 % 11, 1 + n * 3 % 40
        rows.append(f"{age},{calls},{months},{int(calls * 4 > months + n % 5)}")
    (lab.root / DATA).write_text("\n".join(rows) + "\n")
    (lab.root / "churn.ipynb").write_text(json.dumps(notebook(*TRAIN)))


def train(lab: Lab) -> list[str]:
    """Train two versions as jobs, at once, and give their runs."""
    write_sources(lab)
    # The data is declared: so the studio knows which file it is, not its content alone.
    spec = {"path": "churn.ipynb", "files": [], "inputs": {DATA: DATA}}
    jobs = [
        lab.fetch("POST", "jobs", {**spec, "name": f"churn, depth {n}", "parameters": {"depth": n}})
        for n in (2, 4)
    ]
    return [lab.wait(job["id"], "succeeded")["run_id"] for job in jobs]
