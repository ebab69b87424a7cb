#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Places where a dump cannot go: each with what would help.

usage: test_dump.py PROGRAM [TEST...]
"""

import os
import subprocess

from harness import Case, main

READ_ONLY = 'mkdir "$0/ro" && mount -t tmpfs -o ro none "$0/ro" && exec "$@"'


class Dump(Case):
    def test_directory_missing(self):
        path = self.path('none/core')
        self.refused('dump', self.start_machine().name, path,
                     said=[path, 'No such file', 'make its directory first'])

    def test_no_permission(self):
        self.refused('dump', self.start_machine().name, '/sys/core',
                     said=['/sys/core', 'name another place'])

    def test_read_only(self):
        wrapper = ('unshare', '-m', 'sh', '-c', READ_ONLY, self.directory)
        if subprocess.run([*wrapper, 'true'], check=False,
                          stderr=subprocess.DEVNULL).returncode:
            self.skipTest('nothing may be mounted here')
        os.rmdir(self.path('ro'))
        machine = self.start_machine(wrapper=wrapper)
        path = self.path('ro/core')
        self.refused('dump', machine.name, path,
                     said=[path, 'Read-only', 'name another place'])

    def test_file_too_large(self):
        machine = self.start_machine(
            wrapper=('sh', '-c', 'ulimit -f 0; exec "$@"', 'sh'))
        path = self.path('core')
        self.refused('dump', machine.name, path,
                     said=[path, 'ulimit -f', 'name another place'])
        self.assertNotIn('core', os.listdir(self.directory))

    def test_there_already(self):
        path = self.path('core')
        with open(path, 'wb'):
            pass
        self.refused('dump', self.start_machine().name, path,
                     said=[path, 'is there already'])
        self.refused('dump', self.start_machine().name, '', said=['empty'])


if __name__ == '__main__':
    main()
