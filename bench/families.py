"""Families of models with training curves, from public tables: one recipe at several sizes, a row for each checkpoint."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import forerun as fr

ROOT = Path(__file__).resolve().parents[1]
CURVE = 50  # checkpoints of a run that are kept, evenly spaced: more of them are close to repetitions
LEAST_SIZES = 4
ROUTING_TOKENS = 256 * 2048  # of a step: Clark et al. 2022, arXiv:2202.01169, section 2


@dataclass(frozen=True)
class Family:
    """Rows of one family: model size, progress of training (tokens, or steps of equal batches), loss, and the run."""

    name: str
    parameters: np.ndarray
    progress: np.ndarray
    loss: np.ndarray
    run: np.ndarray

    def part(self, rows: np.ndarray) -> Family:
        """Some of the rows."""
        return Family(self.name, self.parameters[rows], self.progress[rows], self.loss[rows], self.run[rows])

    @property
    def sizes(self) -> list[float]:
        """Different sizes, from the smallest."""
        return sorted(set(self.parameters.tolist()))

    @property
    def end(self) -> np.ndarray:
        """How far each row's run was trained, in the unit of ``progress``."""
        ends = {name: float(self.progress[self.run == name].max()) for name in set(self.run.tolist())}
        return np.array([ends[name] for name in self.run.tolist()])

    def finals(self) -> Family:
        """The last row of each run."""
        return self.part(self.end == self.progress)

    def averaged(self, share: float) -> Family:
        """One row a run: the mean of the last ``share`` of it, at its end."""
        finals = self.finals()
        rows = [
            (self.run == name) & (self.progress >= (1.0 - share) * d) for name, d in zip(finals.run, finals.progress)
        ]
        return replace(finals, loss=np.array([self.loss[own].mean() for own in rows]))

    def after(self, share: float) -> Family:
        """The rows after the first ``share`` of each run, at most ``CURVE`` of a run, its last one among them."""
        keep = self.progress > share * self.end
        for name in dict.fromkeys(self.run.tolist()):
            rows = np.flatnonzero(keep & (self.run == name))
            rows = rows[np.argsort(self.progress[rows], kind="stable")]
            keep[rows] = False
            keep[rows[np.linspace(len(rows) - 1, 0, min(CURVE, len(rows))).round().astype(int)]] = True
        return self.part(keep)


def families() -> Iterator[Family | str]:
    """Each family with at least four sizes whose table is there; of a table that is not, a sentence that says so."""
    for name, read in READERS.items():
        try:
            yield read(name)
        except fr.DataError as error:
            yield f"{name}: {error.message}"


def _path(name: str) -> Path:
    folder = (ROOT / (os.environ.get("FORERUN_DATA_DIR") or "../shared/data")).resolve()
    found = [p for ending in (".csv", ".csv.gz") if (p := folder / (name + ending)).is_file()]
    if not found:
        raise fr.DataError("no-file", f"needs the public table {name}")
    return found[0]


def _published(name: str) -> Family:
    """A family of the curves that ColPret collected (Choshen et al. 2024, arXiv:2410.11840)."""
    where = f"family == {name} and x > 0" + (" and metric == val_loss" if name == "GPT-3" else "")
    runs = fr.read_runs(_path("public_pretraining_curves"), N="params_nominal", D="x", loss="loss", run="model",
                        where=where)  # fmt: skip
    return Family(name, runs["N"], runs["D"], runs["loss"], runs["run"])


def _gemstones(name: str) -> Family:
    runs = fr.read_runs(_path("gemstones_width_depth"), N="params", D="tokens", loss="loss", run="run",
                        where="eval_dataset == fineweb_edu")  # fmt: skip
    return Family(name, runs["N"], runs["D"], runs["loss"], runs["run"])


def _misfitting(name: str) -> Family:
    """Of each size and length the learning rate with the lowest final loss; rows that were logged twice count once."""
    runs = fr.read_runs(_path("misfitting_openlm"), N="params_non_embedding", D="tokens", loss="loss_c4")
    columns = {c: runs.columns[c].tolist() for c in ("model", "steps", "lr", "sweep", "is_final")}
    recipe = list(zip(columns["model"], columns["steps"]))
    trial = list(zip(columns["lr"], columns["sweep"]))
    best: dict[tuple, tuple] = {}
    for key, tried, final, loss in zip(recipe, trial, columns["is_final"], runs["loss"].tolist()):
        if str(final) in ("1", "1.0", "True") and loss < best.get(key, (np.inf,))[0]:
            best[key] = (loss, tried)
    keep = np.array([key in best and best[key][1] == tried for key, tried in zip(recipe, trial)])
    labels = np.array([f"{model}, {steps:g} steps" for model, steps in recipe], object)
    first = {
        (label, d): i
        for i, (label, d, kept) in reversed(list(enumerate(zip(labels.tolist(), runs["D"].tolist(), keep))))
        if kept
    }
    return Family(name, runs["N"], runs["D"], runs["loss"], labels).part(np.array(sorted(first.values())))


def _routing(name: str) -> Family:
    """The dense models beside the routed ones."""
    runs = fr.read_runs(_path("routing_moe_curves"), N="params_total", D="step", loss="loss_validation", run="run",
                        where="router_type == Dense and step > 0", drop="loss_validation is missing")  # fmt: skip
    return Family(name, runs["N"], ROUTING_TOKENS * runs["D"], runs["loss"], runs["run"])


def _olmo(name: str) -> Family:
    runs = fr.read_runs(_path("olmo_ladder_tasks"), N="params", D="tokens", loss="ce.c4_en", run="run")
    return Family(name, runs["N"], runs["D"], runs["loss"], runs["run"])


def _collapse(name: str) -> Family:
    """A width ladder of Qiu et al. 2025, arXiv:2507.02119, each size trained as long as its compute-optimal horizon."""
    table, file = {
        "CIFAR-5M": ("supercollapse_cifar5m_curves", "c5m.pkl"),
        "MLP": ("supercollapse_mlp_curves", "mlp.pkl"),
    }[name]
    runs = fr.read_runs(
        _path(table), N="params", D="step", loss="test_loss", where=f"source_file == {file} and step > 0"
    )
    parts = zip(*(runs.columns[c].tolist() for c in ("run", "d_model", "seed")))
    labels = np.array([", ".join(map(str, p)) for p in parts], object)
    return Family(name, runs["N"], runs["D"], runs["loss"], labels)


READERS = {
    "GPT-3": _published,
    "OPT": _published,
    "T5-Pile": _published,
    "Gemstones": _gemstones,
    "OpenLM": _misfitting,
    "dense of routing": _routing,
    "OLMo ladder": _olmo,
    "CIFAR-5M": _collapse,
    "MLP": _collapse,
}
