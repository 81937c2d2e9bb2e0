"""A central registry's work with its facilities and with other states: what came, what goes back, what is sent."""
