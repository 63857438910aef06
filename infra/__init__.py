"""Development stack and deployment."""
