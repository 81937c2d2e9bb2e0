"""Recodes: table-driven and computed derivations of analysis variables."""
