"""The critical batch: from a sweep of learning rate and batch at several sizes, or from the noise of gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from forerun.fitting.estimate import fit
from forerun.note import DataError, Note
from forerun.predict.cells import Cell
from forerun.runs import Runs, read_runs

BATCHES = 401  # between the best batch of a cell and the largest of its runs
FEWEST = 6  # cells for a law of their losses with five parameters


def critical_batches(found: Sequence[Cell], *, extra: float = 0.2) -> Runs:
    """The largest batch of every cell that wastes no more than ``extra`` of its tokens: a table of N, D, loss and batch.

    Tokens are wasted when the best loss at a batch is that of a run with fewer tokens at the best batch: what fewer
    tokens cost is read off the Chinchilla law through the least losses of all cells. Fit ``critical-batch-size``,
    ``critical-batch-data`` and ``kaplan-bcrit`` to the table to see whether size, data or loss decide. A cell in which
    no batch of the sweep is too large is left out, with a note: its critical batch lies beyond.

    ``extra`` of 20 % is the definition of Zhang et al. 2024, arXiv:2410.21676, for steps to one loss; at equal tokens,
    as here, it is what the waste would have bought. Both ``extra`` and the window of the cells move the powers that are
    fitted to the table (on the sweep of Step Law that of the data from 0.36 to 0.53), and cells that are left out tend to be
    the longest runs: ask with several. Raises :class:`DataError` for fewer than six cells: five parameters stand between tokens and losses.
    """
    if not 0.0 < extra < 1.0:
        message = f"extra must be a share of the tokens between 0 and 1, received {extra:g}"
        raise DataError("bad-value", message, advice="Write 20 % as 0.2")
    if len(found) < FEWEST:
        message = f"{len(found)} cells do not say what tokens are worth"
        raise DataError("too-few-runs", message, advice=f"Give at least {FEWEST}, of several sizes and token counts")
    columns = {role: np.array([getattr(cell, role) for cell in found]) for role in ("N", "D", "loss")}
    law = fit("chinchilla", read_runs(columns, N="N", D="D", loss="loss"), objective="squared-log", uncertainty="none")
    fewer = law.predict({"N": columns["N"], "D": columns["D"] / (1.0 + extra)})
    allowed = fewer / law.predict({"N": columns["N"], "D": columns["D"]}) - 1.0
    batch = np.array([_largest(cell, limit) for cell, limit in zip(found, allowed.tolist())])
    known = np.isfinite(batch)
    if not known.any():
        message = "no batch of the sweep is too large in any cell"
        raise DataError("no-critical-batch", message, advice="Sweep larger batches")
    kept = {**{role: column[known] for role, column in columns.items()}, "batch": batch[known]}
    runs = read_runs(kept, **{role: role for role in kept})
    return runs if known.all() else replace(runs, notes=(*runs.notes, _beyond(int((~known).sum()), len(found))))


def noise_scale(*, small: float, large: float, small_square: float, large_square: float) -> float:
    """The gradient noise scale, an estimate of the critical batch, from mean squared gradient norms at two batches.

    ``small`` and ``large`` are batch sizes, ``small_square`` and ``large_square`` the mean squared norms of gradients of
    that many samples at one point of training; the answer counts in the same samples: tr(S) / |G|^2 of McCandlish et al.
    2018, arXiv:1812.06162, appendix A.1, both unbiased. Average the squares over many batches before you ask: the ratio
    of two noisy numbers is biased. Infinite where the gradient drowns in the noise, zero where there is no noise.

    It holds at one moment: the scale grows as the loss falls. As ``B_crit`` of the law ``mccandlish-steps`` it says how
    many steps any batch takes: a run of S steps at batch B has S_min = S / (1 + scale / B).

    >>> noise_scale(small=32, large=64, small_square=5.0, large_square=3.0)
    128.0
    """
    if not 0 < small < large:
        message = f"noise_scale needs two different batches, received {small:g} and {large:g}"
        raise DataError("bad-value", message, advice="Give the smaller as small and the larger as large")
    squared = (large * large_square - small * small_square) / (large - small)
    spread = (small_square - large_square) / (1.0 / small - 1.0 / large)
    if spread <= 0:
        return 0.0
    return spread / squared if squared > 0 else float("inf")


def _largest(cell: Cell, allowed: float) -> float:
    """The batch from which on the loss is more than ``allowed`` above the least, infinite where there is none."""
    batch = np.geomspace(cell.batch, float(np.exp(cell.box[1, 1])), BATCHES)
    over = cell.least_excess(batch) > allowed
    return float(batch[max(int(over.argmax()) - 1, 0)]) if over.any() else float("inf")


def _beyond(count: int, cells: int) -> Note:
    message = f"{count} of {cells} cells are left out: no batch of the sweep is too large there"
    return Note("beyond-the-sweep", "warning", message, {"cells": count}, "Sweep larger batches at those sizes.")
