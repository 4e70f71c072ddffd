"""Two small pages to type in: /slack and /clickup, rendered here, kept fresh by a little script."""
