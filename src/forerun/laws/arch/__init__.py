"""Laws of the architecture: experts, sparsity, shape, vocabulary, streams, growth."""
