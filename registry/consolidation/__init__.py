"""What the registry holds to be true of a person or tumor, out of what its sources say: rules, choices, and the reasons."""
