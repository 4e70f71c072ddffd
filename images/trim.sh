#!/bin/sh
# Takes away what wheels bring and no running service reads: programs (but for Caddy), sources of compiled modules, numpy's own tests.
#   trim /packages
set -eu
if [ -d "$1/bin" ]; then find "$1/bin" -mindepth 1 ! -name caddy -delete; fi
find "$1" \( -name '*.c' -o -name '*.cpp' -o -name '*.pyx' -o -name '*.a' \) -type f -delete
if [ -d "$1/numpy" ]; then find "$1/numpy" -type d -name tests -prune -exec rm -rf {} +; fi
