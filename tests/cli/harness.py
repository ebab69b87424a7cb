# SPDX-License-Identifier: BSD-3-Clause
"""The program as somebody at a shell meets it, with machines that have no
CPU, so that it runs anywhere.

Every wait has a deadline and ends as soon as what it waits for is there.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

MIB = 1 << 20
GIB = 1 << 30
SECONDS = 60

_program = None


class Case(unittest.TestCase):
    """With a directory of its own, and the machines and processes in it."""

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix='paramem-cli-')
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.env = dict(os.environ, XDG_RUNTIME_DIR=self.directory,
                        LC_ALL='C.UTF-8')

    def path(self, name):
        return f'{self.directory}/{name}'

    def run_program(self, *words, wrapper=(), seconds=SECONDS, **options):
        """Runs it to its end; what it printed is text."""
        streams = dict(stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE)
        streams.update(options)
        return subprocess.run([*wrapper, _program, *words], text=True,
                              encoding='utf-8', errors='replace',
                              env=self.env, timeout=seconds, check=False,
                              **streams)

    def start_program(self, *words, wrapper=(), **options):
        process = subprocess.Popen([*wrapper, _program, *words], env=self.env,
                                   stdin=subprocess.DEVNULL, **options)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def start_machine(self, *words, path=None, more='', **options):
        """A machine without a CPU, once its control socket answers; that is
        at @path, with @more in the option."""
        number = len(os.listdir(self.directory))
        machine = Machine(self, f'cli-{os.getpid()}-{number}', path)
        socket_words = machine.path.replace(',', ',,')
        machine.process = self.start_program(
            'run', machine.name, '--accel', 'qtest', '--qtest',
            f'unix:{socket_words}.qtest', '--qmp',
            f'unix:{socket_words}{more}',
            *words, **options)
        machine.wait()
        return machine

    def refused(self, *words, said, status=1, **options):
        """Runs it to a failure, with all of @said in one line."""
        result = self.run_program(*words, **options)
        self.assertEqual(result.returncode, status, result)
        self.assertFalse(result.stdout, result)
        lines = result.stderr.splitlines()
        self.assertTrue(len(lines) == 1 or len(lines) == 2 and
                        lines[1].startswith('Try '), result.stderr)
        self.assertTrue(lines[0].startswith('paramem: '), result.stderr)
        for text in said:
            self.assertIn(text, lines[0])
        return lines[0]


class Machine:
    def __init__(self, case, name, path):
        self.name = name
        self.path = path or case.path(name)
        self.process = None

    def wait(self):
        """Until somebody listens there."""
        deadline = time.monotonic() + SECONDS
        while True:
            with socket.socket(socket.AF_UNIX) as s:
                try:
                    s.connect(self.path)
                    return
                except OSError as error:
                    if self.process.poll() is not None:
                        raise AssertionError('the machine ended') from error
                    if time.monotonic() > deadline:
                        raise
            time.sleep(0.01)

    def command(self, name, **arguments):
        """One command on a connection of its own."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(SECONDS)
            s.connect(self.path)
            stream = s.makefile('rw', encoding='utf-8')
            stream.write('{"execute": "qmp_capabilities"}\n')
            stream.write(json.dumps({'execute': name, 'id': 1,
                                     'arguments': arguments}) + '\n')
            stream.flush()
            for line in stream:
                reply = json.loads(line)
                if 'error' in reply:
                    raise AssertionError(reply['error'])
                if reply.get('id') == 1:
                    return reply['return']
        raise AssertionError('the machine hung up')

    def device(self, name):
        """What the machine says of a memory device."""
        for device in self.command('query-memory-devices'):
            if device['data']['id'] == name:
                return device['data']
        raise AssertionError(f'there is no {name}')


def leave_others_alone():
    """Root's machines have their names in one place, where other tests have
    theirs: it becomes one of our own, where that can be."""
    if os.geteuid() or 'PARAMEM_CLI_ALONE' in os.environ:
        return
    wrapper = ['unshare', '-m', 'sh', '-c',
               'mount -t tmpfs none /run && exec "$@"', 'sh']
    if subprocess.run([*wrapper, 'true'], check=False,
                      stderr=subprocess.DEVNULL).returncode == 0:
        os.environ['PARAMEM_CLI_ALONE'] = '1'
        os.execvp(wrapper[0], [*wrapper, sys.executable, *sys.argv])


def main():
    global _program
    leave_others_alone()
    _program = os.path.abspath(sys.argv.pop(1))
    unittest.main()
