"""Laws of hyperparameters: the best learning rate, batch and weight decay at each scale."""
