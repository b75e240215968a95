"""Exports of a ladder, read and trained by the real Hugging Face transformers."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace

import jsonschema
import numpy as np
import pytest
import torch

from forerun.cli import main
from forerun.ladder.export import export_ladder
from forerun.ladder.model import SHARPNESS, Decoder
from forerun.ladder.rung import Rung
from forerun.ladder.schedules import rate
from forerun.ladder.spec import Ladder
from forerun.ladder.sweep import queue
from forerun.note import DataError
from forerun.schemas import schema

transformers = pytest.importorskip("transformers", reason="transformers is not installed")

BASE = Rung(width=16, depth=1, context=32, warmup=3, steps=12)
RUNGS = (
    BASE,
    replace(BASE, width=48, depth=3, optimizer="adamw", lr=0.01, adam_lr=0.01, warmup=0),
    replace(BASE, width=64, depth=2, optimizer="adamw", scaling="completep", weight_decay=0.1, schedule="wsd", seed=5),
)
HELD = replace(BASE, width=24, schedule="cosine", final_lr=0.1)
LADDER = Ladder(RUNGS, (HELD,))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An export of four runs."""
    out = tmp_path_factory.mktemp("export") / "out"
    export_ladder(LADDER, out)
    return out


def index(folder):
    with (folder / "index.csv").open(newline="") as file:
        return {row["run"]: row for row in csv.DictReader(file)}


def run_folder(folder, rung):
    return folder / f"{rung.size}-{rung.digest}"


def model_of(folder, rung):
    configuration = transformers.AutoConfig.from_pretrained(run_folder(folder, rung))
    return transformers.AutoModelForCausalLM.from_config(configuration)


def arguments_of(folder, rung):
    parser = transformers.HfArgumentParser(transformers.TrainingArguments)
    (arguments,) = parser.parse_json_file(run_folder(folder, rung) / "training_arguments.json")
    return arguments


@pytest.mark.capability("runner-backends")
@pytest.mark.parametrize("rung", [*RUNGS, HELD], ids=lambda rung: rung.size)
def test_the_model_that_the_library_builds_has_the_parameters_of_the_index(folder, rung):
    row = index(folder)[rung.digest]
    built = model_of(folder, rung)
    assert sum(weight.numel() for weight in built.parameters()) == int(row["parameters_exported"]) == rung.parameters
    assert int(row["parameters"]) == rung.parameters
    assert float(row["flops"]) == rung.flops
    assert row["held_back"] == str(rung is HELD)


@pytest.mark.parametrize("rung", [BASE, RUNGS[1], HELD], ids=lambda rung: rung.size)
def test_the_model_computes_what_ours_computes(folder, rung):
    ours, theirs = Decoder(rung), model_of(folder, rung)
    generator = torch.Generator().manual_seed(0)
    for weight in ours.parameters():
        torch.nn.init.normal_(weight, std=rung.width**-0.5, generator=generator)
    weights = {"model.embed_tokens.weight": ours.embedding.weight, "lm_head.weight": ours.head.weight}
    for i, block in enumerate(ours.blocks):
        q, k, v = block.qkv.weight.chunk(3)
        layer = f"model.layers.{i}"
        weights |= {
            f"{layer}.self_attn.q_proj.weight": halves_swapped(q, rung),
            f"{layer}.self_attn.k_proj.weight": halves_swapped(k, rung),
            f"{layer}.self_attn.v_proj.weight": v,
            f"{layer}.self_attn.o_proj.weight": block.out.weight,
            f"{layer}.mlp.fc1.weight": block.up.weight,
            f"{layer}.mlp.fc2.weight": block.down.weight,
        }
    theirs.load_state_dict(weights)
    for layer in theirs.model.layers:  # as the README of the export says
        layer.self_attn.scaling = SHARPNESS / layer.self_attn.head_dim
    tokens = torch.randint(256, (3, rung.context), generator=generator)
    with torch.no_grad():
        torch.testing.assert_close(theirs(tokens).logits, ours(tokens), rtol=1e-4, atol=1e-4)


def halves_swapped(weight, rung):
    """The rows of queries or keys with the two halves of each head changed, as the README of the export says."""
    width = rung.width
    return weight.view(rung.heads, 2, width // rung.heads // 2, width).flip(1).reshape(width, width)


@pytest.mark.parametrize("final_lr", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("schedule", ["linear", "cosine", "wsd", "constant"])
def test_the_schedule_of_the_library_is_ours_after_a_warm_up_one_step_later(tmp_path, schedule, final_lr):
    rung = replace(BASE, schedule=schedule, final_lr=final_lr, steps=40, warmup=5)
    export_ladder(Ladder((rung,)), tmp_path)
    arguments = arguments_of(tmp_path, rung)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=arguments.learning_rate)
    scheduler = transformers.get_scheduler(
        arguments.lr_scheduler_type,
        optimizer,
        num_warmup_steps=arguments.get_warmup_steps(arguments.max_steps),
        num_training_steps=arguments.max_steps,
        scheduler_specific_kwargs=arguments.lr_scheduler_kwargs,
    )
    shares = []
    for _ in range(rung.steps):
        shares.append(scheduler.get_last_lr()[0] / arguments.learning_rate)
        optimizer.step()
        scheduler.step()
    expected = [0.0, *[rate(rung, step) for step in range(4)], *[rate(rung, step) for step in range(5, 40)]]
    assert shares == pytest.approx(expected, abs=1e-12)


def test_arguments_are_parsed_to_what_the_run_was_set_to(folder):
    wsd = arguments_of(folder, RUNGS[2])
    assert (wsd.max_steps, wsd.per_device_train_batch_size, wsd.seed) == (12, 4, 5)
    assert (wsd.adam_beta1, wsd.adam_beta2, wsd.max_grad_norm) == (0.9, 0.95, 0.0)
    assert wsd.learning_rate == pytest.approx(0.02 * 32 / 64)
    assert wsd.weight_decay == pytest.approx(0.1 * 64 / 32)
    muon = arguments_of(folder, BASE)
    assert muon.learning_rate == pytest.approx(0.02 / (0.2 * 16**0.5))


def test_what_is_not_the_same_is_in_the_index_and_explained(folder):
    rows = index(folder)
    told = {rung: rows[rung.digest]["differences"].split("; ") for rung in (*RUNGS, HELD)}
    assert told[BASE] == ["optimizer", "one-rate", "warm-up", "first-weights", "text"]
    assert told[RUNGS[1]] == ["first-weights", "text"]
    assert told[RUNGS[2]] == ["one-rate", "decay-everywhere", "warm-up", "multipliers", "first-weights", "text"]
    readme = (folder / "README.txt").read_text()
    for name in {name for names in told.values() for name in names}:
        assert f"- {name}: " in readme
    assert "cooldown-in-warm-up" not in readme


@pytest.mark.capability("runner-backends")
@pytest.mark.parametrize("rung", RUNGS, ids=lambda rung: rung.size)
def test_the_code_of_the_readme_trains_a_run(folder, tmp_path, monkeypatch, rung):
    readme = (folder / "README.txt").read_text()
    code = "\n".join(line[4:] for line in readme.splitlines() if line.startswith("    "))
    code = re.sub('folder = ".*"', f"folder = {str(run_folder(folder, rung))!r}", code)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text").write_bytes(np.random.default_rng(0).choice(list(b"abcd"), 4000).astype(np.uint8).tobytes())
    scope: dict = {}
    exec(code, scope)
    trainer = scope["trainer"]
    assert trainer.state.global_step == rung.steps
    losses = [entry["train_loss"] for entry in trainer.state.log_history if "train_loss" in entry]
    heads = [layer.self_attn for layer in scope["model"].model.layers]
    assert all(attention.scaling == SHARPNESS / attention.head_dim for attention in heads)
    assert 0.0 < losses[0] < np.log(256)  # four letters of 256: it learns that at once


def test_an_unknown_framework_is_refused_with_what_there_is(tmp_path):
    with pytest.raises(DataError, match=r"there is no export to 'megatron'\. Use one of: transformers"):
        export_ladder(LADDER, tmp_path, to="megatron")
    with pytest.raises(DataError, match="no runs to export"):
        export_ladder(Ladder(()), tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_earlier_export_is_replaced_whole(tmp_path):
    export_ladder(LADDER, tmp_path / "out")
    files = export_ladder(Ladder((BASE,)), tmp_path / "out")
    found = {path for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert found == set(files)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("extra", ["notes.txt", "index.csv", f"{BASE.size}-{BASE.digest}/model.safetensors"])
def test_a_folder_that_holds_anything_else_is_left_alone(tmp_path, extra):
    if extra != "index.csv":
        export_ladder(Ladder((BASE,)), tmp_path / "out")
    (tmp_path / "out").mkdir(exist_ok=True)
    (tmp_path / "out" / extra).write_text("a,b\n1,2\n")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DataError, match="holds more than an export"):
        export_ladder(LADDER, tmp_path / "out")
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "out" / extra).read_text() == "a,b\n1,2\n"


def test_an_export_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot write"):
        export_ladder(LADDER, tmp_path / "file" / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


FILE = """
corpus = "texts"
budget = "15m"
minimum_steps = 50
[run]
context = 32
[[grid]]
size = ["8x1", "16x1"]
steps = [100, 200]
[[grid]]
size = "16x1"
{amount}
held_back = true
"""


def test_the_command_exports_a_file_and_the_folder_of_its_ladder_alike(tmp_path, texts, capsys):
    from forerun.ladder.spec import expand, read_spec

    file = tmp_path / "ladder.toml"
    file.write_text(FILE.format(amount="steps = 800").replace('"texts"', f'"{texts}"'))
    queue(expand(read_spec(file).model_copy(update={"budget": None})), tmp_path / "ladder")
    written = []
    for given in (file, tmp_path / "ladder"):
        out = tmp_path / f"of-{given.name}"
        assert main(["ladder", "export", str(given), "--to", "transformers", "-o", str(out), "--json"]) == 0
        data = json.loads(capsys.readouterr().out)
        jsonschema.validate(data, schema("ladder"))
        texts_written = {path.relative_to(out): path.read_text() for path in out.rglob("*") if path.is_file()}
        assert sorted(data["files"]) == sorted(str(out / path) for path in texts_written)
        written.append({path: text for path, text in texts_written.items() if path.suffix == ".json"})
    assert written[0] == written[1]
    assert len(written[0]) == 2 * 5
    assert main(["ladder", "export", str(file), "-o", str(tmp_path / "plain")]) == 0
    assert "5 runs written to" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["{here}/timed.toml"], "set by device_time, which depends on the machine"),
        (["{here}"], "holds no ladder"),
        (["{here}/none.toml"], "there is no file"),
        (["{here}/ladder.toml", "--to", "megatron"], "Use one of: transformers"),
    ],
)
def test_what_cannot_be_exported_gets_one_line(tmp_path, capsys, arguments, part):
    (tmp_path / "timed.toml").write_text(FILE.format(amount='device_time = "20s"'))
    (tmp_path / "ladder.toml").write_text(FILE.format(amount="steps = 800"))
    words = [word.format(here=tmp_path) for word in arguments]
    assert main(["ladder", "export", *words, "-o", str(tmp_path / "out")]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert part in err
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_an_export_without_a_folder_to_write_to_is_wrong_usage(tmp_path):
    with pytest.raises(SystemExit) as leaving:
        main(["ladder", "export", str(tmp_path)])
    assert leaving.value.code == 2
