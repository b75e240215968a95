"""The runs of a ladder as a table, at any time: finished runs, or the curves of all so far."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from forerun.cost import parameters
from forerun.ladder.doubts import doubts
from forerun.ladder.rung import Rung
from forerun.ladder.store import Row, Store
from forerun.note import DataError
from forerun.runs import Runs, read_runs

FINISHED = ("done", "diverged")
ROLES = {"N": "parameters", "D": "tokens", "C": "flops", "loss": "loss", "run": "run", "seed": "seed", "lr": "lr"}
CONVENTIONS = {"flop_rule": "exact", "loss_unit": "nats/byte"}


def read_ladder(folder: str | Path, *, held_back: bool = False, curves: bool = False, **options: Any) -> Runs:
    """The runs of the ladder in ``folder`` as :class:`Runs`, also while it is still training.

    One row a finished run that did not diverge: N is all parameters, D the bytes trained on, C exact FLOPs, the loss that
    of the held-out text in nats per byte; shares of domains are ``r``, and where text was repeated, U the distinct bytes. With ``held_back`` the held-back runs come too, where they are trained. With
    ``curves`` there is one row a point of each curve that has a held-out loss, unfinished runs included. ``options`` go to
    :func:`forerun.read_runs`: other roles, ``where``, ``drop``. What is doubtful about these runs is in the notes, which
    travel with every fit. Raises ``DataError`` while there is no row.
    """
    records = point_records(folder) if curves else run_records(folder)
    kept = [r for r in records if r["loss"] is not None and r["state"] != "diverged" and held_back >= r["held_back"]]
    if not kept:
        advice = f"Wait for its first run, see: forerun ladder status {folder}"
        raise DataError("no-runs", f"the ladder in {folder} has no finished run yet", advice=advice)
    columns = {
        name: [record.get(name) for record in kept] for name in dict.fromkeys(n for record in kept for n in record)
    }
    asked: dict[str, Any] = ROLES | {"step": "step" if curves else "steps"} | CONVENTIONS
    if domains := [name[2:-1] for name in columns if name.startswith("r[")]:
        asked["r"] = {domain: f"r[{domain}]" for domain in domains}
    if "unique_tokens" in columns and columns["unique_tokens"] != columns["tokens"]:
        asked["U"] = "unique_tokens"
    asked |= {name: value for name, value in options.items() if value is not None}
    runs = read_runs(columns, **asked)
    told = doubts(Store(folder), set(runs.columns["run"].tolist()))
    return replace(runs, source=str(folder), notes=(*runs.notes, *told))


def run_records(folder: str | Path) -> list[dict[str, Any]]:
    """One record a finished run, diverged and held-back ones included."""
    store = Store(folder)
    corpus = store.fact("corpus")
    return [_record(row, row.result, corpus) for row in store.rows() if row.state in FINISHED and row.result]


def point_records(folder: str | Path) -> list[dict[str, Any]]:
    """One record a point of the loss curves so far."""
    store = Store(folder)
    keys = [
        "run",
        "size",
        "parameters",
        "non_embedding",
        "batch",
        "annealing",
        "peak_lr",
        "warmup",
        "steps",
        "seed",
        "held_back",
    ]
    records = []
    for row in store.rows():
        about = settings(row.rung) | {"peak_lr": row.rung.lr, "held_back": row.held_back}
        for point in store.curve(row):
            flops = row.rung.flops * point["step"] / row.rung.steps
            records.append(
                {key: about[key] for key in keys} | {"state": row.state, "flops": flops, "loss": None} | point
            )
    return records


def settings(rung: Rung) -> dict[str, Any]:
    """What a run was set to, and what follows of it, as columns of a table."""
    return {
        "run": rung.digest,
        "size": rung.size,
        "parameters": rung.parameters,
        "non_embedding": parameters(rung.architecture, embeddings=False),
        "tokens": rung.tokens,
        "flops": rung.flops,
        "annealing": rung.annealing,
        **{
            name: value for name, value in rung.to_dict().items() if name not in ("width", "depth", "mixture", "unique")
        },
        **{f"r[{domain}]": share for domain, share in rung.mixture},
    }


def _record(row: Row, result: Mapping[str, Any], corpus: Mapping[str, Any]) -> dict[str, Any]:
    text = row.rung.unique or corpus["bytes"]
    return {
        **settings(row.rung),
        "epochs": row.rung.tokens / text,
        "unique_tokens": min(row.rung.tokens, text),
        "held_back": row.held_back,
        "state": row.state,
        "spikes": result["spikes"],
        "steps_trained": result["steps_trained"],
        "seconds": round(result["seconds"], 2),
        "loss": result["loss"],
        **({f"loss[{d}]": value for d, value in result["losses"].items()} if len(result["losses"]) > 1 else {}),
    }


def table_text(records: list[dict[str, Any]]) -> str:
    """Records as CSV, numbers with as many digits as they need to be read back the same."""
    out = io.StringIO()
    names = list(dict.fromkeys(name for record in records for name in record))
    writer = csv.DictWriter(out, names, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows({k: "" if v is None else v for k, v in record.items()} for record in records)
    return out.getvalue()
