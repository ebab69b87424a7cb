# SPDX-License-Identifier: BSD-3-Clause
"""The guest: a driver of memory devices that plugs, unplugs, asks and uses its
memory at random, knows what it must be told, and at times breaks every rule.

The guest has a processor only while the machine runs: every turn() takes the
lock that whoever stops the machine holds until it goes on.
"""

import collections
import contextlib
import struct
import time

import wire
from wire import MIB, Fault

QUEUE = 64
ARENA = 16 * MIB
REQUESTS_MAX = 12
TOUCH_MAX = 4 * MIB
HANDLED_SECONDS = 120
FILLER = 0x5a


class Restarted(Exception):
    """The machine was reset meanwhile."""


class Stopped(Exception):
    """The machine is about to end."""


Request = collections.namedtuple('Request', 'kind addr blocks')


class Device:
    """One device as its driver sees it. What is plugged is known from the
    answers alone."""

    def __init__(self, guest, pci, nth):
        self.guest, self.nth = guest, nth
        self.rng = guest.rng
        self.virtio = wire.Virtio(pci, nth)
        self.qtest = guest.qtest
        self.arena = ARENA + nth * MIB
        config = self.virtio.config
        self.block_size = config('block_size')
        self.base = config('addr')
        self.nr_blocks = config('region_size') // self.block_size
        self.plugged = bytearray(self.nr_blocks)
        self.tags = {}
        self.offered = self.used = 0

    # -- set-up

    def start(self):
        """From any state to DRIVER_OK; a request under way is given up."""
        guest = self.guest
        with guest.turn():
            self.virtio.reset()
        guest.wait(lambda: self.virtio.get('status') == 0,
                   'a driver resets the device')
        with guest.turn():
            self.virtio.negotiate(self.rng.choice((0, wire.INDIRECT,
                                                   wire.EVENT_IDX)))
            self.ring = self.arena
            self.avail = self.ring + QUEUE * 16
            self.used_at = self.ring + 0x1000
            self.buffers = self.ring + 0x2000
            self.qtest.memset(self.ring, 0x8000, 0)
            self.virtio.set_ring(QUEUE, self.ring, self.avail, self.used_at)
            self.virtio.driver_ok()
            self.offered = self.used = 0

    # -- requests

    def offer(self, requests):
        """In one notification, each in two descriptors of its own."""
        qtest = self.qtest
        with self.guest.turn():
            for i, request in enumerate(requests):
                at = self.buffers + i * 0x100
                qtest.write(at, wire.request_bytes(*request))
                qtest.memset(at + 0x40, 10, FILLER)
                qtest.write(self.ring + 32 * i,
                            wire.descriptor(at, 24, wire.NEXT, 2 * i + 1) +
                            wire.descriptor(at + 0x40, 10, wire.WRITE))
                entry = (self.offered + i) % QUEUE
                qtest.write(self.avail + 4 + 2 * entry,
                            struct.pack('<H', 2 * i))
            self.offered = (self.offered + len(requests)) % 0x10000
            qtest.write(self.avail + 2, struct.pack('<H', self.offered))
            self.virtio.notify()

    def used_index(self):
        return struct.unpack('<H', self.qtest.read(self.used_at + 2, 2))[0]

    def request(self, *requests):
        """Has them handled and believes the answers."""
        self.offer(requests)
        self.guest.wait(lambda: self.used_index() == self.offered,
                        f'vm{self.nth} handles {requests}')
        answers = []
        with self.guest.turn():
            for i, request in enumerate(requests):
                raw = self.qtest.read(self.buffers + i * 0x100 + 0x40, 10)
                kind, state = struct.unpack('<H6xH', raw)
                self.believe(request, kind, state)
                answers.append(kind)
        self.guest.count(len(requests))
        return answers

    def blocks_of(self, request):
        """The slice of blocks that the request names, or None."""
        first, rest = divmod(request.addr - self.base, self.block_size)
        if rest or first < 0 or not request.blocks or \
                first + request.blocks > self.nr_blocks:
            return None
        return slice(first, first + request.blocks)

    def believe(self, request, answer, state):
        if answer not in (wire.ACK, wire.NACK, wire.BUSY, wire.ERROR):
            raise Fault(f'vm{self.nth} answered {answer:#x} to {request}')
        if answer != wire.ACK:
            return
        if request.kind == wire.UNPLUG_ALL:
            self.plugged = bytearray(self.nr_blocks)
            self.tags.clear()
            return
        blocks = self.blocks_of(request)
        if request.kind > wire.STATE or blocks is None:
            raise Fault(f'vm{self.nth} acknowledged {request}')
        have = self.plugged[blocks]
        if request.kind == wire.STATE:
            told = wire.MIXED if 0 in have and 1 in have else \
                wire.UNPLUGGED if 0 in have else wire.PLUGGED
            if state != told:
                raise Fault(f'vm{self.nth} says state {state}, not {told}, to '
                            f'{request}')
            return
        plug = request.kind == wire.PLUG
        if (1 if plug else 0) in have:
            raise Fault(f'vm{self.nth} acknowledged {request}, where not all '
                        f'blocks were {"un" if plug else ""}plugged')
        self.plugged[blocks] = (b'\1' if plug else b'\0') * request.blocks
        if not plug:
            for block in range(blocks.start, blocks.stop):
                self.tags.pop(block, None)

    # -- what a driver does

    def address(self, block):
        return self.base + block * self.block_size

    def runs(self, value):
        """Runs of equal blocks, as (first, count)."""
        runs, at = [], 0
        while True:
            at = self.plugged.find(value, at)
            if at < 0:
                return runs
            end = self.plugged.find(1 - value, at)
            end = self.nr_blocks if end < 0 else end
            runs.append((at, end - at))
            at = end

    def comply(self):
        """A few steps towards the requested size, as Linux goes."""
        with self.guest.turn():
            wanted = self.virtio.config('requested_size')
        lack = wanted // self.block_size - sum(self.plugged)
        if not lack:
            return
        runs = self.runs(0 if lack > 0 else 1)
        self.rng.shuffle(runs)
        requests = []
        for first, count in runs[:self.rng.randint(1, REQUESTS_MAX)]:
            count = min(count, abs(lack), self.rng.choice((1, 64, 0xffff)))
            if not count:
                break
            requests.append(Request(wire.PLUG if lack > 0 else wire.UNPLUG,
                                    self.address(first), count))
            lack += count if lack < 0 else -count
        if requests:
            self.request(*requests)

    def ask_anything(self):
        """Requests right and wrong."""
        rng, requests = self.rng, []
        for _ in range(rng.randint(1, REQUESTS_MAX)):
            kind = rng.choice((wire.PLUG, wire.UNPLUG, wire.STATE, wire.STATE))
            block = rng.randrange(self.nr_blocks)
            count = rng.choice((1, 2, rng.randint(1, 300), 0xffff, 0))
            addr = self.address(block)
            if rng.random() < 0.1:
                addr += rng.choice((1, -1, 4096, self.block_size // 2))
            if rng.random() < 0.03:
                kind = rng.choice((wire.UNPLUG_ALL, 4, 0xffff))
            if rng.random() < 0.03:
                addr = rng.getrandbits(64)
            requests.append(Request(kind, addr, count))
        self.request(*requests)

    def touch(self):
        """Writes to plugged blocks, which were zero unless it wrote before."""
        blocks = [first + self.rng.randrange(count)
                  for first, count in self.runs(1)[:64]]
        self.rng.shuffle(blocks)
        size = min(self.block_size, TOUCH_MAX)
        for block in blocks[:self.rng.randint(1, 16)]:
            with self.guest.turn():
                self.check_contents(block)
                tag = self.rng.randint(1, 255)
                self.qtest.memset(self.address(block), size, tag)
                self.tags[block] = tag

    def check_contents(self, block):
        size = min(self.block_size, TOUCH_MAX)
        tag = bytes([self.tags.get(block, 0)]) * 8
        for offset in (0, size // 2, size - 8):
            have = self.qtest.read(self.address(block) + offset, 8)
            if have != tag:
                raise Fault(f'vm{self.nth}: block {block} has {have.hex()} at '
                            f'{offset}, not {tag.hex()}')

    def audit(self):
        """What the device says of itself is what was acknowledged."""
        with self.guest.turn():
            plugged = self.virtio.config('plugged_size')
            usable = self.virtio.config('usable_size')
            for block in self.rng.sample(sorted(self.tags),
                                         min(len(self.tags), 8)):
                self.check_contents(block)
        known = sum(self.plugged) * self.block_size
        if plugged != known:
            raise Fault(f'vm{self.nth} has {plugged} bytes plugged, and '
                        f'acknowledged {known}')
        if plugged and self.plugged.rfind(1) * self.block_size >= usable:
            self.guest.note('plugged beyond the usable region')

    def learn(self):
        """What is plugged, where requests may have been lost: by STATE."""
        def state(first, count):
            self.offer([Request(wire.STATE, self.address(first), count)])
            self.guest.wait(lambda: self.used_index() == self.offered,
                            f'vm{self.nth} tells its state')
            with self.guest.turn():
                raw = self.qtest.read(self.buffers + 0x40, 10)
            kind, told = struct.unpack('<H6xH', raw)
            return told if kind == wire.ACK else None

        def look(first, count):
            told = state(first, min(count, 0xffff))
            if told == wire.PLUGGED:
                self.plugged[first:first + count] = b'\1' * count
            elif told == wire.UNPLUGGED:
                self.plugged[first:first + count] = bytes(count)
            elif count > 1:
                look(first, count // 2)
                look(first + count // 2, count - count // 2)
            else:
                raise Fault(f'vm{self.nth} does not tell the state of block '
                            f'{first}')

        with self.guest.turn():
            usable = self.virtio.config('usable_size')
        self.plugged = bytearray(self.nr_blocks)
        if usable:
            look(0, usable // self.block_size)
        self.tags = {}

    def forget(self):
        """Gives all back, also what is in it; false while it is refused."""
        self.request(Request(wire.UNPLUG_ALL, 0, 0))
        return not any(self.plugged)


class Guest:
    def __init__(self, machine, rng):
        self.machine, self.rng = machine, rng
        self.qtest = wire.Qtest(machine.qtest_path)
        self.devices = []
        self.epoch = machine.epoch

    # -- turns

    @contextlib.contextmanager
    def turn(self):
        with self.machine.processor:
            if self.machine.ending:
                raise Stopped()
            if self.machine.epoch != self.epoch:
                raise Restarted()
            yield

    def wait(self, condition, what):
        def look():
            with self.turn():
                return condition()
        wire.wait(look, HANDLED_SECONDS, what, lambda: self.machine.paused)

    def count(self, number):
        self.machine.counts['requests'] += number

    def note(self, text):
        self.machine.note(text)

    # -- life

    def boot(self):
        """After power-on or a reset nothing is plugged."""
        with self.machine.processor:
            self.epoch = self.machine.epoch
        with self.turn():
            self.devices = [Device(self, pci, nth) for nth, pci in
                            enumerate(wire.find_devices(self.qtest))]
        if len(self.devices) != len(self.machine.devices):
            raise Fault(f'there are {len(self.devices)} memory devices')
        for device in self.devices:
            device.start()
            device.audit()

    def boot_again(self):
        """With the machine to itself: takes over what is there, and gives it
        back."""
        self.epoch = self.machine.epoch
        with self.turn():
            self.devices = [Device(self, pci, nth) for nth, pci in
                            enumerate(wire.find_devices(self.qtest))]
        for device in self.devices:
            self.restore(device)

    def step_clock(self):
        with self.turn():
            self.qtest.ask(f'clock_step {self.rng.randint(1, 80) * 1000000}')

    def run(self):
        try:
            while True:
                try:
                    self.boot()
                    while True:
                        self.one()
                except Restarted:
                    self.machine.counts['boots'] += 1
        except Stopped:
            pass

    def one(self):
        device = self.rng.choice(self.devices)
        what = self.rng.choices(
            (device.comply, device.ask_anything, device.touch, device.audit,
             self.step_clock, lambda: self.break_off(device),
             lambda: self.hostile(device), self.restart),
            (400, 200, 150, 100, 80, 15, 30, 2))[0]
        if what.__name__ != '<lambda>':
            self.machine.log('guest', f'{what.__name__} vm{device.nth}')
        what()

    def restore(self, device):
        """A driver that comes to a device in any state."""
        device.start()
        device.learn()
        device.audit()
        while not device.forget():
            time.sleep(0.01)
        device.audit()

    def break_off(self, device):
        """Resets the device while it has work to do."""
        self.machine.log('guest', f'break_off vm{device.nth}')
        requests = []
        for first, count in device.runs(self.rng.randint(0, 1))[:4]:
            kind = wire.UNPLUG if device.plugged[first] else wire.PLUG
            requests.append(Request(kind, device.address(first),
                                    min(count, 0xffff)))
        if requests:
            device.offer(requests)
        self.restore(device)

    def restart(self):
        """By the reset register of ACPI."""
        with self.turn():
            self.machine.epoch += 1
            self.qtest.ask('outb 0xcf9 0x6')
            self.machine.counts['resets'] += 1

    # -- what no driver would do

    def hostile(self, device):
        way = self.rng.choice((self.wild_ring, self.wild_registers,
                               self.wild_pci, self.ring_in_region,
                               self.wild_writes))
        self.machine.log('guest', f'{way.__name__} vm{device.nth}')
        way(device)
        with self.turn():
            device.virtio.pci.place(wire.WINDOW +
                                    device.nth * wire.WINDOW_SIZE)
        self.restore(device)

    def wild_address(self, device):
        return self.rng.choice((
            device.buffers + self.rng.randrange(0x1000),
            device.address(self.rng.randrange(device.nr_blocks)),
            # Not where other devices have their rings.
            64 * MIB + self.rng.getrandbits(27), self.rng.getrandbits(64),
            device.arena, wire.WINDOW, (1 << 64) - 8))

    def wild_ring(self, device):
        rng = self.rng
        with self.turn():
            for i in range(QUEUE):
                self.qtest.write(device.ring + 16 * i, wire.descriptor(
                    self.wild_address(device),
                    rng.choice((0, 1, 10, 24, 4096, rng.getrandbits(32))),
                    rng.getrandbits(3), rng.choice((i + 1, i, 0xffff))))
            entries = [rng.choice((rng.randrange(QUEUE), rng.getrandbits(16)))
                       for _ in range(QUEUE)]
            self.qtest.write(device.avail, struct.pack(
                f'<HH{QUEUE}H', rng.getrandbits(1),
                rng.choice((device.offered + 1, device.offered + QUEUE,
                            rng.getrandbits(16))) % 0x10000, *entries))
            for _ in range(rng.randint(1, 5)):
                device.virtio.notify()

    def wild_registers(self, device):
        rng = self.rng
        with self.turn():
            for _ in range(rng.randint(1, 40)):
                self.qtest.store(
                    device.virtio.places[rng.choice((1, 2, 3, 4))] +
                    rng.randrange(0x100), rng.getrandbits(64),
                    rng.choice((1, 2, 4, 8)))

    def wild_pci(self, device):
        rng, pci = self.rng, device.virtio.pci
        with self.turn():
            for _ in range(rng.randint(1, 20)):
                size = rng.choice((1, 2, 4))
                pci.write(rng.randrange(64) * 4, rng.getrandbits(8 * size),
                          size)

    def ring_in_region(self, device):
        """The ring lies in device memory, plugged or not, or nowhere."""
        device.start()
        with self.turn():
            at = self.wild_address(device) & ~0xfff & (1 << 63) - 1
            device.virtio.reset()
        self.wait(lambda: device.virtio.get('status') == 0, 'a device resets')
        with self.turn():
            device.virtio.negotiate(0)
            device.virtio.set_ring(QUEUE, at, at + 0x400, at + 0x1000)
            device.virtio.driver_ok()
            device.virtio.notify()
            self.qtest.write(at + 0x402, struct.pack('<H', QUEUE))
            device.virtio.notify()

    def wild_writes(self, device):
        """To memory, plugged or not, with no device in between."""
        rng = self.rng
        with self.turn():
            for _ in range(rng.randint(1, 30)):
                at = device.address(rng.randrange(device.nr_blocks))
                self.qtest.memset(at, rng.choice((1, 4096, 1 << 20)), 0xee)
                self.qtest.read(at, 8)
