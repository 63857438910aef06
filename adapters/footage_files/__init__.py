"""Files of footage that others recorded: told by their content, cut as a camera's stream is, never decoded."""
