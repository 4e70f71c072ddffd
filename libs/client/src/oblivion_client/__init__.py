"""Write an agent for Oblivion in a dozen lines."""
