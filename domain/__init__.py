"""The rules of the watch center: pure, typed, standard library alone. One file, one aggregate."""
