# SPDX-License-Identifier: BSD-3-Clause
"""Clients of the control socket: some good, most of them not."""

import json
import os
import socket
import time

from clients import Client, Refused
from wire import Fault, Gone

WORDS = (b'{', b'}', b'[', b']', b'"', b'\\u0000', b'\\ud800', b':', b',',
         b'"execute"', b'"qmp_capabilities"', b'"arguments"', b'"id"',
         b'null', b'1e999', b'-0', b'18446744073709551615', b'\xff\xfe',
         b'\0', b'\n', b'query-status', b'"query-memory-devices"', b"'")


class Crowd:
    """One member of it."""

    def __init__(self, machine, rng, name):
        self.machine, self.rng, self.name = machine, rng, name

    def run(self):
        while not self.machine.ending:
            what = self.rng.choice((self.good, self.good, self.passes_by,
                                    self.babbles, self.never_reads,
                                    self.stays_mute, self.huge, self.many,
                                    self.resizes))
            self.machine.log(self.name, what.__name__)
            try:
                what()
            except Gone:
                pass  # it may be that there are too many
            self.machine.counts['clients'] += 1

    def connect(self):
        return Client(self.machine.qmp_path, greeting=False)

    def good(self):
        """Many commands at once, each of which has its reply."""
        client = Client(self.machine.qmp_path)
        try:
            numbers = [self.send_any(client)
                       for _ in range(self.rng.randint(1, 40))]
            for number in numbers:
                try:
                    client.reply(number)
                except Refused:
                    pass
        except Gone:
            if not self.machine.ending:
                raise Fault('a client with good manners was hung up on'
                            ) from None
        finally:
            client.close()

    def send_any(self, client):
        return client.send(self.rng.choice((
            'query-status', 'query-memory-devices', 'query-commands',
            'query-dump', 'query-name', 'nonsense', 'qmp_capabilities')))

    def resizes(self):
        """Not while the owner relies on nobody's doing so."""
        device = self.rng.choice(self.machine.devices)
        client = Client(self.machine.qmp_path)
        try:
            with self.machine.resizes:
                client.command(
                    'qom-set', path=f'/machine/peripheral/{device.id}',
                    property='requested-size', value=device.block_size *
                    self.rng.randrange(device.max_size // device.block_size))
        finally:
            client.close()

    def passes_by(self):
        for _ in range(self.rng.randint(1, 30)):
            self.connect().close()

    def babble(self):
        return b''.join(self.rng.choice(WORDS)
                        for _ in range(self.rng.randint(1, 60)))

    def babbles(self):
        client = self.connect()
        try:
            if self.rng.random() < 0.5:
                client.send_bytes(b'{"execute":"qmp_capabilities"}\n')
            for _ in range(self.rng.randint(1, 10)):
                client.send_bytes(self.babble())
                if self.rng.random() < 0.2:
                    client.send_bytes(os.urandom(100))
        finally:
            client.close()

    def never_reads(self):
        """Asks until nobody takes it any more."""
        client = self.connect()
        try:
            client.send_bytes(b'{"execute":"qmp_capabilities"}\n')
            client.socket.settimeout(0.2)
            line = json.dumps({'execute': 'query-commands'}).encode() + b'\n'
            for _ in range(self.rng.randint(1, 4000)):
                client.socket.sendall(line)
        except (socket.timeout, OSError):
            pass
        finally:
            client.close()

    def stays_mute(self):
        client = self.connect()
        end = time.monotonic() + self.rng.random() * 3
        while time.monotonic() < end and not self.machine.ending:
            time.sleep(0.05)
        client.close()

    def huge(self):
        """A request without end."""
        client = self.connect()
        client.socket.settimeout(0.5)
        try:
            opening = self.rng.choice((b'[', b'{"a":', b'"', b' ', b'1'))
            for _ in range(self.rng.randint(1, 300)):
                client.socket.sendall(opening * (16384 // len(opening)))
        except (socket.timeout, OSError):
            pass
        finally:
            client.close()

    def many(self):
        clients = []
        try:
            for _ in range(self.rng.randint(2, 30)):
                clients.append(self.connect())
        finally:
            for client in clients:
                client.close()
