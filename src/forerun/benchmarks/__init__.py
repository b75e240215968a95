"""Benchmarks that anyone can repeat: `forerun bench NAME` scores the product on public data by a fixed protocol."""
