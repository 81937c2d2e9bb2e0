"""Staging: the engine, its own decision tables, and official algorithm packages as they are published.

`algorithms.load_algorithm` gives an `Algorithm`; `engine.stage` stages one case with it; `schemas` speaks NAACCR items.

What open data cannot derive: EOD public 3.x gives the schema, Derived Summary Stage 2018, the summary grade and (one
schema) the Rai stage. It does **not** give EOD-derived T, N, M and stage group, nor AJCC 8 categories and groups: those
tables are licensed and published nowhere. TNM 2.1 derives the groups of the UICC 7th edition for 2016-2017, Collaborative
Stage those of the AJCC 6th and 7th edition for 2004-2015. A site that holds a licensed package loads it like any other.
"""
