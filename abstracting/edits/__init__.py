"""The edit engine: rules as data, evaluation, overrides."""
