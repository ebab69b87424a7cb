# SPDX-License-Identifier: BSD-3-Clause
"""A client of the control socket that holds the machine to its word: each
command has one reply, in order, with its id."""

import json
import socket
import time

from wire import ANSWER_SECONDS, Fault, Gone, connect


class Refused(Exception):
    """An error reply."""

    def __init__(self, error):
        super().__init__(f'{error["class"]}: {error["desc"]}')


class Client:
    def __init__(self, path, greeting=True):
        try:
            self.socket = connect(path)
        except OSError:
            raise Gone() from None
        self.rest = b''
        self.number = 0
        self.events = []
        if greeting:
            if 'QMP' not in self.message():
                raise Fault('the control socket did not begin with QMP')
            self.command('qmp_capabilities')

    def message(self):
        """The next message, whatever it is."""
        while b'\n' not in self.rest:
            try:
                chunk = self.socket.recv(1 << 16)
            except socket.timeout:
                raise Fault('no message on the control socket within '
                            f'{ANSWER_SECONDS} s') from None
            except OSError:
                chunk = b''
            if not chunk:
                raise Gone()
            self.rest += chunk
        line, self.rest = self.rest.split(b'\n', 1)
        try:
            return json.loads(line)
        except ValueError:
            raise Fault(f'the control socket sent {line[:100]!r}') from None

    def send_bytes(self, data):
        try:
            self.socket.sendall(data)
        except socket.timeout:
            raise Fault('the control socket takes nothing') from None
        except OSError:
            raise Gone() from None

    def send(self, name, **arguments):
        self.number += 1
        message = {'execute': name, 'id': self.number}
        if arguments:
            message['arguments'] = {key.replace('_', '-'): value
                                    for key, value in arguments.items()}
        self.send_bytes(json.dumps(message).encode() + b'\n')
        return self.number

    def reply(self, number):
        while True:
            message = self.message()
            if 'event' in message:
                self.events.append(message)
                continue
            if message.get('id') != number:
                raise Fault(f'command {number} has the reply {message}')
            if 'error' in message:
                raise Refused(message['error'])
            return message['return']

    def command(self, name, **arguments):
        return self.reply(self.send(name, **arguments))

    def wait_event(self, name, seconds=60):
        """Takes events up to and with that one."""
        end = time.monotonic() + seconds
        while True:
            while self.events:
                event = self.events.pop(0)
                if event['event'] == name:
                    return event
            self.socket.settimeout(max(end - time.monotonic(), 0.01))
            try:
                message = self.message()
            except Fault:
                raise Fault(f'no event {name} within {seconds} s') from None
            finally:
                self.socket.settimeout(ANSWER_SECONDS)
            self.events.append(message)

    def close(self):
        self.socket.close()
