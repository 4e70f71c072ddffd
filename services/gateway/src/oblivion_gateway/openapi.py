"""Prints the API's description, for whoever generates from it: `python -m oblivion_gateway.openapi`."""

import json
import sys

from oblivion_gateway.routes.application import describe

if __name__ == "__main__":
    sys.stdout.write(json.dumps(describe(), indent=1, sort_keys=True) + "\n")
