"""The NAACCR data standard: items of every version, XML, flat and CSV files, conversion between versions."""
