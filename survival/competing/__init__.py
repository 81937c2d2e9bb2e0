"""Competing risks: cumulative incidence, Gray's test, the subdistribution hazard."""
