"""The staging engine and its decision tables."""
