"""Laws of benchmark scores and pass rates."""
