"""Pictures on their way to whoever may see them: remuxed where nothing is hidden, else masked and encoded anew."""
