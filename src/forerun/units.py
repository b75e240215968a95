"""Known columns and quantities: names, units, meanings, synonyms, and how ``70B`` or ``5.76e23`` is read and written."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

SCALE = ("N", "D", "C", "M")
LARGEST = 1e60  # no quantity of a run is larger, or above zero and smaller than its inverse
FLOPS_PER_PARAMETER_AND_TOKEN = 6.0  # forward 2, backward 4: Kaplan et al. 2020, arXiv:2001.08361, section 2.1


@dataclass(frozen=True)
class Column:
    """What a column of a runs table, or an input of a law, means.

    ``positive`` columns must be above zero in every row; ``label`` columns hold text. ``typical`` is the range that
    synthetic runs are drawn from. ``index`` names what the column is repeated over (``r[web]``, ``r[code]``), if it is.
    ``most`` is the largest size that a cell can have.
    """

    role: str
    unit: str
    meaning: str
    synonyms: tuple[str, ...] = ()
    positive: bool = True
    label: bool = False
    typical: tuple[float, float] = (1.0, 1e4)
    index: str | None = None
    most: float = LARGEST

    def over(self, index: str) -> Column:
        """The same column once for every member of ``index``: ``WEIGHT.over("domain")``."""
        return replace(self, index=index)


PARAMETERS = Column(
    "N", "parameters", "model parameters",
    ("N", "params", "parameters", "n_params", "num_params", "param_count", "model_size"), typical=(1e7, 1e10),
)  # fmt: skip
TOKENS = Column(
    "D", "tokens", "training tokens",
    ("D", "tokens", "n_tokens", "num_tokens", "train_tokens", "training_tokens"), typical=(1e9, 1e12),
)  # fmt: skip
FLOPS = Column(
    "C", "FLOP", "training compute",
    ("C", "flops", "flop", "compute", "train_flops", "training_flops", "flops_6nd"), typical=(1e18, 1e22),
)  # fmt: skip
TOKENS_PER_PARAMETER = Column(
    "M", "tokens/parameter", "training tokens per parameter",
    ("M", "tokens_per_parameter", "tokens_per_param", "token_multiplier"), typical=(5.0, 640.0),
)  # fmt: skip
UNIQUE_TOKENS = Column(
    "U", "tokens", "unique training tokens",
    ("U", "unique_tokens", "tokens_unique", "n_unique_tokens"), typical=(1e8, 1e11),
)  # fmt: skip
EPOCHS = Column("epochs", "passes", "passes over the unique tokens", ("epochs", "epoch"), typical=(1.0, 40.0))
LOSS = Column(
    "loss", "nats/token", "validation loss",
    ("loss", "val_loss", "valid_loss", "validation_loss", "eval_loss", "test_loss", "final_loss"), typical=(1.5, 6.0),
)  # fmt: skip
X = Column("x", "", "the variable that is scaled", ("x",), typical=(1e3, 1e7))
Y = Column("y", "", "the measured outcome", ("y",), typical=(0.05, 1.0))
SCORE = Column(
    "score", "of 1", "benchmark score", ("score", "accuracy", "acc"), positive=False, typical=(0.05, 0.95), most=1.0
)  # fmt: skip
STEP = Column("step", "steps", "optimiser step", ("step", "steps", "iteration"), positive=False, typical=(1.0, 3e4))
LEARNING_RATE = Column(
    "lr", "", "learning rate", ("lr", "learning_rate"), positive=False, typical=(1e-5, 1e-2)
)  # fmt: skip
WEIGHT = Column("r", "", "share of the training mixture", ("r",), positive=False, typical=(0.0, 1.0))
SUCCESSES = Column("k", "count", "successes", ("k", "n_correct", "successes"), positive=False, typical=(0.0, 1e3))
TRIALS = Column("trials", "count", "independent trials", ("trials", "n_samples", "n_trials"), typical=(1e2, 1e4))
RUN = Column("run", "", "identifier of a run", ("run", "run_id", "run_name"), label=True)
FAMILY = Column("family", "", "group of runs that share a recipe", ("family", "model_family"), label=True)
SEED = Column("seed", "", "random seed of the run", ("seed", "random_seed"), label=True)
TOKENIZER = Column("tokenizer", "", "tokenizer that the loss is counted in", ("tokenizer",), label=True)
ROW_WEIGHT = Column("weight", "", "weight of the row in the objective", ("weight", "row_weight"), positive=False)
STANDARD_ERROR = Column("se", "as the outcome", "standard error of the outcome", ("loss_se", "se", "stderr"))
BITS = Column("bits", "bits", "bits a weight is stored in", ("bits", "precision"), typical=(2.0, 16.0))
WEIGHT_BITS = Column("weight_bits", "bits", "bits of the weights in training", typical=(3.0, 16.0))
ACTIVATION_BITS = Column("activation_bits", "bits", "bits of the activations in training", typical=(3.0, 16.0))
CACHE_BITS = Column("cache_bits", "bits", "bits of the key-value cache in training", typical=(3.0, 16.0))
EXPONENT_BITS = Column(
    "exponent_bits", "bits", "exponent bits of the number format", positive=False, typical=(1.0, 8.0)
)
MANTISSA_BITS = Column(
    "mantissa_bits", "bits", "mantissa bits of the number format", positive=False, typical=(1.0, 7.0)
)
BLOCK = Column(
    "block", "values", "values that share one scaling factor", ("block", "block_size"), typical=(16.0, 512.0)
)
DEGRADATION = Column(
    "degradation", "nats/token", "rise of the loss by quantisation", ("degradation", "qid"), typical=(1e-3, 1.0)
)
REPLICAS = Column(
    "replicas", "replicas", "model replicas between two synchronisations", ("replicas",), typical=(1.0, 16.0)
)
SYNC_INTERVAL = Column("sync_interval", "steps", "optimiser steps between two synchronisations", typical=(10.0, 1e3))
BATCH = Column("batch", "tokens/step", "tokens in one optimiser step", ("batch", "batch_tokens"), typical=(1e5, 1e7))
NON_EMBEDDING = Column("N_non_embedding", "parameters", "parameters without the embeddings", typical=(1e6, 1e11))
ERROR = Column(
    "error", "of 1", "share of wrong answers", ("error", "error_rate"), positive=False, typical=(0.05, 0.95), most=1.0
)
TASK_LOSS = Column(
    "task_loss", "nats/character", "loss of the correct answers of a task", ("task_loss",), typical=(0.2, 2.0)
)
KNOWLEDGE = Column("knowledge", "bits", "facts that can be recalled", ("knowledge",), typical=(1e7, 1e10))
REPEATED = Column(
    "repeated", "of 1", "1 for a run with the repeated subset, 0 for a clean one", positive=False, typical=(0.2, 1.0)
)
EXPERTS = Column(
    "experts", "count", "experts of a routed layer", ("experts", "n_experts", "num_experts"), typical=(1.0, 512.0)
)
ACTIVE_EXPERTS = Column(
    "active_experts", "count", "experts that a token is sent to", ("active_experts", "experts_active", "top_k"), typical=(1.0, 32.0)
)  # fmt: skip
SHARED_EXPERTS = Column(
    "shared_experts", "of 1", "share of the active experts that every token is sent to", ("shared_experts",), typical=(0.02, 0.8)
)  # fmt: skip
GRANULARITY = Column(
    "granularity", "ratio", "hidden width of a dense block over that of an expert", ("granularity",), typical=(1.0, 16.0)
)  # fmt: skip
ACTIVE_PARAMETERS = Column(
    "N_active", "parameters", "parameters that a token meets",
    ("N_active", "active_params", "params_active", "active_parameters"), typical=(1e7, 1e10),
)  # fmt: skip
DENSE_TOKENS = Column(
    "D_dense", "tokens", "tokens of the dense model that training goes on from", ("D_dense", "dense_tokens"), typical=(1e9, 1e12)
)  # fmt: skip
SPARSITY = Column(
    "sparsity", "of 1", "share of the weights that are zero", ("sparsity",), positive=False, typical=(0.05, 0.95), most=1.0
)  # fmt: skip
ACTIVITY = Column(
    "activity", "of 1", "neuron activity", ("activity", "activation_ratio"),
    typical=(0.05, 0.5), most=1.0,
)  # fmt: skip
STREAMS = Column("streams", "count", "parallel streams of one model", ("streams", "n_streams"), typical=(1.0, 16.0))
WIDTH = Column(
    "width",
    "units",
    "width of the residual stream",
    ("width", "d_model", "model_dim", "hidden_size"),
    typical=(64.0, 8192.0),
)
DEPTH = Column("depth", "layers", "number of layers", ("depth", "n_layers", "num_layers"), typical=(4.0, 96.0))
VOCABULARY = Column(
    "vocabulary", "entries", "size of the vocabulary", ("vocabulary", "vocab_size", "vocab"), typical=(1e3, 2e5)
)  # fmt: skip
VOCABULARY_PARAMETERS = Column(
    "N_v", "parameters", "vocabulary N_v", ("N_v", "N_vocabulary", "vocab_params"), typical=(1e6, 1e9)
)  # fmt: skip
CHARACTERS = Column(
    "characters", "characters", "characters of the training text", ("characters", "chars"), typical=(1e9, 1e12)
)
TOKEN_RATE = Column(
    "token_rate", "tokens/char", "text token_rate", ("token_rate", "tokens_per_character"),
    typical=(0.2, 0.5),
)  # fmt: skip
GAIN_OVER_UNIGRAM = Column(
    "unigram_gain", "nats/token", "loss of a unigram model minus validation loss", ("unigram_gain",), typical=(1.0, 5.0)
)  # fmt: skip
GROWTH_TOKENS = Column(
    "D_small", "tokens", "growth after", ("D_small", "growth_tokens"), typical=(1e9, 1e11)
)  # fmt: skip
UPDATE_RATIO = Column(
    "utd", "updates/interaction", "gradient updates for each interaction", ("utd",), typical=(0.25, 16.0)
)
INTERACTIONS = Column(
    "interactions", "steps", "steps taken in an environment", ("interactions", "env_steps"), typical=(1e4, 1e7)
)
SAMPLES = Column("samples", "samples", "training samples", ("samples", "samples_seen", "n_train"), typical=(5e2, 1e5))
DIMENSION = Column("dimension", "dimensions", "intrinsic dimension of the data", ("dimension",), typical=(8.0, 40.0))
SHARPNESS = Column("sharpness", "1/distance", "sharpness of the labels", ("sharpness",), typical=(0.02, 1.0))
CONTROLLED = Column("controlled", "tokens", "tokens whose activations an attacker controls", typical=(1.0, 64.0))
FORCED = Column("forced", "tokens", "tokens that an attacker can force", typical=(1.0, 1e3))
PERTURBATION = Column("perturbation", "of the range", "largest change of an input value", typical=(1e-4, 1e-2))
EMBEDDING_PARAMETERS = Column("N_embedding", "parameters", "parameters of embedding tables", typical=(1e9, 1e12))

EXAMPLES = Column(
    "examples", "examples", "fine-tuning examples", ("examples", "n_examples", "d_finetune"), typical=(1e2, 1e6)
)  # fmt: skip
ENCODER_PARAMETERS = Column(
    "N_encoder", "parameters", "parameters of the encoder", ("N_encoder", "encoder_params"), typical=(1e7, 1e9)
)  # fmt: skip
DECODER_PARAMETERS = Column(
    "N_decoder", "parameters", "parameters of the decoder", ("N_decoder", "decoder_params"), typical=(1e7, 1e9)
)  # fmt: skip
TEACHER_PARAMETERS = Column(
    "N_teacher", "parameters", "parameters of the teacher", ("N_teacher", "teacher_params"), typical=(1e7, 1e11)
)  # fmt: skip
TEACHER_LOSS = Column("teacher_loss", "nats/token", "validation loss of the teacher", typical=(1.8, 3.0))
SUPERVISED_LOSS = Column(
    "supervised_loss", "nats/token", "validation loss of the same model trained on text alone", typical=(2.0, 3.5)
)  # fmt: skip
DIVERGENCE = Column(
    "kl", "nats", "divergence of a policy from where it began", ("kl", "kl_divergence"), typical=(0.1, 50.0)
)  # fmt: skip
REWARD = Column("reward", "", "true reward above that of the first policy", ("reward",), positive=False)
ROUNDS = Column("rounds", "count", "rounds of training and new reward models", ("rounds",), typical=(1.0, 8.0))
DOMAIN_SHARE = Column(
    "domain_share", "of 1", "share of one domain in the training data", ("domain_share",), positive=False, typical=(0.05, 0.95), most=1.0
)  # fmt: skip
RELATIVE_TOKENS = Column("relative_tokens", "ratio", "tokens over a reference run's", ("relative_tokens",), typical=(0.1, 5.0))  # fmt: skip
INITIAL_LOSS = Column("initial_loss", "nats/token", "loss on a domain before training on it", ("initial_loss",), typical=(1.5, 4.0))  # fmt: skip
LOSS_DECLINE = Column("decline", "nats/token", "early decline of the loss on a domain", ("decline",), typical=(0.02, 0.5))  # fmt: skip
LEARNABILITY = Column("learnability", "1/nats", "how readily a domain is learnt", ("learnability",), typical=(0.3, 3.0))  # fmt: skip

GZIP_RATIO = Column(
    "gzip_ratio", "of 1", "size of the compressed data over their size", ("gzip_ratio",), typical=(0.1, 0.6)
)
FREQUENCY = Column(
    "frequency", "count", "occurrences of a concept in training", ("frequency", "frequency_bin"), typical=(1.0, 1e6)
)  # fmt: skip
SOURCE_SAMPLES = Column(
    "D_source", "samples", "samples that the generator of the synthetic data learnt from", ("D_source",), typical=(1e4, 1e8)
)  # fmt: skip
SYNTHETIC = Column("synthetic", "of 1", "share of the samples that are synthetic", positive=False, typical=(0.1, 0.9))
GENERATIONS = Column(
    "generations", "count", "generations of models between real and synthetic data", typical=(1.0, 8.0)
)
MERGED = Column("merged", "count", "fine-tuned models that are merged", ("merged", "n_merged"), typical=(1.0, 16.0))
TOTAL_BITS = Column("total_bits", "bits", "bits of all weights", ("total_bits",), typical=(1e8, 1e12))

COLUMNS: Mapping[str, Column] = {
    c.role: c
    for c in (
        PARAMETERS, TOKENS, FLOPS, TOKENS_PER_PARAMETER, UNIQUE_TOKENS, EPOCHS, LOSS, X, Y, SCORE, STEP, LEARNING_RATE,
        WEIGHT, SUCCESSES, TRIALS, RUN, FAMILY, SEED, TOKENIZER, ROW_WEIGHT, STANDARD_ERROR,
        BITS, WEIGHT_BITS, ACTIVATION_BITS, CACHE_BITS, EXPONENT_BITS, MANTISSA_BITS, BLOCK, DEGRADATION, REPLICAS,
        SYNC_INTERVAL, BATCH, NON_EMBEDDING, ERROR, TASK_LOSS, KNOWLEDGE, REPEATED,
        EXPERTS, ACTIVE_EXPERTS, SHARED_EXPERTS, GRANULARITY, ACTIVE_PARAMETERS, DENSE_TOKENS, SPARSITY,
        ACTIVITY, STREAMS, WIDTH, DEPTH, VOCABULARY, VOCABULARY_PARAMETERS, CHARACTERS, TOKEN_RATE,
        GAIN_OVER_UNIGRAM, GROWTH_TOKENS,
        EXAMPLES, ENCODER_PARAMETERS, DECODER_PARAMETERS, TEACHER_PARAMETERS, TEACHER_LOSS, SUPERVISED_LOSS,
        DIVERGENCE, REWARD, ROUNDS,
        UPDATE_RATIO, INTERACTIONS, SAMPLES, DIMENSION, SHARPNESS, CONTROLLED, FORCED, PERTURBATION, EMBEDDING_PARAMETERS,
        DOMAIN_SHARE, RELATIVE_TOKENS, INITIAL_LOSS, LOSS_DECLINE, LEARNABILITY,
        GZIP_RATIO, FREQUENCY, SOURCE_SAMPLES, SYNTHETIC, GENERATIONS,
        TOTAL_BITS, MERGED,
    )
}  # fmt: skip

_SUFFIXES = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9, "t": 1e12, "p": 1e15}
_QUANTITY = re.compile(r"([+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([kKmMbBgGtTpP]?)")
_DURATIONS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


def parse_quantity(text: str) -> float:
    """A number written by a person: ``70B``, ``1.4T``, ``5.76e23``, ``350_000``, ``12k``.

    Suffixes are k, M, B (or G), T and P for 1e3 to 1e15, in either case. Raises ``ValueError`` that says what was
    received for anything else.

    >>> parse_quantity("70B"), parse_quantity("5.76e23")
    (70000000000.0, 5.76e+23)
    """
    match = _QUANTITY.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"expected a number such as 7e9, 70B or 1.4T, received {text!r}")
    return float(match[1].replace("_", "")) * _SUFFIXES[match[2].lower()]


def parse_duration(text: str) -> float:
    """Seconds from ``90s``, ``15m``, ``6h``, ``3d`` or ``2w``.

    >>> parse_duration("3d")
    259200.0
    """
    match = re.fullmatch(r"(\d+\.?\d*)\s*([smhdw])", text.strip())
    if match is None:
        raise ValueError(f"expected a duration such as 15m, 6h or 3d, received {text!r}")
    return float(match[1]) * _DURATIONS[match[2]]


def parse_devices(text: str) -> tuple[int, str]:
    """Count and name from ``8xH100``.

    >>> parse_devices("8xH100")
    (8, 'H100')
    """
    match = re.fullmatch(r"(\d+)\s*x\s*(\w[\w.-]*)", text.strip())
    if match is None or int(match[1]) == 0:
        raise ValueError(f"expected devices such as 8xH100, received {text!r}")
    return int(match[1]), match[2]


def format_quantity(value: float, digits: int = 4) -> str:
    """A count as a person writes it, with ``digits`` significant digits: ``72.3B``, ``1.4T``, ``45.6k``; others as they are.

    >>> format_quantity(7.23456e10), format_quantity(5.76e23), format_quantity(45_600), format_quantity(1.81722)
    ('72.35B', '5.76e+23', '45.6k', '1.817')
    """
    if not math.isfinite(value):
        return str(value)
    for size, least, suffix in ((1e12, 1e12, "T"), (1e9, 1e9, "B"), (1e6, 1e6, "M"), (1e3, 10.0**digits, "k")):
        if least <= abs(value) < 1e15:
            return f"{value / size:.{digits}g}{suffix}"
    return f"{value:.{digits}g}"


def derive_scale(known: Mapping[str, Any]) -> dict[str, Any]:
    """``known`` with whatever follows of N, D, C = 6ND and M = D/N, in floating point (integers overflow at 7B).

    Values may be numbers or NumPy arrays; nothing given is overwritten, and without two of the four nothing follows.

    >>> derive_scale({"N": 7e9, "M": 20.0})["C"]
    5.88e+21
    """
    out = {k: v * 1.0 if k in SCALE else v for k, v in known.items()}
    six = FLOPS_PER_PARAMETER_AND_TOKEN
    if "C" in out and "M" in out and "N" not in out and "D" not in out:
        out["N"] = (out["C"] / (six * out["M"])) ** 0.5
    if "N" in out and "D" not in out:
        if "M" in out:
            out["D"] = out["M"] * out["N"]
        elif "C" in out:
            out["D"] = out["C"] / (six * out["N"])
    if "D" in out and "N" not in out:
        if "C" in out:
            out["N"] = out["C"] / (six * out["D"])
        elif "M" in out:
            out["N"] = out["D"] / out["M"]
    if "N" in out and "D" in out:
        out.setdefault("C", six * out["N"] * out["D"])
        out.setdefault("M", out["D"] / out["N"])
    return out
