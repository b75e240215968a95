"""A run as Hugging Face transformers trains it: a model configuration, training arguments, and what they cannot say."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from forerun.ladder.model import BASE_DEPTH, BASE_WIDTH, ROTARY_BASE, SHARPNESS
from forerun.ladder.optimizers import BETAS
from forerun.ladder.rung import VOCABULARY, Rung

CONFIGURATION, ARGUMENTS = FILES = ("config.json", "training_arguments.json")

EPSILON = 2.0**-23  # what torch.nn.functional.rms_norm adds in single precision when nothing else is said
ADAM_UPDATE = (
    0.2  # root mean square of AdamW's update in units of its rate (Liu et al. 2025, arXiv:2502.16982, section 2.2)
)

DIFFERENCES = {
    "optimizer": (
        "forerun trains the matrices inside the blocks with Muon, which the Trainer does not have under any name. The file says "
        "AdamW, with the rate at which its updates are as large as Muon's: lr / (0.2 sqrt(width)), after Liu et al. 2025, "
        "arXiv:2502.16982, section 2.2. Expect a higher loss. To train with Muon, hand the Trainer an optimizer of your own."
    ),
    "one-rate": (
        "forerun trains embedding and head with AdamW at a rate of their own (column adam_lr of the index). The Trainer has one "
        "rate for all (column learning_rate_exported), which is the one of the matrices inside the blocks."
    ),
    "decay-everywhere": (
        "forerun decays the matrices inside the blocks only. The Trainer decays embedding and head as well."
    ),
    "warm-up": (
        "forerun takes step s of a warm-up (from 0) with the share (s + 1) / warmup of the peak rate, transformers with s / warmup: "
        "its first step changes nothing."
    ),
    "cooldown-in-warm-up": (
        "the cooldown begins before the warm-up ends. forerun takes the lower of the two rates there, transformers that of the warm-up."
    ),
    "multipliers": (
        "under mup forerun multiplies the logits by 32 / width, under completep also what each branch adds by 2 / depth. The "
        "architecture of transformers has no such multipliers, and they are left out. Rates and decay are those of the scaling."
    ),
    "first-weights": (
        "forerun begins with head and both output matrices of a block at zero and an embedding of deviation 1. transformers draws all "
        "of them from normal distributions (deviation width^-0.5, smaller for the output of attention), from another generator."
    ),
    "text": (
        "forerun holds documents out and takes windows of the text in an order of its own. Here you choose the text, its order and "
        "what is held out."
    ),
    "mixture": "forerun takes sequences from each domain by its share (columns r[domain] of the index). Mix the text yourself.",
    "unique-text": "forerun reads a part of the text again and again (column unique_tokens). Cut the text to it yourself.",
}  # fmt: skip

README = """A ladder of forerun as configurations of Hugging Face transformers

index.csv has one line a run: its settings, parameters by our count and in the exported model, tokens, flops, whether it is
held back, what stands in its files (learning_rate_exported, weight_decay_exported), and what could not be carried over.
Each run has a folder of the same name with config.json (the model) and training_arguments.json (TrainingArguments).

The architecture is NanoChat of transformers (since version 5), which is the one that forerun trains: rotary positions, RMSNorm
without learned gains also on queries and keys, squared ReLU without a gate, no biases, embedding and head apart, 256 bytes
as vocabulary. It has the same number of parameters, and computes the same function once the logits of attention are scaled
as forerun does, which no configuration can say: the loop over layers below does it. One thing to know if you copy weights from
forerun: positions turn the other way, so the two halves of each head of q_proj and k_proj have to change places.

To train a run on the bytes of a file called "text", with batches as in the index on one device (on several, divide
per_device_train_batch_size):

    from pathlib import Path

    from transformers import AutoConfig, AutoModelForCausalLM, HfArgumentParser, Trainer, TrainingArguments, set_seed

    folder = "{folder}"
    (arguments,) = HfArgumentParser(TrainingArguments).parse_json_file(f"{{folder}}/training_arguments.json")
    set_seed(arguments.seed)
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder))
    for layer in model.model.layers:
        layer.self_attn.scaling = {sharpness:g} / layer.self_attn.head_dim
    text = Path("text").read_bytes()
    length = model.config.max_position_embeddings  # one more than the context: the last byte is only predicted
    starts = range(0, len(text) - length + 1, length - 1)
    blocks = [list(text[start : start + length]) for start in starts]
    trainer = Trainer(model, arguments, train_dataset=[{{"input_ids": block, "labels": block}} for block in blocks])
    trainer.train()

What is not the same (the column differences of the index says which of these hold for which run):

{differences}
"""


@dataclass(frozen=True)
class Exported:
    """A run as files of a name and a text each, columns for the index, and the names of what differs."""

    files: Mapping[str, str]
    columns: Mapping[str, Any]
    differences: tuple[str, ...]


def exported(rung: Rung) -> Exported:
    """``rung`` as transformers reads it; the keys of :data:`DIFFERENCES` name what is not the same.

    >>> exported(Rung(optimizer="adamw", lr=0.01, adam_lr=0.01, warmup=0)).differences
    ('first-weights', 'text')
    """
    rate = learning_rate(rung)
    # Rate times decay is the share of a matrix that one step takes away: it stays.
    decay = rung.weight_decay * rung.lr / rate
    arguments = {
        "output_dir": f"trained/{rung.size}-{rung.digest}",
        "max_steps": rung.steps,
        "per_device_train_batch_size": rung.batch,
        "gradient_accumulation_steps": 1,
        "optim": "adamw_torch",
        "learning_rate": rate,
        "weight_decay": decay,
        "adam_beta1": BETAS[0],
        "adam_beta2": BETAS[1],
        "adam_epsilon": 1e-8,
        "max_grad_norm": 0.0,  # nothing is clipped
        **schedule(rung, rate),
        "warmup_steps": rung.warmup,
        "seed": rung.seed,
        "data_seed": rung.seed,
        "dataloader_pin_memory": False,  # which warns where there is no accelerator
    }
    columns = {
        "parameters_exported": parameters(rung),
        "learning_rate_exported": rate,
        "weight_decay_exported": decay,
    }
    files = {CONFIGURATION: _text(configuration(rung)), ARGUMENTS: _text(arguments)}
    return Exported(files, columns, _differences(rung, rate))


def configuration(rung: Rung) -> dict[str, Any]:
    """The model of ``rung`` under the names of the class NanoChatConfig."""
    return {
        "architectures": ["NanoChatForCausalLM"],
        "model_type": "nanochat",
        "vocab_size": VOCABULARY,
        "hidden_size": rung.width,
        "intermediate_size": rung.architecture.feed_forward,
        "num_hidden_layers": rung.depth,
        "num_attention_heads": rung.heads,
        "num_key_value_heads": rung.heads,
        "max_position_embeddings": rung.context + 1,
        "hidden_act": "relu2",
        "rms_norm_eps": EPSILON,
        "initializer_range": rung.width**-0.5,
        "rope_parameters": {"rope_type": "default", "rope_theta": ROTARY_BASE},
        "final_logit_softcapping": None,
        "attention_bias": False,
        "attention_dropout": 0.0,
        "tie_word_embeddings": False,
        "use_cache": False,
        # Every byte is text; a padding token would be one whose embedding is never trained.
        "bos_token_id": None,
        "eos_token_id": None,
        "pad_token_id": None,
        "dtype": "float32",
    }


def parameters(rung: Rung) -> int:
    """Parameters of the exported model: four matrices of attention and two of the feed-forward layer a block, and two tables."""
    width = rung.width
    block = 4 * width * width + 2 * width * rung.architecture.feed_forward
    return rung.depth * block + 2 * VOCABULARY * width


def learning_rate(rung: Rung) -> float:
    """The peak rate of the file: that of the matrices inside the blocks, or for Muon the one with updates as large.

    A matrix of Muon's updates has a root mean square of about width^-0.5 times its rate, whichever of ours it is but the
    last of a block (half of that); AdamW's about 0.2 times its rate.
    """
    if rung.optimizer == "muon":
        return rung.lr / (ADAM_UPDATE * math.sqrt(rung.width))
    return rung.lr if rung.scaling == "standard" else rung.lr * BASE_WIDTH / rung.width


def schedule(rung: Rung, rate: float) -> dict[str, Any]:
    """The schedule of ``rung`` with peak ``rate`` under the names of transformers."""
    if rung.schedule == "wsd" and rung.stable_steps < rung.steps:
        falling = {"num_decay_steps": rung.steps - rung.stable_steps, "decay_type": "linear"}
        return {"lr_scheduler_type": "warmup_stable_decay", "lr_scheduler_kwargs": falling}
    if rung.schedule in ("wsd", "constant") or rung.final_lr == 1.0:
        return {"lr_scheduler_type": "constant_with_warmup"}
    if rung.final_lr == 0.0:
        return {"lr_scheduler_type": rung.schedule}
    if rung.schedule == "cosine":
        return {"lr_scheduler_type": "cosine_with_min_lr", "lr_scheduler_kwargs": {"min_lr_rate": rung.final_lr}}
    return {"lr_scheduler_type": "polynomial", "lr_scheduler_kwargs": {"lr_end": rung.final_lr * rate, "power": 1.0}}


def _differences(rung: Rung, rate: float) -> tuple[str, ...]:
    """What of ``rung`` the files do not say."""
    holds = {
        "optimizer": rung.optimizer == "muon",
        "one-rate": not math.isclose(rate, rung.adam_lr),
        "decay-everywhere": rung.weight_decay > 0,
        "warm-up": rung.warmup > 0,
        "cooldown-in-warm-up": rung.schedule == "wsd" and rung.warmup > rung.stable_steps,
        "multipliers": (rung.scaling != "standard" and rung.width != BASE_WIDTH)
        or (rung.scaling == "completep" and rung.depth != BASE_DEPTH),
        "first-weights": True,
        "text": True,
        "mixture": bool(rung.mixture),
        "unique-text": rung.unique is not None,
    }
    return tuple(name for name, true in holds.items() if true)


def readme(folder: str, differences: Iterable[str]) -> str:
    """What is in the export, how ``folder``, one of its runs, is trained, and what each of ``differences`` means."""
    told = set(differences)
    listed = [f"{name}: {text}" for name, text in DIFFERENCES.items() if name in told]
    lines = [textwrap.fill(text, 118, initial_indent="- ", subsequent_indent="  ") for text in listed]
    return README.format(folder=folder, sharpness=SHARPNESS, differences="\n".join(lines))


def _text(data: Mapping[str, Any]) -> str:
    return json.dumps(data, indent=2) + "\n"
