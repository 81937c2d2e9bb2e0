"""Follow-up: who is due, what is tried next, letters and replies, rates by dated rule sets, death files."""
