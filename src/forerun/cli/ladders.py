"""The command that trains ladders of small models, looks at them, and gives their runs away."""

from __future__ import annotations

import os
import signal
import sys
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from forerun.cli.command import OUTPUT, Answer, Command, Groups, WrongUsage, option, several
from forerun.cli.values import pairs, save
from forerun.note import DataError
from forerun.units import format_quantity, parse_duration

if TYPE_CHECKING:
    from forerun.ladder.rung import Rung
    from forerun.ladder.spec import Ladder
    from forerun.ladder.store import Store

FOLDER = Path("forerun-ladder")
WATCH_EVERY = 2.0  # seconds


def ladder(asked: Namespace) -> Answer:
    """Train a ladder of small models on your text: fit its law, forecast a held-back run, train that, score the forecast."""
    actions: dict[str, Callable[[Namespace, list[str]], Answer]] = {
        "run": _run, "status": _status, "table": _table, "export": _export, "worker": _worker
    }  # fmt: skip
    action, *rest = asked.words
    if action not in actions or len(rest) > 1 or (not rest and action not in ("run",)):
        raise WrongUsage("write `forerun ladder run [FILE]`, or `status`, `table`, `export` or `worker` with a FOLDER")
    return actions[action](asked, rest)


def _run(asked: Namespace, rest: list[str]) -> Answer:
    from forerun import ladder as fl

    if rest and asked.budget:
        raise WrongUsage("give a ladder file or --budget, not both: the file has its own runs")
    started = fl.launcher(asked.on, device=asked.device, **pairs(asked.set, "--set", "NAME=VALUE"))
    workers = _workers(asked)
    wanted = _wanted(asked, Path(rest[0]) if rest else None)
    print(_announce(wanted, asked), file=sys.stderr, flush=True)
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)  # its workers must not outlive it
    try:
        done = fl.run_ladder(
            wanted, asked.into, workers=workers, launcher=started, look=_Progress(), level=asked.level, seed=asked.seed
        )
    except KeyboardInterrupt:
        advice = f"Go on with: forerun ladder run --into {asked.into}"
        message = f"stopped; all that was trained is kept in {asked.into}"
        raise DataError("stopped", message, advice=advice) from None
    finally:
        signal.signal(signal.SIGTERM, previous)
    return done.to_dict(), str(done), done.notes


def _workers(asked: Namespace) -> int:
    """How many runs are trained at a time."""
    if asked.workers is not None and asked.workers < 1:
        raise DataError("bad-value", f"workers is {asked.workers}", advice="Give at least one")
    return asked.workers or os.cpu_count() or 1


def _wanted(asked: Namespace, file: Path | None) -> Ladder:
    """The ladder of a file, of a budget, or the one that is in the folder already."""
    from forerun import ladder as fl

    if file is None and not asked.budget:
        if not fl.Store.is_in(asked.into):
            raise WrongUsage("name a ladder file, or say how long it may take, for example --budget 15m")
        return fl.queued(fl.Store(asked.into))
    given = fl.read_spec(file) if file else None
    text = asked.text or (given.corpus if given else None)
    speed = fl.speeds(
        fl.Store(asked.into, create=True),
        fl.read_corpus(text, context=given.context if given else fl.Rung.context),
        device=asked.device,
    )
    if given is not None:
        return fl.expand(given.model_copy(update={"corpus": text}), speed)
    try:
        seconds = parse_duration(asked.budget)
    except ValueError as error:
        raise DataError("bad-value", f"--budget: {error}") from None
    fitted, held = fl.design(seconds * _workers(asked), speed)
    return fl.Ladder(tuple(fitted), tuple(held), corpus=text)


def _announce(wanted: Ladder, asked: Namespace) -> str:
    """What is about to be trained, in a few lines."""
    sizes = sorted({(r.parameters, r.size) for r in wanted.rungs})
    flops = [r.flops for r in wanted.rungs]
    lines = [
        f"{len(wanted.rungs)} runs of {len(sizes)} {'size' if len(sizes) == 1 else 'sizes'} ({', '.join(size for _, size in sizes)}), "
        f"{min(flops):.2g} to {max(flops):.2g} FLOP",
        *_held_back(wanted),
        f"on {wanted.corpus or 'the standard library of this Python'}; everything is kept in {asked.into}; stop and start it as you like",
    ]
    if wanted.shared_flops:
        share = (
            f"{wanted.shared_flops:.2g} of {wanted.flops:.2g} FLOP ({100 * wanted.shared_flops / wanted.flops:.0f}%)"
        )
        lines.insert(1, f"saved: {share}, because wsd runs of other lengths share their stable phase")
    if wanted.left_out:
        lines.insert(1, f"left out as too short: {len(wanted.left_out)} runs")
    return "\n".join(lines)


def _held_back(wanted: Ladder) -> list[str]:
    """A line for each size and length that is held back, with how many runs there are of it."""
    lines = Counter(f"{r.size}, {format_quantity(r.tokens, 3)} bytes, {r.flops:.2g} FLOP" for r in wanted.held_back)
    return [f"held back: {line}{f' ({count} runs)' if count > 1 else ''}" for line, count in lines.items()]


class _Progress:
    """One line on standard error for each run that finishes, and for each forecast before its run is trained."""

    def __init__(self) -> None:
        self.told: set[int] = set()
        self.forecast: set[str] = set()
        self.began = False

    def __call__(self, store: Store) -> None:
        from forerun.ladder.progress import duration, status

        rows = store.rows()
        finished = [row for row in rows if row.result or row.state == "failed"]
        forecasts = store.fact("forecasts") or {}
        if not self.began:
            self.told = {row.id for row in finished}
            self.forecast = set(forecasts)
            self.began = True
        for digest in [digest for digest in forecasts if digest not in self.forecast]:
            self.forecast.add(digest)
            held = forecasts[digest]
            line = f"forecast for {held['size']}, {held['C']:.1e} FLOP: {held['value']:.4f} ({held['low']:.4f} to {held['high']:.4f}); now it is trained"
            print(line, file=sys.stderr, flush=True)
        new = [row for row in finished if row.id not in self.told]
        for row in new:
            self.told.add(row.id)
            result = row.result or {}
            loss = f"loss {result['loss']:.4f}" if result.get("loss") is not None else row.state
            left = status(store.folder).seconds_left
            rest = f"   about {duration(left)} left" if left and row is new[-1] else ""
            took = duration(result["seconds"]) if "seconds" in result else ""
            line = f"{len(self.told):>4} of {len(rows)}  {row.rung.size:<7}{format_quantity(row.rung.tokens, 3):>7} bytes  {row.rung.flops:.1e} FLOP  {loss}  {took:>6}{rest}"
            print(line, file=sys.stderr, flush=True)


def _status(asked: Namespace, rest: list[str]) -> Answer:
    from forerun.ladder.progress import status

    found = status(rest[0])
    while asked.watch and found.flops_left:
        clear = "\x1b[H\x1b[2J" if sys.stdout.isatty() else ""
        print(f"{clear}{found}", flush=True)
        time.sleep(WATCH_EVERY)
        found = status(rest[0])
    return found.to_dict(), str(found), ()


def _table(asked: Namespace, rest: list[str]) -> Answer:
    from forerun.ladder.table import point_records, run_records, table_text

    records = point_records(rest[0]) if asked.curves else run_records(rest[0])
    if not records:
        advice = f"See: forerun ladder status {rest[0]}"
        raise DataError("no-runs", f"the ladder in {rest[0]} has nothing to show yet", advice=advice)
    text = table_text(records)
    if asked.output is not None:
        save(asked.output, text)
        text = f"{len(records)} rows saved to {asked.output}"
    return {"schema": 1, "rows": records}, text.rstrip("\n"), ()


def _export(asked: Namespace, rest: list[str]) -> Answer:
    from forerun import ladder as fl

    if asked.output is None:
        raise WrongUsage("say which folder to write to, for example -o exported")
    given = Path(rest[0])
    if given.is_dir():
        wanted = fl.queued(fl.Store(given))
    else:
        # Nothing is trained here, so a budget has nothing to limit.
        wanted = fl.expand(fl.read_spec(given).model_copy(update={"budget": None}), _unmeasured)
    files = fl.export_ladder(wanted, asked.output, to=asked.to)
    runs = len(wanted.rungs) + len(wanted.held_back)
    text = f"{runs} runs written to {asked.output}; what could not be carried over exactly is in {asked.output / 'README.txt'}"
    return {"schema": 1, "files": [str(file) for file in files]}, text, ()


def _unmeasured(rung: Rung) -> float:
    """Refuse a run whose length is known only once this machine's speed is."""
    message = "the ladder has runs that are set by device_time, which depends on the machine"
    raise DataError("not-measured", message, advice="Start it with `forerun ladder run`, then export its folder")


def _worker(asked: Namespace, rest: list[str]) -> Answer:
    from forerun import ladder as fl

    finished = fl.work(rest[0], name=asked.name, held_back=asked.held_back, device=asked.device)
    return {"schema": 1, "finished": finished}, f"finished {finished} runs", ()


GROUPS: Groups = {
    "": (
        option("words", nargs="+", metavar="ACTION", help="run [FILE], status FOLDER, table FOLDER, export FILE | FOLDER, worker FOLDER"),
    ),
    "run": (
        option("--budget", metavar="TIME", help="how long all of it may take on this machine (15m, 2h); instead of a file"),
        option("--text", type=Path, metavar="FOLDER", help="text to train on, one file a document (default the standard library of this Python)"),
        option("--into", type=Path, default=FOLDER, metavar="FOLDER", help=f"where everything is kept (default {FOLDER})"),
        option("--workers", type=int, metavar="COUNT", help="runs that are trained at a time (default one a core)"),
        option("--on", default="local", metavar="WHERE", help="local (default), ray or slurm"),
        several("--set", metavar="NAME=VALUE", help="a setting of the launcher: partition=gpu, cluster=local"),
        option("--device", default="cpu", help="cpu (default), cuda or mps"),
        option("--level", type=float, default=0.9, help="coverage that intervals promise (default 0.9)"),
        option("--seed", type=int, default=0, help="seed of the fit (default 0); runs have their own"),
    ),
    "status, table, export": (
        option("--watch", action="store_true", help="show the status again and again until all runs are finished"),
        option("--curves", action="store_true", help="the points of the loss curves, also of unfinished runs"),
        option("--to", default="transformers", metavar="FRAMEWORK", help="whose files to write (default transformers, the only one so far)"),
        option("-o", "--output", type=Path, metavar="PATH", help="write the table to a .csv file, an export to a folder"),
    ),
    "worker (what the launchers start)": (
        option("--name", default="", help="name under which it holds its runs"),
        option("--held-back", action="store_true", help="train the held-back runs"),
    ),
    "output": OUTPUT,
}  # fmt: skip
COMMANDS = {
    "ladder": Command(
        ladder, "ACTION [FILE | FOLDER] [--budget TIME] [--text FOLDER] [--into FOLDER] [options]", GROUPS
    )
}
