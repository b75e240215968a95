"""A law, the rows it is fitted to and an objective, as one function of a batch of parameter vectors and row weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from forerun.fitting.jet import Jet
from forerun.fitting.objective import SMALLEST_SCALE, Objective, Terms
from forerun.fitting.prediction import CHUNK, Prediction, differentiate, parts, predict_prepared
from forerun.fitting.prior import Prior
from forerun.fitting.sums import add_rows, add_scale, gram, weighted_sum
from forerun.laws import Law, Param

Array = np.ndarray


REMEMBERED = (
    CHUNK // 2
)  # elements at once where every step of the formula keeps its own until the derivatives are taken
WIDER = 2.0  # times the width of an objective below which another one is hardly wider
SCALE = "(scale)"  # the name of the scale of the residuals, where the objective fits it jointly
SCALE_PARAM = Param((SMALLEST_SCALE, np.inf), "log", meaning="scale of the residuals", role="scale")


@dataclass(frozen=True)
class Block:
    """Some rows that share one assignment of the law's parameters to the problem's (all rows, or a group's)."""

    rows: slice
    inputs: tuple[Array, ...]
    y: Array
    trials: Array | None
    columns: Array  # position of each parameter of the law in the problem's vector

    @property
    def jets(self) -> tuple[Jet, ...]:
        """Inputs as constants that keep their logarithms; those of a large table are taken anew, to hold no copy of it."""
        return self._kept if len(self.y) < CHUNK else tuple(Jet(x) for x in self.inputs)

    @cached_property
    def _kept(self) -> tuple[Jet, ...]:
        return tuple(Jet(x) for x in self.inputs)


@dataclass(frozen=True)
class Evaluation:
    """Objective (B,), gradient (B, p) and Hessian (B, p, p) in the solver's coordinates."""

    value: Array
    gradient: Array
    hessian: Array


@dataclass(frozen=True)
class Problem:
    """The function that is minimised, over vectors ``z``: natural parameters, or their logarithms where ``log``."""

    law: Law
    objective: Objective
    names: tuple[str, ...]
    lower: Array
    upper: Array
    log: Array
    blocks: tuple[Block, ...]
    row_weights: Array  # (n,), the user's
    exact: bool = True
    prior: Prior | None = None

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.row_weights)

    @property
    def told_by_rows(self) -> int:
        """Number of parameters that only the rows tell: all that are not borrowed."""
        return len(self.names) - (0 if self.prior is None else len(self.prior.columns))

    def with_objective(self, objective: Objective) -> Problem:
        """The same problem under another objective."""
        return replace(self, objective=objective)

    def relaxed(self, starts: Array) -> Problem:
        """The problem under a Huber function as wide as residuals at the best of the vectors ``starts`` typically are.

        That is nearly smooth and as robust, and its optimum lies close by. Itself where that would hardly be wider, or the
        objective has no width.
        """
        if not self.objective.deltas or self.objective.scaled:
            return self
        width = float(np.median(np.abs(self.residuals(starts[self.values(starts).argmin()]))))
        return self.with_objective(self.objective.at_once(width)) if width > WIDER * self.objective.deltas[0] else self

    def smoothed(self, z: Array) -> Problem:
        """The problem whose curvature at ``z`` (p,) may stand for that of the expected objective.

        Absolute deviations, and Huber functions narrower than the noise, bend only through the density of residuals at
        zero, which is counted in a window as wide as a kernel estimate takes it (Bofinger's rate). The optimum itself
        lies on as many rows as there are parameters; these are no density and are taken out. Other objectives are taken
        as they are.
        """
        if not self.objective.deltas:
            return self
        sizes = np.sort(np.concatenate([np.abs(r) for r in self.residual_blocks(z)]))
        if self.objective.scaled:
            sizes = sizes / np.exp(z[-1])
        on = len(z) if self.rows > 2 * len(z) else 0
        window = float(1.5 * np.median(sizes[on:]) * self.rows**-0.2) + 1e-12
        if window <= self.objective.delta:
            return self
        inside = int((sizes <= window).sum())
        density = max(inside - on, 1) / (self.rows - on) / (max(inside, 1) / self.rows)
        return self.with_objective(self.objective.widened(window, density))

    def curvature(self, z: Array, weights: Array | None = None) -> Array:
        """The curvature (p, p) of the expected objective at ``z`` (p,), what standard errors rest on.

        Where the objective has kinks, slopes do not cancel near the optimum and the second derivatives of the law would
        come in with any sign: only its first derivatives count there, bent as :meth:`smoothed` says. Elsewhere it is
        the Hessian.
        """
        if not self.objective.deltas or self.objective.scaled:
            return self.smoothed(z).evaluate(z[None], None if weights is None else weights[None]).hessian[0]
        smooth = self.smoothed(z).objective
        assert smooth.rho is not None
        out = np.zeros((len(z), len(z)))
        plain = self.with_objective(self.objective.of_residuals())
        for (rows, slopes), r in zip(plain.row_gradients(z), self.residual_blocks(z)):
            own = np.maximum(self.row_weights[rows], 1e-300)
            bend = smooth.rho(-r, smooth.delta)[2] / own  # the slopes have the weight in them twice
            out += (slopes * (bend if weights is None else bend * weights[rows])[:, None]).T @ slopes
        if self.prior is not None:
            out[self.prior.columns, self.prior.columns] += self.prior.precision
        return out

    def param(self, name: str) -> Param:
        """How the law declares a parameter of the problem; a member of a group is declared like the whole."""
        if name == SCALE:
            return SCALE_PARAM
        return self.law.params.get(name) or self.law.params[name.split("[")[0]]

    def with_scale(self, params: Array) -> Array:
        """Vectors of the law's parameters with a scale to start from, where the objective has one: their spread."""
        if not self.objective.scaled:
            return params
        spread = np.empty((len(params), 1))
        for i, vector in enumerate(params):
            r = np.concatenate([np.abs(r) for r in self.residual_blocks(self.internal(np.append(vector, 1.0)))])
            spread[i] = np.median(r) if np.isfinite(r).all() else 1.0
        return np.concatenate([params, np.maximum(spread, 10.0 * SMALLEST_SCALE)], axis=1)

    def natural(self, z: Array) -> Array:
        """Parameters in their own units from the solver's coordinates."""
        return np.where(self.log, np.exp(np.where(self.log, z, 0.0)), z)

    def internal(self, params: Array) -> Array:
        """The solver's coordinates, moved inside the bounds."""
        with np.errstate(all="ignore"):
            z = np.where(self.log, np.log(np.where(self.log, params, 1.0)), params)
        return np.clip(z, self.lower, self.upper)

    def values(self, z: Array, weights: Array | None = None) -> Array:
        """The objective only, (B,); ``weights`` (B, n) multiply the rows' own; inf where the law is not defined.

        Here and below, further columns of ``weights`` are the shifts of a prior.
        """
        value = np.concatenate(
            [self._values(z[part], None if weights is None else weights[part]) for part in self._parts(z)]
        )
        return value if self.prior is None else value + self.prior.objective(z, self._shifts(weights))

    def against(self, z: Array, weights: Array) -> Array:
        """The objective of each of the vectors ``z`` (K, p) under each row of ``weights`` (B, n), (B, K)."""
        rows = self._rowwise(z)
        value = weights[:, : self.rows] @ np.where(np.isfinite(rows), rows, 1e300 / self.rows).T
        if self.prior is None:
            return value
        return value + self.prior.crossed(
            z, np.broadcast_to(self._shifts(weights), (len(weights), len(self.prior.columns)))
        )

    def _rowwise(self, z: Array) -> Array:
        """Each row's contribution with its own weight, (B, n): the objective under other weights is a product with it."""
        out = np.empty((len(z), self.rows))
        for part in self._parts(z):
            params = self.natural(z[part])
            for block in self.blocks:
                f = predict_prepared(self.law, block.jets, params[:, block.columns])
                with np.errstate(all="ignore"):
                    terms, _, _ = self.objective.terms(f, block.y, block.trials, 0, self._scale(params))
                out[part, block.rows] = terms * self.row_weights[block.rows]
        return np.where(np.isnan(out), np.inf, out)

    def evaluate(self, z: Array, weights: Array | None = None) -> Evaluation:
        """Objective, gradient and Hessian of each vector under its own row weights."""
        slices = self._parts(z, REMEMBERED)
        several = [self._evaluate(z[part], None if weights is None else weights[part]) for part in slices]
        found = Evaluation(*(np.concatenate(x) for x in zip(*several))) if len(several) > 1 else Evaluation(*several[0])
        if self.prior is None:
            return found
        found.gradient[:, self.prior.columns] += self.prior.gradient(z, self._shifts(weights))
        found.hessian[:, self.prior.columns, self.prior.columns] += self.prior.precision
        return replace(found, value=found.value + self.prior.objective(z, self._shifts(weights)))

    def metric(self, z: Array, weights: Array | None = None) -> Array:
        """Positive curvature matrices (B, p, p) that majorize the objective's where the law is close to linear."""
        slices = self._parts(z, REMEMBERED)
        found = np.concatenate([self._metric(z[part], None if weights is None else weights[part]) for part in slices])
        if self.prior is not None:
            found[:, self.prior.columns, self.prior.columns] += self.prior.precision
        return found

    def residuals(self, z: Array) -> Array:
        """Residuals of one vector ``z`` (p,), (n,), in the space of the objective."""
        return np.concatenate(list(self.residual_blocks(z)))

    def residual_blocks(self, z: Array) -> Iterator[Array]:
        """The residuals of one vector block by block, for tables too large to hold them all."""
        params = self.natural(z[None])
        for b in self.blocks:
            f = predict_prepared(self.law, b.jets, params[:, b.columns])[0]
            yield self.objective.residuals(f, b.y, b.trials)

    def row_gradients(self, z: Array) -> Iterator[tuple[slice, Array]]:
        """Gradient of each row's contribution at one vector ``z`` (p,): for each block its rows and (rows, p)."""
        params = self.natural(z[None])
        factor = np.where(self.log, params, 1.0)
        for block in self.blocks:
            f, _, slope, _, side = self._terms(block, params)
            out = np.zeros((len(block.y), len(self.names)))
            if side is not None:
                out[:, -1] = side[0][0]
            out[:, block.columns] += (slope[0] * f.slopes[0]).T
            yield block.rows, out * factor * self.row_weights[block.rows, None]

    def predictions(self, z: Array, every: int) -> tuple[Array, Array]:
        """Predictions (B, m) of every so many rows, log or plain as residuals are, and their slopes (B, m, p)."""
        params = self.natural(z)
        factor = np.where(self.log, params, 1.0)[:, None, :]
        values, slopes = [], []
        for block in self.blocks:
            some = replace(block, inputs=tuple(x[::every] for x in block.inputs), y=block.y[::every])
            with np.errstate(all="ignore"):
                f = differentiate(self.law, some.jets, params[:, some.columns], self.exact)
            value, slope = f.value, np.zeros((*f.value.shape, len(self.names)))
            slope[:, :, some.columns] += f.slopes.transpose(0, 2, 1)
            if self.objective.residual == "log":
                slope, value = slope / value[:, :, None], np.log(value)
            values.append(value)
            slopes.append(slope * factor)
        return np.concatenate(values, axis=1), np.concatenate(slopes, axis=1)

    def _shifts(self, weights: Array | None) -> Array | float:
        return 0.0 if weights is None or weights.shape[1] == self.rows else weights[:, self.rows :]

    def _parts(self, z: Array, at_once: int = CHUNK) -> Sequence[slice]:
        return parts(len(z), max(len(b.y) for b in self.blocks), at_once)

    def _values(self, z: Array, weights: Array | None) -> Array:
        total, params = np.zeros(len(z)), self.natural(z)
        for block in self.blocks:
            f = predict_prepared(self.law, block.jets, params[:, block.columns])
            with np.errstate(all="ignore"):
                terms, _, _ = self.objective.terms(f, block.y, block.trials, 0, self._scale(params))
                total += weighted_sum(terms, self._weights(block, weights))
        return np.where(np.isnan(total), np.inf, total)

    def _scale(self, params: Array) -> Array | None:
        return params[:, -1:] if self.objective.scaled else None

    def _terms(self, block: Block, params: Array) -> tuple[Prediction, Array, Array, Array, Terms | None]:
        """The prediction; the objective of each row with two derivatives by it, and with those by the scale."""
        scale = self._scale(params)
        with np.errstate(all="ignore"):
            f = differentiate(self.law, block.jets, params[:, block.columns], self.exact)
            value, slope, bend = self.objective.terms(f.value, block.y, block.trials, 2, scale)
            side = None if scale is None else self.objective.scale_terms(f.value, block.y, scale)
        assert slope is not None
        assert bend is not None
        return f, value, slope, bend, side

    def _weights(self, block: Block, weights: Array | None) -> Array:
        own = self.row_weights[block.rows]
        return own[None] if weights is None else weights[:, block.rows] * own

    def _metric(self, z: Array, weights: Array | None) -> Array:
        params = self.natural(z)
        out = np.zeros((len(z), z.shape[1], z.shape[1]))
        for block in self.blocks:
            with np.errstate(all="ignore"):
                f = differentiate(self.law, block.jets, params[:, block.columns], self.exact)
                curvature = self.objective.majorizer(f.value, block.y, block.trials, self._scale(params))
                curvature = curvature * self._weights(block, weights)
                out[:, block.columns[:, None], block.columns] += gram(f.slopes, curvature)
        if self.objective.scaled:  # the curvature of a Gaussian's logarithm of its scale
            out[:, -1, -1] = 2.0 * (self.row_weights.sum() if weights is None else weights @ self.row_weights)
            out[:, -1, -1] /= params[:, -1] ** 2
        factor = np.where(self.log, params, 1.0)
        out *= factor[:, :, None] * factor[:, None, :]
        out[~np.isfinite(out).all((1, 2))] = np.eye(z.shape[1])
        return out

    @np.errstate(all="ignore")
    def _evaluate(self, z: Array, weights: Array | None) -> tuple[Array, Array, Array]:
        count, p = z.shape
        params = self.natural(z)
        value, gradient, hessian = np.zeros(count), np.zeros((count, p)), np.zeros((count, p, p))
        for block in self.blocks:
            f, terms, slope, bend, side = self._terms(block, params)
            w = self._weights(block, weights)
            value += weighted_sum(terms, w)
            add_rows(f, slope * w, bend * w, block.columns, gradient, hessian)
            if side is not None:
                add_scale(f, tuple(t * w for t in side), block.columns, gradient, hessian)
        factor = np.where(self.log, params, 1.0)
        gradient *= factor
        hessian *= factor[:, :, None] * factor[:, None, :]
        diagonal = np.einsum("bii->bi", hessian)  # a view
        diagonal += gradient * self.log
        broken = ~np.isfinite(value + gradient.sum(1) + hessian.sum((1, 2)))
        if broken.any():
            value[broken], gradient[broken], hessian[broken] = np.inf, 0.0, np.eye(p)
        return value, gradient, hessian


def build(law: Law, inputs: Sequence[Array], y: Array, trials: Array | None, objective: Objective, weights: Array,
          groups: Array | None, exact: bool) -> Problem:  # fmt: skip
    """The problem of fitting ``law``; it looks at the arrays and copies none of them.

    ``groups`` (n,) names the group of each row for a law with shared parameters, equal names side by side; else None.
    """
    if law.shared is None or groups is None:
        names = tuple(law.params)
        spans = [(slice(0, len(y)), np.arange(len(names)))]
    else:
        common = law.shared[0]
        members = list(dict.fromkeys(groups.tolist()))
        names = (*common, *(f"{n}[{m}]" for m in members for n in law.params if n not in common))
        position = {n: i for i, n in enumerate(names)}
        spans, start = [], 0
        for m in members:
            stop = start + int((groups == m).sum())
            columns = np.array([position[n] if n in common else position[f"{n}[{m}]"] for n in law.params])
            spans.append((slice(start, stop), columns))
            start = stop
    params = [law.params.get(n) or law.params[n.split("[")[0]] for n in names]
    if objective.scaled:
        names, params = (*names, SCALE), [*params, SCALE_PARAM]
    blocks = [
        Block(part, tuple(x[part] for x in inputs), y[part], None if trials is None else trials[part], columns)
        for span, columns in spans
        for part in _split(span)
    ]
    log = np.array([p.scale == "log" for p in params])
    bounds = np.array([p.bounds for p in params], float).T
    with np.errstate(all="ignore"):
        lower, upper = (np.where(log, np.log(np.where(log, b, 1.0)), b) for b in bounds)
    return Problem(law, objective, names, lower, upper, log, tuple(blocks), weights, exact, _prior(params, log))


def _prior(params: Sequence[Param], log: Array) -> Prior | None:
    """What is borrowed of the parameters of a problem; its weight against the rows is found with the optimum."""
    columns = np.array([i for i, p in enumerate(params) if p.prior], int)
    if not len(columns):
        return None
    value, width = np.array([params[i].prior for i in columns], float).T
    return Prior(columns, np.where(log[columns], np.log(np.where(log[columns], value, 1.0)), value), width)


def _split(span: slice) -> list[slice]:
    return [slice(i, min(i + CHUNK, span.stop)) for i in range(span.start, span.stop, CHUNK)]
