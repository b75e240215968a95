"""The doubts about a ladder that its table of runs cannot show: plateaus, divergence, the edge of a search, repeated text."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import fields

from forerun.ladder.rung import Rung
from forerun.ladder.store import Row, Store
from forerun.note import Note

PLATEAU = 0.03  # a loss less than this share below the bigram loss: the run has hardly learned more than pairs of bytes
REPEATED = 4.0  # passes over the text up to which repeating it is nearly as good as new text (arXiv:2305.16264)
SCALED = ("width", "depth", "steps", "seed")  # what a ladder is over; everything else is its recipe
INPUTS = {"mixture": "r", "unique": "U"}  # parts of a recipe that laws can take as inputs, with their roles
SEARCHED = ("lr", "adam_lr", "batch")


def doubts(store: Store, runs: Collection[str] | None = None) -> tuple[Note, ...]:
    """Notes on what the runs of a ladder were, whatever law is fitted to them; only on those whose digests ``runs`` has."""
    every = store.rows()
    rows = [row for row in every if row.result and row.state == "done" and (runs is None or row.rung.digest in runs)]
    corpus = store.fact("corpus")
    return (
        *_mixed(rows),
        *_plateau(rows, corpus["bigram_loss"]),
        *_edges(rows),
        *_unstable(every),
        *_repeated(rows, corpus["bytes"]),
    )


def _loss(row: Row) -> float:
    assert row.result is not None
    return float(row.result["loss"])


def _mixed(rows: Sequence[Row]) -> list[Note]:
    """More than one recipe: what differs besides size, length and seed moves the loss, and a law of N and D takes it for noise."""
    recipes = [{k: v for k, v in _plain(row.rung).items() if k not in SCALED} for row in rows if not row.held_back]
    differ = sorted({key for recipe in recipes for key in recipe if recipe[key] != recipes[0][key]})
    if not differ:
        return []
    count = len({tuple(recipe.items()) for recipe in recipes})
    message = f"the runs have {count} recipes, which differ in {', '.join(differ)}"
    evidence = {"settings": differ, "recipes": count}
    advice = f"Fit one of them: forerun fit FOLDER --where '{differ[0]} == {recipes[0][differ[0]]}'."
    if set(differ) <= set(INPUTS):
        evidence |= {"unless_inputs": [INPUTS[setting] for setting in differ]}
        advice = f"Take a law that has {' and '.join(differ)} among its inputs."
    return [Note("mixed-recipes", "warning", message, evidence, advice)]


def _plateau(rows: Sequence[Row], bigram: float) -> list[Note]:
    found = [row for row in rows if _loss(row) > (1.0 - PLATEAU) * bigram]
    if not found:
        return []
    message = f"{len(found)} of {len(rows)} runs end at the loss of byte pairs ({bigram:.2f} nats/byte) or above"
    evidence = {"bigram_loss": bigram, "runs": [row.rung.digest for row in found]}
    return [
        Note("bigram-plateau", "warning", message, evidence, "They show no law yet: train longer, or leave them out.")
    ]


def _edges(rows: Sequence[Row]) -> list[Note]:
    """Searches over a learning rate or batch whose best value is the first or last that was tried."""
    notes = []
    for name in SEARCHED:
        searches: dict[tuple[tuple[str, object], ...], dict[float, list[float]]] = {}
        for row in rows:
            values = searches.setdefault(_without(row.rung, name), {})
            values.setdefault(getattr(row.rung, name), []).append(_loss(row))
        searches = {shared: values for shared, values in searches.items() if len(values) >= 3}
        at_edge = []
        for shared, values in searches.items():
            tried = sorted(values)
            best = min(tried, key=lambda value: sum(values[value]) / len(values[value]))
            if best in (tried[0], tried[-1]):
                at_edge.append("{width}x{depth} ({best:g})".format(**dict(shared), best=best))
        if at_edge:
            message = f"the best {name} is the first or last that was tried for {len(at_edge)} of {len(searches)} searches: {', '.join(at_edge[:4])}"
            notes.append(
                Note(
                    "edge-of-search",
                    "warning",
                    message,
                    {"setting": name},
                    "Try values beyond it before you trust these losses.",
                )
            )
    return notes


def _plain(rung: Rung) -> dict[str, object]:
    """All settings as values that can be compared and counted."""
    return {field.name: getattr(rung, field.name) for field in fields(rung)}


def _without(rung: Rung, name: str) -> tuple[tuple[str, object], ...]:
    """What the runs of one search share; with another batch the steps differ, so that the tokens are the same."""
    shared = _plain(rung) | {"seed": 0, name: 0}
    if name == "batch":
        shared["steps"] = rung.tokens
    return tuple(sorted(shared.items()))


def _unstable(rows: Sequence[Row]) -> list[Note]:
    diverged = [row for row in rows if row.state == "diverged"]
    failed = [row for row in rows if row.state == "failed"]
    notes = []
    if diverged:
        message = f"{len(diverged)} runs diverged and are not fitted"
        names = sorted({f"{row.rung.size} at learning rate {row.rung.lr:g}" for row in diverged})
        notes.append(
            Note(
                "diverged",
                "warning",
                f"{message}: {', '.join(names[:4])}",
                {"runs": [r.rung.digest for r in diverged]},
                "Lower the learning rate.",
            )
        )
    if failed:
        message = f"{len(failed)} runs failed and are missing: {failed[0].error}"
        notes.append(
            Note(
                "runs-failed",
                "error",
                message,
                {"runs": [r.rung.digest for r in failed]},
                "See the log of the workers.",
            )
        )
    return notes


def _repeated(rows: Sequence[Row], size: int) -> list[Note]:
    passes = [row.rung.tokens / (row.rung.unique or size) for row in rows]
    found = [times for times in passes if times > REPEATED]
    if not found:
        return []
    most = max(found)
    message = f"{len(found)} runs read their text more than {REPEATED:g} times (up to {most:.1f})"
    return [
        Note(
            "repeated-text",
            "warning",
            message,
            {"epochs": most},
            "Repeated text is worth less than new text: add text.",
        )
    ]
