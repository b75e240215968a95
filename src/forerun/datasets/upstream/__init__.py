"""Converters: from the bytes of a public file to the table that forerun registers, byte for byte."""

from collections.abc import Callable

from forerun.datasets.upstream import pretraining, scores

CONVERTERS: dict[str, Callable[[bytes], bytes]] = {
    f.__name__: f
    for f in (
        pretraining.as_published,
        pretraining.data_repetition_curves,
        pretraining.data_repetition_finals,
        pretraining.grid_of_shapes,
        pretraining.grammar_runs,
        pretraining.isoflop_points,
        pretraining.mixture_predictions,
        pretraining.openlm_checkpoints,
        pretraining.width_ladder,
        scores.addition_curve,
        scores.base_benchmarks,
        scores.clip_scores,
        scores.emergent_tasks,
        scores.fine_tuning_flan,
        scores.fine_tuning_wmt19,
        scores.post_training,
    )
}
