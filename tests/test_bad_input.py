"""Bad tables and bad questions through the command line: one plain line, exit code 1, and nothing left behind."""

from __future__ import annotations

import gzip
import json
import math
import os
import random
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from forerun.cli import main

LONGEST = 230
COLUMNS = "--law chinchilla --N params --D tokens --loss val_loss --uncertainty none"
HEADER = ["params", "tokens", "val_loss", "dataset"]


def runs(count: int = 12) -> list[list[str]]:
    """Rows of a clean table, made from known parameters."""
    rng = random.Random(0)
    rows = []
    for i in range(count):
        N, D = 10 ** rng.uniform(7, 9.5), 10 ** rng.uniform(9, 11.5)
        loss = 1.7 + 400 * N**-0.34 + 2000 * D**-0.37
        rows.append([f"{N:.6g}", f"{D:.6g}", f"{loss:.6f}", "c4" if i % 2 else "rpj"])
    return rows


def text(rows: list[list[str]], header: list[str] = HEADER) -> str:
    return "".join(",".join(row) + "\n" for row in [header, *rows])


def with_cell(row: int, column: str, value: str) -> str:
    rows = runs()
    rows[row - 1][HEADER.index(column)] = value
    return text(rows)


def with_column(column: str, change: Callable[[int, str], str]) -> str:
    rows = runs()
    for i, row in enumerate(rows, 1):
        row[HEADER.index(column)] = change(i, row[HEADER.index(column)])
    return text(rows)


@dataclass(frozen=True)
class Bad:
    """A file to write, a command line, and what the one line must say."""

    content: str | bytes | None
    command: str
    code: str
    says: str
    row: int | None = None
    column: str | None = None
    name: str = "runs.csv"


def table(content: str | bytes, code: str, says: str, **more) -> Bad:
    name = more.get("name", "runs.csv")
    return Bad(content, f"fit {name} {COLUMNS} -o out.json", code, says, **more)


def asked(options: str, code: str, says: str, **more) -> Bad:
    return Bad(text(runs()), f"fit runs.csv {COLUMNS} -o out.json {options}", code, says, **more)


def question(command: str, code: str, says: str) -> Bad:
    return Bad(None, command, code, says)


def saved(content: str | bytes, says: str, code: str = "bad-fit") -> Bad:
    return Bad(content, "forecast saved.json --at N=7e9 --at D=1e12", code, says, name="saved.json")


def records(*lines: object) -> str:
    return "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)


def own_law(source: str, says: str, name: str = "mine") -> Bad:
    command = f"fit data/runs.csv --law law.py:{name} --N params --loss val_loss --uncertainty none -o out.json"
    return Bad(source, command, "bad-law", says, name="law.py")


LAW = """import forerun as fr
@fr.law("mine", source="s", inputs=dict(N=fr.units.PARAMETERS), output=fr.units.LOSS, params=dict(a=fr.amplitude()))
def mine(N, *, a):
    {body}
"""
ZIPPED = gzip.compress(text(runs() * 400).encode())
RECORD = {"params": 1e8, "tokens": 1e9, "val_loss": 3.0}
IN_MILLIONS = with_column("params", lambda i, v: f"{float(v) / 1e6:.1f}" + ("" if i == 5 else "M"))

TABLES = {
    "missing column": table(text(runs(), ["N_size", *HEADER[1:]]), "missing-column", "given for N", column="params"),
    "renamed column": table(text(runs(), ["Params", *HEADER[1:]]), "missing-column", "Nearest: 'Params'", column="params"),
    "duplicate column": table(text(runs(), ["params", "params", *HEADER[2:]]), "duplicate-column", "2 times", column="params"),
    "NaN": table(with_cell(7, "val_loss", "NaN"), "bad-cell", "empty or NaN", row=7, column="val_loss"),
    "empty cell": table(with_cell(7, "val_loss", ""), "bad-cell", "empty or NaN", row=7, column="val_loss"),
    "the word None": table(with_cell(7, "val_loss", "None"), "bad-cell", "empty or NaN", row=7, column="val_loss"),
    "infinite": table(with_cell(7, "params", "inf"), "bad-cell", "infinite", row=7, column="params"),
    "minus infinite": table(with_cell(7, "params", "-inf"), "bad-cell", "minus infinite", row=7, column="params"),
    "zero": table(with_cell(7, "tokens", "0"), "bad-cell", "above zero, received 0", row=7, column="tokens"),
    "negative": table(with_cell(7, "val_loss", "-2"), "bad-cell", "received -2", row=7, column="val_loss"),
    "text": table(with_cell(7, "val_loss", "diverged"), "bad-cell", "received 'diverged'", row=7, column="val_loss"),
    "1e300": table(with_cell(7, "params", "1e300"), "bad-cell", "not plausible", row=7, column="params"),
    "1e-300": table(with_cell(7, "params", "1e-300"), "bad-cell", "not plausible", row=7, column="params"),
    "beyond floating point": table(with_cell(7, "params", "1e400"), "bad-cell", "infinite", row=7, column="params"),
    "decimal comma": table(with_cell(7, "val_loss", '"2,71"'), "bad-cell", "'2,71'", row=7, column="val_loss"),
    "mixed units": table(IN_MILLIONS, "mixed-units", "look like two units", row=5, column="params"),
    "one row": table(text(runs(1)), "too-few-runs", "1 row cannot carry"),
    "two rows": table(text(runs(2)), "too-few-runs", "2 rows cannot carry"),
    "three rows": table(text(runs(3)), "too-few-runs", "3 rows cannot carry"),
    "four rows": table(text(runs(4)), "too-few-runs", "4 rows cannot carry the 5 parameters"),
    "the same run again": table(text(runs(3) * 5), "too-few-runs", "15 rows with 3 different settings"),
    "one size only": table(with_column("params", lambda i, v: "1e8"), "constant-input", "all 12 rows have N = 1e+08"),
    "constant loss": table(with_column("val_loss", lambda i, v: "3"), "constant-outcome", "3 in every row"),
    "empty": table("", "empty", "is empty"),
    "blank lines only": table("\n\n  \n", "empty", "is empty"),
    "header only": table(text([]), "empty", "no rows"),
    "short row": table(text(runs()) + "1e8,2e9\n", "ragged", "2 cells and the header 4", row=13),
    "long row": table(text([*runs(3), ["1", "2", "3", "4", "5"]]), "ragged", "5 cells and the header 4", row=4),
    "semicolons": table(text(runs()).replace(",", ";"), "wrong-separator", "separated by ';'"),
    "open quote": table(text(runs()) + '"1e8,2e9,3,c4\n', "bad-csv", "line 14"),
    "binary": table(bytes(range(256)) * 20, "not-text", "binary file"),
    "binary without zero bytes": table(bytes(range(1, 256)) * 20, "not-text", "not UTF-8"),
    "truncated gzip": table(ZIPPED[: len(ZIPPED) // 2], "bad-gzip", "not a complete gzip", name="runs.csv.gz"),
    "damaged gzip": table(ZIPPED[:200] + b"damaged!" + ZIPPED[208:], "bad-gzip", "gzip", name="runs.csv.gz"),
    "gzip in name only": table(text(runs()), "bad-gzip", "plain text", name="runs.csv.gz"),
    "gzip not in its name": table(ZIPPED, "not-text", "Rename it to runs.csv.gz"),
    "UTF-16": table(text(runs()).encode("utf-16"), "not-text", "UTF-16"),
    "Latin-1": table(text(runs()).replace("c4", "caf\xe9").encode("latin-1"), "not-text", "not UTF-8"),
    "unknown ending": table("PK", "unknown-format", "'.xlsx'", name="runs.xlsx"),
    "no ending": table("PK", "unknown-format", "no ending", name="runs"),
    "two conventions": table(
        text([[*r, "total" if i < 8 else "non-embedding"] for i, r in enumerate(runs())], [*HEADER, "N_counts"]),
        "conventions-mixed", "mixes N_counts 'total' and 'non-embedding'", row=9, column="N_counts",
    ),
    "two tokenizers": table(
        text([[*r, "gpt2" if i < 3 else "neox"] for i, r in enumerate(runs())], [*HEADER, "tokenizer"]),
        "conventions-mixed", "convert the losses to bits/byte", row=4, column="tokenizer",
    ),
    "a line that is not JSON": table(records(RECORD, "nope"), "bad-json", "line 2", name="runs.jsonl"),
    "a line that is a list": table(records(RECORD, [1, 2]), "bad-record", "'[1, 2]'", row=2, name="runs.jsonl"),
    "a name twice in a line": table('{"params": 1, "params": 2}\n', "duplicate-column", "'params'", row=1, column="params", name="runs.jsonl"),
    "a record without the loss": table(records(*[RECORD] * 3, {"params": 1e8, "tokens": 1e9}), "bad-cell", "empty", row=4, column="val_loss", name="runs.jsonl"),
    "true for a number": table(records({**RECORD, "params": True}), "bad-cell", "'True'", row=1, column="params", name="runs.jsonl"),
    "a nested value": table(records({**RECORD, "params": {"a": 1}}), "bad-cell", "{'a': 1}", row=1, column="params", name="runs.jsonl"),
    "an integer of 400 digits": table(records({**RECORD, "params": 10**400}), "bad-cell", "infinite", row=1, column="params", name="runs.jsonl"),
    "JSON nested a hundred thousand deep": table("[" * 100_000, "bad-json", "nested too deep", name="runs.jsonl"),
    "bad Parquet": table(b"PAR1 and no more", "bad-parquet", "not a Parquet file", name="runs.parquet"),
}  # fmt: skip

QUESTIONS = {
    "more parameters than rows": Bad(text(runs(6)), "fit runs.csv --law bnsl-1 --role x=params --role y=val_loss", "too-few-runs", "6 parameters of bnsl-1"),
    "unknown law": Bad(text(runs()), "fit runs.csv --law chinchila -o out.json", "unknown-law", "Nearest: chinchilla"),
    "no law": Bad(text(runs()), "fit runs.csv -o out.json", "no-law", "--law chinchilla"),
    "a law whose column is not there": Bad(text(runs()), "fit runs.csv --law power-law -o out.json", "missing-role", "--role x=COLUMN"),
    "no such file": Bad(text(runs()), "fit rums.csv --law chinchilla -o out.json", "no-file", "Nearest: runs.csv"),
    "a name too long for a file": Bad(None, f"fit {'x' * 300}.csv --law chinchilla -o out.json", "unreadable", "too long"),
    "unknown objective": asked("--objective hubber", "unknown-objective", "Nearest: huber"),
    "unknown uncertainty": asked("--uncertainty bootstap", "unknown-uncertainty", "bootstrap, jackknife, profile, sandwich, none"),
    "unknown unit": asked("--unit rows", "unknown-unit", "row, run, family, seed"),
    "a unit that the table lacks": asked("--unit run", "missing-role", "--role run=COLUMN"),
    "no draws": asked("--draws 0", "bad-value", "received 0"),
    "level above one": asked("--level 1.5", "bad-value", "received 1.5"),
    "level in percent": asked("--level 90", "bad-value", "Write 90 % as 0.9"),
    "negative seed": asked("--seed -1", "bad-value", "received -1"),
    "where with an unknown column": asked("--where 'parms > 1e8'", "unknown-column", "Nearest: 'params'"),
    "where that leaves no row": asked("--where 'params > 1e18'", "no-rows", "'params' goes from"),
    "where no row has the word": asked("--where 'dataset == C4'", "no-rows", "holds 'rpj', 'c4'"),
    "where without an operator": asked("--where 'params big'", "bad-condition", "COLUMN > 1e8"),
    "where with a word for a number": asked("--where 'params > big'", "bad-condition", "'big'"),
    "where with a number for a word": asked("--where 'dataset > 3'", "bad-condition", "holds text", column="dataset"),
    "drop that leaves no row": asked("--drop 'params > 0'", "no-rows", "none would be left"),
    "outlier rule that does not exist": asked("--drop-outliers largest:5", "unknown-rule", "highest-loss"),
    "outliers without a count": asked("--drop-outliers highest-loss", "bad-option", "highest-loss:5"),
    "outliers by half": asked("--drop-outliers highest-loss:1.5", "bad-option", "'highest-loss:1.5'"),
    "more outliers than rows": asked("--drop-outliers highest-loss:99", "bad-value", "99 of 12 rows"),
    "share without across": asked("--share E", "bad-share", "--across"),
    "across without share": asked("--across dataset", "bad-share", "--share"),
    "across a column that is not there": asked("--share E --across dtaset", "missing-column", "'dataset'", column="dtaset"),
    "a parameter that is not there": asked("--fix zeta=3", "unknown-parameter", "'zeta'"),
    "a parameter without a value": asked("--fix alpha", "bad-option", "--fix alpha=0.34"),
    "a role without a column": asked("--role x", "bad-option", "ROLE=COLUMN"),
    "weights that are not there": asked("--weights wieght", "missing-column", "'params'", column="wieght"),
    "weights of text": asked("--weights dataset", "bad-weights", "12 numbers"),
    "unknown counting": asked("--N-counts nonemb", "unknown-convention", "non-embedding"),
    "unknown loss unit": asked("--loss-unit nats", "unknown-convention", "nats/token"),
    "a law file that raises": own_law("raise RuntimeError('first\\nsecond')\n", "RuntimeError"),
    "a law file that exits": own_law("import sys; sys.exit(3)\n", "SystemExit"),
    "a law file with a syntax error": own_law("def (\n", "SyntaxError"),
    "a law file without the name": own_law("x = 1\n", "declares no law 'mine'"),
    "a formula that raises": own_law(LAW.format(body="raise RuntimeError('boom')"), "RuntimeError: boom"),
    "an output folder that does not exist": asked("-o nowhere/out.json", "cannot-write", "nowhere/out.json"),
    "an output that is a folder": asked("-o data", "cannot-write", "data"),
    "a question without a question": question("forecast fit.json", "missing-input", "--at N=70e9"),
    "a question without an equals sign": question("forecast fit.json --at N70e9", "bad-option", "'N70e9'"),
    "a negative size": question("forecast fit.json --at N=-7e9 --at D=1e12", "bad-value", "received -7e+09"),
    "a size of zero": question("forecast fit.json --at N=0 --at D=1e12", "bad-value", "received 0"),
    "a size in words": question("forecast fit.json --at N=big --at D=1e12", "bad-value", "'big'"),
    "a size that no machine holds": question("forecast fit.json --at N=1e300 --at D=1e300", "bad-value", "1e+300"),
    "a question without its tokens": question("forecast fit.json --at N=7e9", "missing-input", "--at D="),
    "an input that the law lacks": question("forecast fit.json --at N=7e9 --at D=1e12 --at tempo=3", "unknown-input", "'tempo'"),
    "one input twice": question("forecast fit.json --at N=7e9 --at N=8e9 --at D=1e12", "bad-option", "twice"),
    "compute that contradicts": question("forecast fit.json --at N=1e9 --at D=1e10 --at C=1e18", "contradiction", "6ND = 6e+19"),
    "another way of counting": question("forecast fit.json --at N=7e9 --at D=1e12 --at N_counts=active", "conventions-differ", "active"),
    "a target that does not exist": question("forecast fit.json --at N=7e9 --at D=1e12 --target one", "unknown-target", "new-run"),
    "an outcome below the floor": question("invert fit.json --at loss=1 --at D=1e12", "unreachable", "stays between"),
    "an inversion without an outcome": question("invert fit.json --at D=1e12", "missing-input", "loss"),
    "a negative budget": question("plan fit.json --flops -1", "bad-value", "received -1"),
    "a budget in words": question("plan fit.json --flops plenty", "bad-value", "'plenty'"),
    "a broken fit": saved('{"schema": 1,', "not a saved fit"),
    "a fit that is a list": saved("[1]", "not a saved fit"),
    "a fit without its parts": saved('{"schema": 1}', "not a saved fit"),
    "a fit in UTF-16": saved('{"schema": 1}'.encode("utf-16"), "not UTF-8", "unreadable"),
    "a fit that is not there": question("forecast nofit.json --at N=7e9 --at D=1e12", "unreadable", "nofit.json"),
    "a law that is not there": question("laws show chinchila", "unknown-law", "Nearest: chinchilla"),
}  # fmt: skip

KINDS = TABLES | QUESTIONS
IN_A_PROCESS = [
    "missing column", "NaN", "mixed units", "constant loss", "truncated gzip", "UTF-16", "bad Parquet",
    "unknown law", "where that leaves no row", "a law file that raises", "an outcome below the floor",
    "an output folder that does not exist",
]  # fmt: skip


@pytest.fixture(scope="module")
def fitted(tmp_path_factory) -> str:
    """A saved fit of the clean table."""
    folder = tmp_path_factory.mktemp("fit")
    (folder / "runs.csv").write_text(text(runs()))
    assert main(["fit", str(folder / "runs.csv"), *COLUMNS.split(), "-o", str(folder / "fit.json")]) == 0
    return (folder / "fit.json").read_text()


@pytest.fixture
def folder(tmp_path, monkeypatch, fitted) -> Path:
    """A working folder with a clean table in ``data/`` and a saved fit."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "runs.csv").write_text(text(runs()))
    (tmp_path / "fit.json").write_text(fitted)
    return tmp_path


def prepare(bad: Bad, folder: Path) -> list[str]:
    if bad.content is not None:
        content = bad.content if isinstance(bad.content, bytes) else bad.content.encode()
        (folder / bad.name).write_bytes(content)
    return shlex.split(bad.command)


def check_line(error: str, bad: Bad) -> None:
    assert error.endswith("\n")
    assert error.count("\n") == 1, error
    line = error.strip()
    assert line.startswith("forerun: ")
    assert "Traceback" not in line
    assert bad.says in line
    assert len(line) <= LONGEST, len(line)
    if bad.row is not None:
        assert f"row {bad.row}" in line
    if bad.column is not None:
        assert repr(bad.column) in line


def check_nothing_is_left(folder: Path) -> None:
    left = {p.name for p in folder.rglob("*") if p.name.startswith("out") or p.suffix == ".part"}
    assert not left


def test_there_are_more_than_thirty_kinds_of_bad_input():
    assert len(KINDS) == len(TABLES) + len(QUESTIONS) > 30


@pytest.mark.parametrize("kind", KINDS)
def test_bad_input_gets_one_plain_line_and_leaves_nothing_behind(kind, folder, capsys):
    bad = KINDS[kind]
    assert main(prepare(bad, folder)) == 1
    out, error = capsys.readouterr()
    assert out == ""
    check_line(error, bad)
    check_nothing_is_left(folder)


@pytest.mark.parametrize("kind", KINDS)
def test_bad_input_gets_one_json_object_under_json(kind, folder, capsys):
    bad = KINDS[kind]
    assert main([*prepare(bad, folder), "--json"]) == 1
    out, error = capsys.readouterr()
    answer = json.loads(out)
    assert set(answer) == {"schema", "error"}
    assert answer["schema"] == 1
    assert set(answer["error"]) == {"code", "message", "row", "column", "advice"}
    assert answer["error"]["code"] == bad.code
    assert (answer["error"]["row"], answer["error"]["column"]) == (bad.row, bad.column)
    check_line(error, bad)
    check_nothing_is_left(folder)


@pytest.mark.parametrize("kind", IN_A_PROCESS)
def test_a_real_process_says_the_same(kind, folder):
    bad = KINDS[kind]
    arguments = prepare(bad, folder)
    done = subprocess.run(
        [sys.executable, "-m", "forerun.cli", *arguments], capture_output=True, text=True, cwd=folder, check=False
    )
    assert done.returncode == 1
    assert done.stdout == ""
    check_line(done.stderr, bad)
    check_nothing_is_left(folder)


def test_a_fit_of_a_newer_schema_is_refused_with_both_versions(folder, fitted, capsys):
    newer = json.dumps({**json.loads(fitted), "schema": 99})
    bad = saved(newer, "schema 99", "newer-fit")
    assert main([*prepare(bad, folder), "--json"]) == 1
    out, error = capsys.readouterr()
    assert json.loads(out)["error"]["code"] == "newer-fit"
    assert "up to 1" in error
    check_line(error, bad)


def test_a_directory_is_refused(folder, capsys):
    (folder / "runs.csv").mkdir()
    assert main(shlex.split(f"fit runs.csv {COLUMNS} -o out.json")) == 1
    check_line(capsys.readouterr().err, table("", "not-a-file", "is a directory"))
    check_nothing_is_left(folder)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs /proc for a file that even root cannot read")
def test_an_unreadable_file_is_refused(folder, capsys):
    (folder / "runs.csv.gz").symlink_to("/proc/self/mem")
    assert main(shlex.split(f"fit runs.csv.gz {COLUMNS} -o out.json")) == 1
    check_line(capsys.readouterr().err, table("", "unreadable", "cannot read", name="runs.csv.gz"))
    check_nothing_is_left(folder)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_without_permission_is_refused(folder, capsys):
    (folder / "data" / "runs.csv").chmod(0)
    assert main(shlex.split(f"fit data/runs.csv {COLUMNS} -o out.json")) == 1
    check_line(capsys.readouterr().err, table("", "unreadable", "may not be read"))


def test_a_pipe_is_refused_and_does_not_wait(folder, capsys):
    os.mkfifo(folder / "runs.csv")
    assert main(shlex.split(f"fit runs.csv {COLUMNS} -o out.json")) == 1
    check_line(capsys.readouterr().err, table("", "not-a-file", "not a regular file"))


@pytest.mark.parametrize(
    "arguments",
    [
        "fit runs.csv --nonsense",
        "fit runs.csv --la chinchilla",
        "fit",
        "fit runs.csv --draws many",
        "fit runs.csv --level high",
        "plan fit.json",
        "plan fit.json --flops",
        "nonsense",
        "laws show",
        "",
    ],
)
def test_wrong_usage_gives_exit_code_two(arguments, folder, capsys):
    with pytest.raises(SystemExit) as left:
        main(shlex.split(arguments))
    assert left.value.code == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert "usage: forerun" in error


def test_wrong_usage_gives_exit_code_two_in_a_process(folder):
    done = subprocess.run(
        [sys.executable, "-m", "forerun.cli", "plan", "fit.json"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "--flops" in done.stderr
    assert "Traceback" not in done.stderr


# Advice is only advice if it works: what stands after "--drop" or "--where" is run as it was printed.

ADVISED = [
    kind for kind, bad in TABLES.items() if bad.code in ("bad-cell", "conventions-mixed") and bad.name == "runs.csv"
]


def advised_options(line: str) -> list[str]:
    """The options of the advice, as a shell would hand them over."""
    start = min(i for i in (line.find("--drop "), line.find("--where ")) if i >= 0)
    words = shlex.split(line[start:])
    return [words[0], words[1].rstrip(",")]


@pytest.mark.parametrize("kind", ADVISED)
def test_advice_on_rows_works_as_printed(kind, folder, capsys):
    arguments = prepare(TABLES[kind], folder)
    main(arguments)
    options = advised_options(capsys.readouterr().err)
    code = main([*arguments, *options, "--json"])
    out, error = capsys.readouterr()
    if code == 0:
        answer = json.loads(out)
        assert answer["runs"]["n"] == (8 if kind == "two conventions" else 11)
        assert all(math.isfinite(v) for v in answer["params"].values())
    else:
        assert kind == "two tokenizers", error  # three rows of one tokenizer remain, which is the next honest refusal
        assert json.loads(out)["error"]["code"] == "too-few-runs"


NAMES = [
    "val loss", "val's loss", 'val "loss"', "a and b", "loss is missing", "loss > 2", "loss`s", "$HOME", "verlust é",
    "two  spaces", "-loss", "'quoted'", "r[web]", "100%", "a=b", "a<b 'c'",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("cell", ["", "0", "inf", "diverged", "a and b", "it's"])
def test_advice_works_for_any_name_of_a_column(name, cell, folder, capsys):
    rows = [[r[0], r[1], "3e0" if i == 4 else r[2]] for i, r in enumerate(runs(), 1)]
    rows[6][2] = cell
    header = ["params", "tokens", '"' + name.replace('"', '""') + '"']
    (folder / "runs.csv").write_text(text(rows, header))
    arguments = ["fit", "runs.csv", *shlex.split("--law chinchilla --uncertainty none"), f"--loss={name}"]
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert "row 7" in error
    assert main([*arguments, *advised_options(error), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"]["n"] == 11


def test_advice_to_raise_the_count_of_rows_names_a_count_that_is_enough(folder, capsys):
    (folder / "runs.csv").write_text(text(runs(5)))
    assert main(shlex.split(f"fit runs.csv {COLUMNS}")) == 1
    assert "at least 6 different settings" in capsys.readouterr().err
    (folder / "runs.csv").write_text(text(runs(6)))
    assert main(shlex.split(f"fit runs.csv {COLUMNS}")) == 0


def test_what_a_law_file_prints_stays_out_of_the_json(folder, capsys):
    (folder / "law.py").write_text("print('hello')\n" + LAW.format(body="return a / N**0.1"))
    command = "fit data/runs.csv --law law.py:mine --N params --loss val_loss --uncertainty none --json"
    assert main(shlex.split(command)) == 0
    assert json.loads(capsys.readouterr().out)["law"] == "mine"
