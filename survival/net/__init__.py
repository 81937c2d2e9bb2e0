"""Net survival and what belongs to it: survival where cancer is the only cause of death, from background mortality."""
