"""Laws of the architecture: experts, sparsity, number formats, shape, vocabulary, streams, growth."""
