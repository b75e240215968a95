"""Laws of the training data: mixtures, repetition, quality."""
