"""Timed and simulated checks of what forerun promises: see README.md beside this file."""
