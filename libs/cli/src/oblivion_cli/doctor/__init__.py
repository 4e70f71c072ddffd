"""`oblivion doctor`: one small class per thing that can be wrong, each with its sentence and its fix."""
