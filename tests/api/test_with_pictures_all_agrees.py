"""The same after those with pictures, which have a watch center of their own. Runs as the last of them, by its name."""

from tests.api.test_the_end_agrees import test_store_log_and_read_models_agree

__all__ = ["test_store_log_and_read_models_agree"]
