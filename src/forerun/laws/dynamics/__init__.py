"""Laws of training dynamics: schedules, learning rate, batch."""
