"""Laws of the architecture: number formats, experts, shape, vocabulary."""
