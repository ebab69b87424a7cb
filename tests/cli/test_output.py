#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Who cannot be told does not hear that all is well: what could not be
written to standard output or to standard error fails the program.

usage: test_output.py PROGRAM [TEST...]
"""

import os
import subprocess

from harness import Case, main

HELPS = (['--version'], ['--help'], ['help'], ['-h'],
         *([name, '--help'] for name in
           ('run', 'resize', 'info', 'numa', 'dump', 'list')))


class Output(Case):
    def setUp(self):
        super().setUp()
        self.machine = self.start_machine('--mem-device',
                                          'id=vm0,max-size=1G')
        self.dumps = 0

    def dump(self, *options):
        self.dumps += 1
        return ['dump', self.machine.name, self.path(f'dump{self.dumps}'),
                *options]

    def commands(self):
        name = self.machine.name
        yield from HELPS
        for options in ([], ['--json']):
            yield ['info', name, *options]
            yield ['list', *options]
            yield ['numa', name, *options]
            yield ['resize', name, 'vm0', '0', *options]
            yield ['resize', name, 'vm0', '128M', '--wait', '0', *options]
            yield self.dump(*options)

    def test_written(self):
        for words in self.commands():
            with self.subTest(words):
                result = self.run_program(*words)
                self.assertEqual(result.returncode, 0, result)
                self.assertTrue(result.stdout)
                self.assertEqual(result.stderr, '')

    def test_full(self):
        for words in self.commands():
            with self.subTest(words), open('/dev/full', 'wb') as full:
                result = self.run_program(*words, stdout=full)
                self.assertEqual(result.returncode, 1, result)
                self.assertEqual(result.stderr.count('\n'), 1, result)
                self.assertIn('standard output: No space left on device',
                              result.stderr)

    def test_closed(self):
        for words in self.commands():
            with self.subTest(words):
                result = self.run_program(
                    *words, wrapper=('sh', '-c', 'exec "$@" >&-', 'sh'))
                self.assertEqual(result.returncode, 1, result)
                self.assertEqual(result.stderr.count('\n'), 1, result)
                self.assertIn('standard output', result.stderr)

    def test_reader_gone(self):
        """Whoever stopped reading wants to hear no more, but no success is
        claimed."""
        for words in self.commands():
            with self.subTest(words):
                reader, writer = os.pipe()
                os.close(reader)
                result = self.run_program(*words, stdout=writer)
                os.close(writer)
                self.assertEqual(result.returncode, 1, result)
                self.assertEqual(result.stderr, '')

    def test_status_that_says_more_stays(self):
        with open('/dev/full', 'wb') as full:
            result = self.run_program('resize', self.machine.name, 'vm0',
                                      '128M', '--wait', '1', stdout=full)
        self.assertEqual(result.returncode, 3, result)
        self.assertIn('standard output', result.stderr)

    def test_sentence_that_nobody_reads(self):
        """It comes with a status of its own."""
        with open('/dev/full', 'wb') as full:
            for words, status in ((['info', 'nobody'], 1), (['fly'], 2)):
                result = self.run_program(*words, stderr=full)
                self.assertEqual(result.returncode, status, result)

    def test_closed_descriptors_are_nobodys(self):
        """What the program opens does not land where it prints."""
        script = 'exec "$@" <&- >&- 2>&-'
        process = self.start_machine(
            '--serial', 'none', wrapper=('sh', '-c', script, 'sh')).process
        for fd in range(3):
            self.assertEqual(os.readlink(f'/proc/{process.pid}/fd/{fd}'),
                             '/dev/null')
        words = self.dump()
        result = self.run_program(*words, wrapper=('sh', '-c', script, 'sh'))
        self.assertEqual(result.returncode, 1)
        with open(words[2], 'rb') as f:
            self.assertEqual(f.read(4), b'\x7fELF')

    def test_serial_port_on_closed_output(self):
        result = self.run_program(
            'run', '--kernel', '/dev/null', wrapper=(
                'sh', '-c', 'exec "$@" >&-', 'sh'))
        self.assertEqual(result.returncode, 2, result)
        self.assertIn('--serial none', result.stderr)


class Names(Case):
    def test_path_that_json_cannot_hold(self):
        """It is not left out as if the machine did not run."""
        if os.geteuid() == 0:
            self.skipTest("root's machines have a place of their own")
        self.env['XDG_RUNTIME_DIR'] = os.fsdecode(
            os.fsencode(self.path('')) + b'\xff')
        os.mkdir(self.env['XDG_RUNTIME_DIR'])
        self.start_machine()
        result = self.run_program('list', '--json')
        self.assertEqual(result.returncode, 1, result)
        self.assertIn('UTF-8', result.stderr)


if __name__ == '__main__':
    main()
