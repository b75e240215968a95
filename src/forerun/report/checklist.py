"""The reporting checklist: what must be said of a fit so that somebody else can repeat it, in four groups.

After the survey of 50 papers by Li et al. 2025, (Mis)Fitting, arXiv:2502.18969. Each question has a stable name, under
which a fact is given for what no fit can know.
"""

from __future__ import annotations

from collections.abc import Mapping

CHECKLIST: Mapping[str, Mapping[str, str]] = {
    "hypothesis": {
        "form": "What is the form of the law?",
        "variables": "Which variables does it relate, in which units?",
        "parameters": "Which parameters are fitted, and which are fixed, tied or shared?",
        "why_this_form": "Why this form and no other?",
        "assumptions": "What is assumed between the variables?",
    },
    "training setup": {
        "models": "How many models were trained?",
        "sizes": "Of which sizes?",
        "tokens": "On how many tokens each?",
        "compute": "With how much compute?",
        "training_data": "On which data?",
        "repetition": "Is data repeated?",
        "N_counts": "What does N count: with or without embeddings, all or active parameters?",
        "flop_rule": "How were FLOPs counted: 6ND or exactly?",
        "hyperparameters": "Which hyperparameters are fixed, swept or transferred?",
        "schedule": "With which learning-rate schedule?",
        "code_public": "Is the code public?",
        "weights_public": "Are the weights of the models public?",
    },
    "data": {
        "points": "How many points does the fit use?",
        "checkpoints": "Are the points final, or checkpoints within a run?",
        "checkpoint_schedule": "Where in its schedule is a run at these points?",
        "loss": "Which loss, in which unit?",
        "tokenizer": "In tokens of which tokenizer?",
        "validation_set": "On which validation set?",
        "smoothing": "Were losses smoothed, averaged or interpolated?",
    },
    "fitting": {
        "objective": "What is minimised?",
        "row_weights": "What does each point count?",
        "solver": "With which optimiser and settings, and was the optimum verified?",
        "starts": "From which starts, and how many agree?",
        "dropped": "Which points were dropped, by which rule?",
        "dropped_before": "Were points dropped or binned before they came into this table?",
        "uncertainty": "How were intervals made?",
        "goodness": "How well does the law fit its own points?",
        "held_out": "How well does it predict points that it has not seen?",
    },
}
