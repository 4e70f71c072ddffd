"""Prints the description of the hub's REST, to generate from: `python -m oblivion_mcp_hub.openapi`."""

import json
import sys

from oblivion_mcp_hub.routes.openapi import describe

if __name__ == "__main__":
    sys.stdout.write(json.dumps(describe(), indent=1, sort_keys=True) + "\n")
