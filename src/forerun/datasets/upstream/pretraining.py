"""Converters of pre-training, mixture and hyperparameter tables."""

from __future__ import annotations

import json
import re
from math import inf, log

from forerun.datasets.upstream.cells import literal, records, table


def as_published(data: bytes) -> bytes:
    """The public file is the table."""
    return data


def isoflop_points(data: bytes) -> bytes:
    """The points of one source; the condition of a point is kept where the source has one."""
    rows = records(data)
    columns = ["dataset", "model", *(["condition"] if rows[0]["condition"] else []), "tokens", "params"]
    return table([*columns, "flops", "loss"], ([*(r[c] for c in columns), r["budget"], r["loss"]] for r in rows))


def grid_of_shapes(data: bytes) -> bytes:
    """The key of each run, parsed into its fields: shape, learning rate, weight decay, tokens, warm-up."""
    names = "d_model n_layers n_heads batch_field_a lr weight_decay batch_field_b tokens warmup_steps lr_final"
    rows = []
    for config, loss in json.loads(data).items():
        shape, *rest = re.split(r"(?<!e)-", config)
        rows.append([config, *(part.split("=")[1] for part in shape.split("_")), *rest, repr(loss)])
    return table(["config", *names.split(), "loss"], rows)


def data_repetition_finals(data: bytes) -> bytes:
    """Final losses of repeated data; the unique tokens come from the name of the run, as the source's epochs err once."""
    rows = []
    for r in records(data):
        name = r["model_args"].split("'")[3]
        params, tokens = float(r["num_params"]), float(r["token_num"])
        unique = _unique_tokens(name, params, tokens)
        epochs, flops = repr(tokens / unique), repr(6 * params * tokens)
        loss = r["openLM_loss"]
        rows.append([name, r["data"], params, tokens, unique, epochs, r["epochs"], flops, loss])
    header = "source_name,dataset,params,tokens,tokens_unique,epochs,epochs_source,flops_6nd,loss"
    return table(header.split(","), rows)


def _unique_tokens(name: str, params: float, tokens: float) -> float:
    """The third part of a name such as ``2b855b1b25`` (2.8B parameters, 55B tokens, 1.25B of them unique)."""
    best, unique = inf, 0.0
    for i in range(2, len(name) - 2):
        for k in range(i + 2, len(name) - 1):
            parts = [re.fullmatch(r"([1-9]\d*)([bm])(\d*)", part) for part in (name[:i], name[i:k], name[k:])]
            if all(parts):
                n, d, u = (float(f"{p[1]}.{p[3] or 0}") * {"b": 1e9, "m": 1e6}[p[2]] for p in parts if p)
                if (distance := abs(log(n / params)) + abs(log(d / tokens))) < best and u <= 1.01 * d:
                    best, unique = distance, u
    return unique


def data_repetition_curves(data: bytes) -> bytes:
    """Loss curves of repeated data; runs are numbered in the order of the file."""
    sizes = {"2.8B": 2.81e9, "4.2B": 4.2465e9, "8.7B": 8.67e9}
    runs: dict[str, int] = {}
    rows = []
    for r in records(data):
        run = runs.setdefault(r["model_args"], len(runs))
        size, unique = sizes[r["num_params"]], r["tokens_per_epoch"]
        rows.append([r["data"], size, r["epochs"], unique, r["token_num"], r["loss"], run])
    return table(["dataset", "params", "epochs_final", "tokens_unique", "tokens", "loss", "run"], rows)


def openlm_checkpoints(data: bytes) -> bytes:
    """All checkpoints; sweeps are numbered in the order of the file, FLOPs are 6ND with and without embeddings."""
    sweeps: dict[str, int] = {}
    rows = []
    for r in records(data):
        sweep = sweeps.setdefault(r["sweep"], len(sweeps))
        steps, step = r["total_steps"], r["current_steps"]
        flops = (float(int(r["C_6ND"])), float(int(r["C_6ND_no_emb"])))
        head = [r["model"], sweep, r["N"], r["N_no_emb"], r["peak_lr"], steps, step, r["D"]]
        rows.append([*head, *flops, r["C4 Eval Loss"], int(step == steps)])
    header = "model,sweep,params,params_non_embedding,lr,steps,step,tokens,flops_6nd,flops_6nd_non_embedding"
    return table([*header.split(","), "loss_c4", "is_final"], rows)


def grammar_runs(data: bytes) -> bytes:
    """The shape of each model, what it was trained on, and the last training and validation losses."""
    shape = "vocab_size hidden_size intermediate_size num_hidden_layers num_attention_heads max_position_embeddings"
    rows = []
    for line in data.decode("utf-8").splitlines():
        r = json.loads(line)
        head = [r["dataset_name"].strip("/"), *r["dataset_gzip"], r["token_ct"], r["num_epochs"], r["model_size"]]
        rows.append([*head, *(r["model_stats"][s] for s in shape.split()), r["train_loss"][-1], r["valid_loss"][-1]])
    header = "dataset,gzip_ratio,gzip_ratio_std,tokens,epochs,params,vocab_size,d_model,d_ff,n_layers,n_heads"
    return table([*header.split(","), "context_length", "train_loss_last", "valid_loss_last"], rows)


def mixture_predictions(data: bytes) -> bytes:
    """Predicted and observed loss by domain, mixture and step."""
    rows = [
        [domain, ratio, step, *losses]
        for domain, ratios in json.loads(data).items()
        for ratio, steps in ratios.items()
        for step, losses in steps.items()
    ]
    return table(["domain", "ratio", "step", "loss_predicted", "loss_observed"], rows)


def width_ladder(data: bytes) -> bytes:
    """The numbers that the public script holds: width, size in millions and loss; it keeps the last three to predict."""
    source = data.decode("utf-8")
    widths, millions, losses = (literal(source, name) for name in ("shapes", "x", "train_loss"))
    rows = [
        [width, float(round(size * 1e6)), 20000, loss, int(i < len(widths) - 3)]
        for i, (width, size, loss) in enumerate(zip(widths, millions, losses))
    ]
    return table(["d_model", "params", "step", "train_loss", "is_train"], rows)
