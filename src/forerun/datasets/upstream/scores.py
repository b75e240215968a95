"""Converters of benchmark scores, fine-tuning losses and learning curves."""

from __future__ import annotations

from forerun.datasets.upstream.cells import digits, literal, records, table


def emergent_tasks(data: bytes) -> bytes:
    """Scores by model, with eight digits."""
    rows = records(data)
    return table(
        ["model", *list(rows[0])[1:]], ([r["Model"], *(digits(c, 8) for c in list(r.values())[1:])] for r in rows)
    )


def base_benchmarks(data: bytes) -> bytes:
    """Size, tokens, compute and benchmark scores by model, with eight digits and always a decimal point."""
    rows = records(data)
    header = ["model", "family", "params_b", "tokens_t", "flops_1e21", *list(rows[0])[5:]]
    cells = ([*list(r.values())[:2], *(_decimal(c) for c in list(r.values())[2:])] for r in rows)
    return table(header, cells)


def _decimal(cell: str) -> str:
    return repr(float(digits(cell, 8))) if cell else ""


def post_training(data: bytes) -> bytes:
    """One row a score: everything on GSM8K, and the averages over BBH."""
    rows = records(data)
    metrics = [m for m in rows[0] if m.startswith("gsm8k") or "_overall_" in m]
    return table(
        ["model", "metric", "value"], ([r["Model"], m, digits(r[m], 8)] for m in metrics for r in rows if r[m])
    )


def clip_scores(data: bytes) -> bytes:
    """Scores with eight digits, without the two largest architectures."""
    rows = [r for r in records(data) if r["arch"] not in ("ViT-H-14", "ViT-g-14")]
    words = ("arch", "upstream_dataset", "downstream_dataset", "task", "name")
    header = [c for c in rows[0] if c != "samples_seen_pretty"]
    return table(header, ([r[c] if c in words else digits(r[c], 8) for c in header] for r in rows))


def fine_tuning_flan(data: bytes) -> bytes:
    """One row a model and number of examples."""
    return _melted(data, "flan")


def fine_tuning_wmt19(data: bytes) -> bytes:
    """One row a model and number of examples."""
    return _melted(data, "wmt19")


def _melted(data: bytes, task: str) -> bytes:
    rows = [
        [r["config name"], r["size"], r["family"], count, digits(r[count], 9), task]
        for r in sorted(records(data), key=lambda r: r["config name"])
        for count in list(r)[1:-2]
    ]
    return table(["model", "params", "family", "d_finetune", "test_loss", "task"], rows)


def addition_curve(data: bytes) -> bytes:
    """The numbers that the public script holds; the first fourteen are for fitting."""
    source = data.decode("utf-8")
    points = zip(literal(source, "x"), literal(source, "y"))
    rows = [["addition_4_digit", x, y, int(i < 14)] for i, (x, y) in enumerate(points)]
    return table(["task", "dataset_size", "test_cross_entropy", "train"], rows)
