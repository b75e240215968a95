"""What a model costs: parameters and FLOPs from its architecture."""

from forerun.cost.flops import Decoder, forward_flops, parameters, training_flops

__all__ = ["Decoder", "forward_flops", "parameters", "training_flops"]
