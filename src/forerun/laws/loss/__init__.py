"""Laws of the loss in size, data and compute, and general curves."""
