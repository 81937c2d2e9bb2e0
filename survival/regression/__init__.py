"""Regression: Cox, tests of proportional hazards."""
