"""What pages read: pure functions of a session and an actor that give frozen dataclasses, cut to what may be seen."""
