"""The page on which people see and set everything."""
