"""Footage as a file: clips with a watermark and content credentials, in a ZIP that anybody can check."""
