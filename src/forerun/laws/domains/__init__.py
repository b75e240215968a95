"""Laws of other domains than language: vision, control, biology, security."""
