# SPDX-License-Identifier: BSD-3-Clause
"""The guest's side of a machine without a CPU: the qtest protocol, PCI and the
modern virtio transport, as far as a memory device's driver needs them."""

import socket
import struct
import time

ANSWER_SECONDS = 120
MIB = 1 << 20

VENDOR, DEVICE_MEM = 0x1af4, 0x1040 + 24
WINDOW, WINDOW_SIZE = 0xc0000000, 16 * MIB

ACKNOWLEDGE, DRIVER, DRIVER_OK, FEATURES_OK, NEEDS_RESET = 1, 2, 4, 8, 64
VERSION_1, INDIRECT, EVENT_IDX = 1 << 32, 1 << 28, 1 << 29
NEXT, WRITE, IS_INDIRECT = 1, 2, 4

PLUG, UNPLUG, UNPLUG_ALL, STATE = range(4)
ACK, NACK, BUSY, ERROR = range(4)
PLUGGED, UNPLUGGED, MIXED = range(3)


class Fault(Exception):
    """Something that must not be: one sentence."""


class Gone(Exception):
    """The machine hung up, which whoever ends it expects."""


def connect(path):
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(ANSWER_SECONDS)
    try:
        connection.connect(path)
    except OSError:
        connection.close()
        raise
    return connection


class Qtest:
    """One client of the machine's qtest socket."""

    def __init__(self, path):
        self.socket = connect(path)
        self.rest = b''

    def _line(self):
        while b'\n' not in self.rest:
            try:
                chunk = self.socket.recv(1 << 16)
            except socket.timeout:
                raise Fault(f'no answer on the qtest socket within '
                            f'{ANSWER_SECONDS} s') from None
            except OSError:
                chunk = b''
            if not chunk:
                raise Gone()
            self.rest += chunk
        line, self.rest = self.rest.split(b'\n', 1)
        return line.decode()

    def ask(self, *lines):
        """Sends all of them; what the last was answered, less its OK."""
        try:
            self.socket.sendall(('\n'.join(lines) + '\n').encode())
        except OSError:
            raise Gone() from None
        answer = ''
        for sent in lines:
            answer = self._line()
            while answer.startswith('IRQ'):
                answer = self._line()
            if not answer.startswith('OK'):
                raise Fault(f'qtest: {sent[:60]!r} was answered {answer!r}')
        return answer[3:]

    def load(self, gpa, size):
        return int(self.ask(f'read{" bw l   q"[size]} {gpa:#x}'), 0)

    def store(self, gpa, value, size):
        value &= (1 << 8 * size) - 1
        self.ask(f'write{" bw l   q"[size]} {gpa:#x} {value:#x}')

    def read(self, gpa, size):
        return bytes.fromhex(self.ask(f'read {gpa:#x} {size:#x}')[2:])

    def write(self, gpa, data):
        self.ask(f'write {gpa:#x} {len(data):#x} 0x{data.hex()}')

    def memset(self, gpa, size, byte):
        self.ask(f'memset {gpa:#x} {size:#x} {byte:#x}')

    def close(self):
        self.socket.close()


class Pci:
    """A function on bus 0, through ports 0xcf8 and 0xcfc."""

    def __init__(self, qtest, slot, function):
        self.qtest = qtest
        self.address = 1 << 31 | slot << 11 | function << 8
        self.bars = {}

    def read(self, offset, size):
        return int(self.qtest.ask(
            f'outl 0xcf8 {self.address | offset & 0xfc:#x}',
            f'in{" bw l"[size]} {0xcfc + offset % 4:#x}'), 0)

    def write(self, offset, value, size):
        self.qtest.ask(f'outl 0xcf8 {self.address | offset & 0xfc:#x}',
                       f'out{" bw l"[size]} {0xcfc + offset % 4:#x} {value:#x}')

    def place(self, address):
        """Memory BARs from that address on; then they are turned on."""
        self.write(4, 0, 2)
        bar = 0
        while bar < 6:
            offset = 0x10 + 4 * bar
            self.write(offset, 0xffffffff, 4)
            mask = self.read(offset, 4)
            wide = mask & 7 == 4
            if mask & ~0xf:
                size = (~(mask & ~0xf) & 0xffffffff) + 1
                address = (address + size - 1) & -size
                self.write(offset, address, 4)
                self.bars[bar] = address
                address += size
            if wide:
                self.write(offset + 4, 0, 4)
            bar += 2 if wide else 1
        self.write(4, 6, 2)

    def capabilities(self):
        at = self.read(0x34, 1)
        seen = set()
        while at and at not in seen:
            seen.add(at)
            yield self.read(at, 1), at
            at = self.read(at + 1, 1)


def find_devices(qtest):
    """The functions that are memory devices."""
    found = []
    for slot in range(32):
        for function in range(8):
            pci = Pci(qtest, slot, function)
            if pci.read(0, 4) == VENDOR | DEVICE_MEM << 16:
                found.append(pci)
            if function == 0 and not pci.read(0x0e, 1) & 0x80:
                break
    return found


COMMON = {  # field: offset and size
    'device_feature_select': (0, 4), 'device_feature': (4, 4),
    'driver_feature_select': (8, 4), 'driver_feature': (12, 4),
    'status': (20, 1), 'generation': (21, 1), 'queue_select': (22, 2),
    'queue_size': (24, 2), 'queue_enable': (28, 2), 'notify_off': (30, 2),
    'desc_lo': (32, 4), 'desc_hi': (36, 4), 'avail_lo': (40, 4),
    'avail_hi': (44, 4), 'used_lo': (48, 4), 'used_hi': (52, 4),
}

CONFIG = {'block_size': 0, 'addr': 16, 'region_size': 24, 'usable_size': 32,
          'plugged_size': 40, 'requested_size': 48}


class Virtio:
    """The transport of one device; @nth gives its BARs a place."""

    def __init__(self, pci, nth):
        self.pci, self.qtest = pci, pci.qtest
        pci.place(WINDOW + nth * WINDOW_SIZE)
        self.places = {}
        for kind, at in pci.capabilities():
            if kind == 9:
                bar = pci.read(at + 4, 1)
                self.places.setdefault(
                    pci.read(at + 3, 1),
                    pci.bars.get(bar, 0) + pci.read(at + 8, 4))
                if pci.read(at + 3, 1) == 2:
                    self.multiplier = pci.read(at + 16, 4)
        if not all(kind in self.places for kind in (1, 2, 3, 4)):
            raise Fault('a memory device lacks a structure of its transport')

    def get(self, field):
        offset, size = COMMON[field]
        return self.qtest.load(self.places[1] + offset, size)

    def set(self, field, value):
        offset, size = COMMON[field]
        self.qtest.store(self.places[1] + offset, value, size)

    def config(self, field):
        return self.qtest.load(self.places[4] + CONFIG[field], 8)

    def reset(self):
        """Begins it; the device is reset when its status reads as 0."""
        self.set('status', 0)

    def negotiate(self, wanted):
        self.set('status', ACKNOWLEDGE)
        self.set('status', ACKNOWLEDGE | DRIVER)
        offered = 0
        for half in (0, 1):
            self.set('device_feature_select', half)
            offered |= self.get('device_feature') << 32 * half
        features = offered & (wanted | VERSION_1 | 3)
        for half in (0, 1):
            self.set('driver_feature_select', half)
            self.set('driver_feature', features >> 32 * half)
        self.set('status', ACKNOWLEDGE | DRIVER | FEATURES_OK)
        if not self.get('status') & FEATURES_OK:
            raise Fault(f'the device refused its own features {features:#x}')

    def set_ring(self, size, desc, avail, used):
        self.set('queue_select', 0)
        self.set('queue_size', size)
        for name, gpa in (('desc', desc), ('avail', avail), ('used', used)):
            self.set(name + '_lo', gpa)
            self.set(name + '_hi', gpa >> 32)
        self.set('queue_enable', 1)
        self.notify_at = self.places[2] + \
            self.get('notify_off') * self.multiplier

    def driver_ok(self):
        self.set('status', ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK)

    def notify(self):
        self.qtest.store(self.notify_at, 0, 2)


def request_bytes(kind, addr=0, blocks=0):
    return struct.pack('<H6xQH6x', kind, addr, blocks)


def descriptor(addr, length, flags=0, following=0):
    return struct.pack('<QIHH', addr % (1 << 64), length, flags, following)


def wait(condition, seconds, what, busy=lambda: False):
    """Until condition() is true; time while busy() does not count."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if busy():
            end = time.monotonic() + seconds
        if time.monotonic() > end:
            raise Fault(f'not within {seconds} s: {what}')
        time.sleep(0.002)
