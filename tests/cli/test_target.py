#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Targets that do not answer: each sentence in the situation that it is about.

usage: test_target.py PROGRAM [TEST...]
"""

import os
import resource
import signal
import socket
import subprocess
import threading
import time

from harness import SECONDS, Case, main


class Target(Case):
    def serve(self, act, kind=socket.SOCK_STREAM):
        """A socket of our own; act(connection) is what it does with each."""
        path = self.path('socket')
        server = socket.socket(socket.AF_UNIX, kind)
        self.addCleanup(server.close)
        server.bind(path)
        if kind == socket.SOCK_DGRAM:
            return path
        server.listen()

        def accept():
            try:
                while True:
                    act(server.accept()[0])
            except OSError:
                pass

        thread = threading.Thread(target=accept)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.shutdown, socket.SHUT_RDWR)
        return path

    def test_nothing_there(self):
        self.refused('info', 'nobody', said=["'nobody'", 'paramem list'])
        self.refused('info', self.path('x'), said=['there is no socket',
                                                   self.path('x')])
        self.refused('info', 'a b', said=["'a b'", 'paramem list'])

    def test_no_socket(self):
        with open(self.path('file'), 'wb'):
            pass
        for path in (self.directory, self.path('file'), '/dev/null'):
            line = self.refused('info', path, said=[path, 'is no socket'])
            self.assertNotIn('ended', line)

    def test_socket_of_another_kind(self):
        path = self.serve(None, socket.SOCK_DGRAM)
        self.refused('info', path, said=[path, 'another kind'])

    def test_nobody_listens(self):
        machine = self.start_machine()
        machine.process.kill()
        machine.process.wait()
        self.refused('info', machine.path, said=['nobody listens', 'ended'])
        result = self.run_program('list')
        self.assertEqual(result.returncode, 0, result)
        self.assertNotIn(machine.name, result.stdout)

    def test_something_else_listens(self):
        """It hangs up, speaks in other tongues, or answers nothing."""
        path = self.serve(lambda s: s.close())
        line = self.refused('info', path, said=['without a greeting',
                                                str(os.getpid()),
                                                'is no machine'])
        self.assertNotIn('has ended', line)

    def test_other_protocol(self):
        def greet(connection):
            with connection:
                connection.sendall(b'220 smtp\r\n')

        path = self.serve(greet)
        self.refused('info', path, said=['no control protocol'])

    def test_no_descriptor_left(self):
        machine = self.start_machine()
        pid = machine.process.pid
        # Until the connection that found it ready is gone, one is left.
        deadline = time.monotonic() + SECONDS
        while not self.run_program('info', machine.name).returncode:
            self.assertLess(time.monotonic(), deadline)
            used = len(os.listdir(f'/proc/{pid}/fd'))
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (used, 4096))
        line = self.refused('info', machine.name,
                            said=['no file descriptor left'])
        self.assertNotIn('has ended', line)
        result = self.run_program('list')
        self.assertEqual(result.returncode, 1, result)
        self.assertIn(machine.name, result.stderr)

    def test_few_descriptors_here(self):
        """What only a better sentence needs is done without."""
        machine = self.start_machine()
        result = self.run_program(
            'info', machine.name,
            wrapper=('sh', '-c', 'ulimit -n 4; exec "$@"', 'sh'))
        self.assertEqual(result.returncode, 0, result)

    def test_stopped(self):
        machine = self.start_machine()
        machine.process.send_signal(signal.SIGSTOP)
        self.refused('info', machine.name,
                     said=['stopped', f'kill -CONT {machine.process.pid}'])
        machine.process.send_signal(signal.SIGCONT)
        self.assertEqual(self.run_program('info', machine.name).returncode, 0)

    def test_killed_while_waited_for(self):
        machine = self.start_machine('--mem-device', 'id=vm0,max-size=1G')
        process = self.start_program('resize', machine.name, 'vm0', '512M',
                                     stderr=subprocess.PIPE, text=True)
        while not machine.device('vm0')['requested-size']:
            pass
        machine.process.kill()
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1)
        self.assertEqual(err, f"paramem: the machine '{machine.name}' has "
                         "ended\n")


if __name__ == '__main__':
    main()
