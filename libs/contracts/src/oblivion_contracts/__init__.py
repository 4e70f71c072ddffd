"""Contracts of Oblivion: the models of everything that crosses a process, and nothing else.

JSON Schemas of all of them are committed in `schemas/`; `python -m oblivion_contracts.export --check`
fails when a model and its schema differ.
"""
