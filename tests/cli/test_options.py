#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Command lines that somebody mistyped: one sentence, which says what was
meant where that can be told.

usage: test_options.py PROGRAM [TEST...]
"""

import os

from harness import Case, main


class Options(Case):
    def wrong(self, *words, said, unsaid=()):
        line = self.refused(*words, said=said, status=2)
        for text in unsaid:
            self.assertNotIn(text, line)

    def test_subcommand(self):
        self.wrong('resise', 'vm', 'vm0', '1G',
                   said=["'resise'", 'did you mean resize?'])
        self.wrong('inf', said=['did you mean info?'])
        self.wrong('fly', said=["'fly'"], unsaid=['mean'])

    def test_option(self):
        self.wrong('run', '--kernle', 'x', said=["'--kernle'",
                                                 'did you mean --kernel?'])
        self.wrong('run', '--mem', '1G',
                   said=['did you mean --memory or --mem-device?'])
        self.wrong('run', '--mem_device=id=a', said=["'--mem_device'",
                                                     '--mem-device?'])
        self.wrong('info', 'vm', '-json', said=["'-j'", '--json?'])
        self.wrong('list', '--verbose', said=["'--verbose'"], unsaid=['mean'])
        self.wrong('list', '--json=yes', said=['--json', "'=yes'"])
        self.wrong('list', '--help=yes', said=['--help', "'=yes'"])
        self.wrong('run', '--kernel', said=['--kernel needs a value'])

    def test_size_below_zero(self):
        self.wrong('resize', 'vm', 'vm0', '-1', said=["'-1'", 'below 0'])
        self.wrong('resize', 'vm', 'vm0', '-512M', said=["'-5'", 'below 0'])

    def test_option_given_twice(self):
        for option, value in (('append', 'quiet'), ('kernel', 'a'),
                              ('initrd', 'a'), ('cpus', '2'),
                              ('memory', '1G'), ('serial', 'none'),
                              ('accel', 'kvm'), ('qtest', 'unix:/q')):
            with self.subTest(option):
                self.wrong('run', f'--{option}', value, f'--{option}', value,
                           said=[f'--{option} is given twice', f"'{value}'"])
        self.wrong('resize', 'vm', 'vm0', '1G', '--wait', '1', '--wait=2',
                   said=['--wait is given twice', "'2'"])

    def test_size(self):
        for text, said in (('2GB', 'did you mean 2G?'),
                           ('2gb', 'did you mean 2g?'),
                           ('2Gi', 'did you mean 2G?'),
                           ('1,5G', 'did you mean 1.5G?'),
                           ('1024', 'bytes: did you mean 1024M?'),
                           ('2', 'bytes: did you mean 2M?'),
                           ('16E', 'K, M, G, T or P'),
                           ('100.3M', 'K, M, G, T or P'), ('', 'K, M, G'),
                           ('17179869184G', '64 bits')):
            with self.subTest(text):
                self.wrong('resize', 'vm', 'vm0', text,
                           said=[f"'{text}'", said])
        self.wrong('run', '--memory', '1024', said=['--memory', '1024M'])
        self.wrong('run', '--memory', '-1G', said=["'-1G'", 'below 0'])
        self.wrong('run', '--mem-device', 'id=a,max-size=2GB',
                   said=['max-size', '2G?'])
        self.wrong('run', '--node', 'id=0,memory=2Gi', said=['memory', '2G?'])

    def test_socket(self):
        for option in ('qmp', 'qtest', 'serial'):
            for text, said in (('unix:/p,server=off', 'connects to nobody'),
                               ('unix:/p,wait=on', "'wait=on'"),
                               ('unix:/p,server,wait', "'wait'"),
                               ('unix:/p,q', "no part 'q'")):
                with self.subTest(f'--{option} {text}'):
                    self.wrong('run', f'--{option}', text,
                               said=[f'--{option}', said])
        self.wrong('run', '--qmp', 'tcp:1', said=['--qmp', "'tcp:1'"])
        self.wrong('run', '--kernel', 'x', '--qmp', 'unix:,server',
                   said=['path'])

    def test_socket_as_for_qemu(self):
        for number, more in enumerate((',server=on,wait=off',
                                       ',server,nowait', ',server', '')):
            path = self.path(f'a,b{number}')
            self.start_machine('--serial', 'unix:' + self.path('s,,') +
                               str(number) + ',server=on',
                               path=path, more=more)
            self.assertIn(path, self.run_program('info', path).args)
            self.assertEqual(self.run_program('info', path).returncode, 0)
            self.assertIn(f's,{number}', os.listdir(self.directory))

    def test_wait(self):
        for text in ('-1', 'long', '1.5', '', '31536001', '99999999999999999'):
            self.wrong('resize', 'vm', 'vm0', '1G', '--wait', text,
                       said=['--wait', f"'{text}'"])


if __name__ == '__main__':
    main()
