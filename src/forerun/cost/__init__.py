"""What a model costs: parameters, FLOPs, and memory and time of decoding from its architecture."""

from forerun.cost.decoding import Decoding, cache_bytes, decoding_cost
from forerun.cost.flops import Decoder, forward_flops, parameters, training_flops

__all__ = ["Decoder", "Decoding", "cache_bytes", "decoding_cost", "forward_flops", "parameters", "training_flops"]
