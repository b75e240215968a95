"""Files as they are published, made at test time from the tables: those that lose nothing are the real bytes."""

from __future__ import annotations

import csv
import io
import json


def text(header, rows) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows([header, *rows])
    return out.getvalue().encode()


def isoflop(source, experiment):
    def build(rows):
        header = [
            "source",
            "provenance",
            "dataset",
            "model",
            "condition",
            "experiment",
            "tokens",
            "params",
            "budget",
            "loss",
        ]
        points = []
        for r in rows:
            condition = r.get("condition", "")
            name = "__".join([experiment, *([condition] if condition else [])])
            points.append(
                [*source, r["dataset"], r["model"], condition, name, r["tokens"], r["params"], r["flops"], r["loss"]]
            )
        return text(header, points)

    return build


def unchanged(rows):
    return text(list(rows[0]), [r.values() for r in rows])


def grid(rows):
    return json.dumps({r["config"]: float(r["loss"]) for r in rows}, indent=4).encode()


def predictions(rows):
    found = {}
    for r in rows:
        losses = [float(r["loss_predicted"]), float(r["loss_observed"])]
        found.setdefault(r["domain"], {}).setdefault(r["ratio"], {})[r["step"]] = losses
    return json.dumps(found, indent=4).encode()


def contours(rows):
    header = "index,data,epochs,token_num,openLM_loss,num_params,model_args,tokens_per_epoch,flops,checkpoint"
    link = "still missing? but should exist https://github.com/huggingface/datablations#download"
    lines = []
    for i, r in enumerate(rows):
        flops = float(f"{float(r['flops_6nd']):.15g}")
        name = f"{{'name': '{r['source_name']}'}}"
        lines.append(
            [i, r["dataset"], r["epochs_source"], r["tokens"], r["loss"], r["params"], name, 1.5e9, flops, link]
        )
    return text(header.split(","), lines)


def curves(rows):
    header = "index,data,epochs,token_num,loss,num_params,model_args,tokens_per_epoch,flops,checkpoint"
    sizes = {"2810000000.0": "2.8B", "4246500000.0": "4.2B", "8670000000.0": "8.7B"}
    lines = [
        [i, r["dataset"], r["epochs_final"], r["tokens"], r["loss"], sizes[r["params"]], f"{{'tensorboard': 'run{r['run']}'}}",
         r["tokens_unique"], 1e22, "a link"]
        for i, r in enumerate(rows)
    ]  # fmt: skip
    return text(header.split(","), lines)


def checkpoints(rows):
    header = (
        "loss,C4 Eval Loss,N,N_no_emb,D,C,C_no_emb,C_6ND,C_6ND_no_emb,portion_steps_elapsed,model,train_tokens,"
        "total_steps,current_steps,total_epochs,current_epoch,peak_lr,sweep"
    )
    lines = []
    for r in rows:
        N, n, D = int(r["params"]), int(r["params_non_embedding"]), int(r["tokens"])
        losses, flops = [r["loss_c4"]] * 2, [6 * N * D + 1, 6 * n * D + 1, 6 * N * D, 6 * n * D]
        steps = [0.5, r["model"], D, r["steps"], r["step"], 9, 9]
        lines.append([*losses, N, n, D, *flops, *steps, r["lr"], f"sweep number {r['sweep']}"])
    return text(header.split(","), lines)


def grammars(rows):
    lines = []
    for r in rows:
        shape = dict(
            vocab_size="vocab_size", hidden_size="d_model", intermediate_size="d_ff", num_hidden_layers="n_layers",
            num_attention_heads="n_heads", max_position_embeddings="context_length",
        )  # fmt: skip
        record = {
            "dataset_name": f"/{r['dataset']}",
            "dataset_gzip": [float(r["gzip_ratio"]), float(r["gzip_ratio_std"])],
            "token_ct": int(r["tokens"]),
            "model_stats": {key: int(r[column]) for key, column in shape.items()},
            "model_size": int(r["params"]),
            "num_epochs": int(r["epochs"]),
            "train_loss": [11.0, float(r["train_loss_last"])],
            "valid_loss": [11.0, float(r["valid_loss_last"])],
        }
        lines.append(json.dumps(record) + "\n")
    return "".join(lines).encode()


def ladder(rows):
    lists = {"shapes": "d_model", "x": "params", "train_loss": "train_loss"}
    scale = {"x": 1e-6}
    lines = [
        f"{name} = {[round(float(r[column]) * scale.get(name, 1), 6) for r in rows]}" for name, column in lists.items()
    ]
    return "\n".join(lines).replace("128.0", "128").replace(".0,", ",").replace(".0]", "]").encode()


def addition(rows):
    x, y = ([r[c] for r in rows] for c in ("dataset_size", "test_cross_entropy"))
    return f"x = np.array([{', '.join(x)}])\n\ny = np.array([{', '.join(y)}])\n".encode()


def by_model(rows):
    return text(["Model", *list(rows[0])[1:]], [r.values() for r in rows])


def base_models(rows):
    sizes = ["Model", "Model Family", "Model Size (B)", "Pretraining Data Size (T)", "FLOPs (1E21)"]
    return text([*sizes, *list(rows[0])[5:]], [r.values() for r in rows])


def one_column_a_metric(rows):
    models, metrics = (list(dict.fromkeys(r[c] for r in rows)) for c in ("model", "metric"))
    values = {(r["model"], r["metric"]): r["value"] for r in rows}
    lines = [[m, "0.5", *(values.get((m, k), "") for k in metrics)] for m in models]
    return text(["Model", "bbh_fewshot_navigate_3", *metrics], lines)


def clip(rows):
    *header, last = rows[0]
    large = ["ViT-H-14", *["1"] * (len(header) - 1), "13B", "a large one"]
    lines = [[*list(r.values())[:-1], "13B", r[last]] for r in rows]
    return text([*header, "samples_seen_pretty", last], [*lines[:3], large, *lines[3:]])


def one_column_a_count(rows):
    counts, models = list(dict.fromkeys(r["d_finetune"] for r in rows)), list(dict.fromkeys(r["model"] for r in rows))
    of = {m: [r for r in rows if r["model"] == m] for m in models}
    lines = [[m, *(r["test_loss"] for r in of[m]), of[m][0]["params"], of[m][0]["family"]] for m in reversed(models)]
    return text(["config name", *counts, "size", "family"], lines)


BUILDERS = {
    "bnsl_arithmetic": addition,
    "datablations_contours": contours,
    "datablations_curves": curves,
    "finetune_flan": one_column_a_count,
    "finetune_wmt19": one_column_a_count,
    "gadre_hyperparameter_grid": grid,
    "gzip_pcfg_runs": grammars,
    "isoflop_llama_3": isoflop(["llama_3", "llama_3"], "llama_3"),
    "isoflop_misfitting": isoflop(["misfitting", "chinchilla"], "misfitting__fineweb_c4__transformer"),
    "isoflop_ml_scalefit": isoflop(["ml_scalefit", "chinchilla"], "ml_scalefit__massivetext__chinchilla"),
    "misfitting_openlm": checkpoints,
    "mixinglaws_redpajama_predictions": predictions,
    "mu_scaling10": ladder,
    "obs_base_benchmarks": base_models,
    "obs_emergent": by_model,
    "obs_leaderboard_v2": by_model,
    "obs_post_training": one_column_a_metric,
    "openclip_scaling": clip,
    "steplaw_bootstrap_fits": unchanged,
}
REAL = {  # nothing is lost on the way to these tables, so the file that is built back is the published one
    "datablations_contours", "gadre_hyperparameter_grid", "isoflop_llama_3", "isoflop_misfitting", "isoflop_ml_scalefit",
    "mixinglaws_redpajama_predictions", "steplaw_bootstrap_fits",
}  # fmt: skip
