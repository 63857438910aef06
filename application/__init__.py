"""Use cases: load, decide, append. Knows the domain and its own ports, no outside system."""
