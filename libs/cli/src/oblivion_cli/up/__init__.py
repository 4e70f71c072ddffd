"""`oblivion up`: the whole system on this machine, behind one port."""
