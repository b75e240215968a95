"""Laws of allocation: the best size and data for each compute."""
