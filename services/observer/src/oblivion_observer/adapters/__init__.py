"""Where the page comes from."""
