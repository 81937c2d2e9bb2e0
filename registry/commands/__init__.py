"""Commands of the store, one module per kind of work."""
