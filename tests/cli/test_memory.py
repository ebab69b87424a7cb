#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Memory that this host does not have: sizes as people write them, and what
would help.

usage: test_memory.py PROGRAM [TEST...]
"""

import re

from harness import GIB, Case, main


def number_in(path, *names):
    """The sum of what these lines of a file say, in bytes of KiB."""
    with open(path, encoding='ascii') as f:
        text = f.read()
    return sum(int(re.search(rf'^{name}: *(\d+)', text, re.M)[1])
               for name in names) * 1024


class Memory(Case):
    def too_much(self):
        """More than the host promises at once, in GiB."""
        with open('/proc/sys/vm/overcommit_memory', encoding='ascii') as f:
            if f.read().strip() == '1':
                self.skipTest('this host promises anything')
        return number_in('/proc/meminfo', 'MemTotal', 'SwapTotal') // GIB + 8

    def test_address_space(self):
        line = self.refused(
            'run', '--accel', 'qtest', '--qtest', f'unix:{self.path("q")}',
            '--mem-device', 'id=vm0,max-size=1P',
            said=['1 PiB', 'smaller'])
        self.assertIsNone(re.search(r'\d{7}', line), line)

    def test_more_than_the_host_promises(self):
        size = self.too_much()
        machine = self.start_machine(
            '--mem-device', f'id=vm0,max-size={size + 8}G',
            '--mem-device', f'id=vm1,max-size={size + 8}G,reserve=off')
        line = self.refused(
            'resize', machine.name, 'vm0', f'{size}G',
            said=['vm0', f'{size} GiB cannot be requested',
                  f'{size * 1024 + 256} MiB with', 'reserve=off'])
        self.assertIsNone(re.search(r'\d{7}', line), line)
        result = self.run_program('resize', machine.name, 'vm1', f'{size}G',
                                  '--wait', '0')
        self.assertEqual(result.returncode, 0, result)

    def test_boot_memory(self):
        self.refused('run', '--accel', 'qtest', '--qtest',
                     f'unix:{self.path("q")}', '--memory',
                     f'{self.too_much()}G',
                     said=['boot memory', 'reserve=off'])

    def test_limit_of_the_process(self):
        """Which reserve=off does not lift."""
        wrapper = ('sh', '-c', 'ulimit -d 300000; exec "$@"', 'sh')
        if self.run_program('--version', wrapper=wrapper).returncode:
            self.skipTest('the program as it is built needs more itself')
        line = self.refused(
            'run', '--accel', 'qtest', '--qtest', f'unix:{self.path("q")}',
            '--memory', '1G', said=['RLIMIT_DATA'],
            wrapper=wrapper)
        self.assertNotIn('reserve=off', line)


if __name__ == '__main__':
    main()
