#!/bin/sh
# Called by the server at each change of membership or state; the entrypoint reads the file. Two calls may overlap.
printf '%s\n' "$*" > "/run/galera/notify.$$" && mv -f "/run/galera/notify.$$" /run/galera/notify
