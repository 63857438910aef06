"""One wire-up per process, and the only wiring."""
