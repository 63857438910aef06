"""Cameras over RTSP, recorded as they come into the vault: not decoded, not re-encoded, every loss with its range."""
