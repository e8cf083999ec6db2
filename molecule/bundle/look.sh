#!/bin/sh
# Prints what must be the same after all: packages, apt's settings and lists, the home folder, the login shell.
# Not auxfiles: apt-get itself makes that empty folder, whatever it is asked, and remove.yml asks it.
set -eu
dpkg-query --show --showformat='${Package} ${Version} ${db:Status-Status}\n'
find /etc/apt /var/lib/apt/lists /home/dev \( -path /home/dev/.ansible -o -path /var/lib/apt/lists/auxfiles \) -prune -o -printf '%M %u %g %p %l\n' | sort
find /etc/apt /home/dev -path /home/dev/.ansible -prune -o -type f -exec sha256sum {} + | sort
getent passwd dev
