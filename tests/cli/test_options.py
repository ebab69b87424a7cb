#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Command lines that somebody mistyped: one sentence, which says what was
meant where that can be told.

usage: test_options.py PROGRAM [TEST...]
"""

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

    def test_wait(self):
        for text in ('-1', 'long', '1.5', '', '31536001', '99999999999999999'):
            self.wrong('resize', 'vm', 'vm0', '1G', '--wait', text,
                       said=['--wait', f"'{text}'"])


if __name__ == '__main__':
    main()
