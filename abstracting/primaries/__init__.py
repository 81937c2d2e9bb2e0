"""Multiple-primary rules: SEER (solid tumor, hematopoietic, earlier years) and IARC."""
