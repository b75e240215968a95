"""Forms that a theory of scaling predicts."""
