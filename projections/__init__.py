"""Read models: one folder each, built only out of the log; and the engine that builds them."""
