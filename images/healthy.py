#!/usr/bin/env python
"""In an image of a service: exits with 0 when the service answers that it is alive, else with 1 and a word.

For Docker's HEALTHCHECK. Kubernetes asks by the probes of the charts, and runs none of this.
"""

import os
import sys
import urllib.request

WITHIN_S = 4.0


def main() -> int:
    url = f"http://127.0.0.1:{os.environ.get('PORT', '8080')}/health/live"
    try:
        urllib.request.urlopen(url, timeout=WITHIN_S).close()
    except OSError as error:  # HTTPError and URLError among them.
        print(f"{url}: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
