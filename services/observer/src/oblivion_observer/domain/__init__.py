"""What the page is made of, and how browsers want it."""
