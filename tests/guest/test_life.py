# SPDX-License-Identifier: BSD-3-Clause
"""A whole machine's life: reboots amid resizes. PARAMEM_LIFE_REBOOTS says how
many of them each test does, PARAMEM_LIFE_SEED repeats the moments of a run.
"""

import json
import os
import random
import time

from harness import (COMMAND_SECONDS, FAST, GIB, MIB, Deadline, Group, check,
                     check_equal, size_text)
from test_backends import allocated

REBOOTS = int(os.environ.get('PARAMEM_LIFE_REBOOTS', 3))
SEED = os.environ.get('PARAMEM_LIFE_SEED') or str(time.time_ns())
# How far the usable region reaches past what is requested.
USABLE_SLACK = 256 * MIB
MAX = {'vm0': 4 * GIB, 'vm1': 2 * GIB}
# What the program and its threads take themselves, and what a guest takes of
# boot memory at one time and not at another.
RESIDENT_SLACK = 64 * MIB


def usable_for(device, requested):
    return min(requested + USABLE_SLACK, MAX[device]) if requested else 0


class Reboots(Group):
    """One machine with a private memory and a memory file, reset again and
    again while both are resized. Some resets hit the boot of the one before;
    all others come after the guest reached the last sizes."""
    driver = True

    def __init__(self):
        super().__init__()
        driver = '' if self.driver else ' paramem.driver=none'
        self.machine = {'cpus': 2, 'append': FAST + driver,
                        'devices': ('id=vm0,max-size=4G',
                                    'id=vm1,max-size=2G,backend=memfd')}
        self.random = random.Random(SEED)
        self.requested = {'vm0': 0, 'vm1': 0}
        self.most = {}

    # -- resizes

    def pick(self):
        device = self.random.choice(sorted(MAX))
        return device, self.random.randrange(0, 513) * 2 * MIB

    def request(self, device, size):
        self.vm.qmp.request(device, size)
        self.requested[device] = size

    def resize_for(self, seconds):
        """Changes its mind all that time."""
        deadline = Deadline(seconds)
        while deadline.left():
            self.request(*self.pick())
            time.sleep(min(deadline.left(), self.random.uniform(0, 0.4)))

    # -- ways to reset; each leaves the resizes under way

    def by_reboot(self):
        self.vm.console.send('reboot -f\n')

    def by_triple_fault(self):
        self.vm.console.send('echo triple >/sys/kernel/reboot/type; '
                             'reboot -f\n')

    def by_panic(self):
        self.vm.console.send('echo c >/proc/sysrq-trigger\n')

    def by_host(self):
        """With a resize right before it and right after."""
        commands = []
        for _ in range(2):
            device, size = self.pick()
            commands.append({'execute': 'qom-set', 'arguments': {
                'path': f'/machine/peripheral/{device}',
                'property': 'requested-size', 'value': size}})
            self.requested[device] = size
            self.most[device] = max(self.most.get(device, 0), size)
        commands.insert(1, {'execute': 'system_reset'})
        self.vm.qmp.send('\n'.join(map(json.dumps, commands)) + '\n')
        for _ in commands:
            check_equal('the answer', self.vm.qmp.reply(), {'return': {}})

    def by_host_amid_the_boot(self):
        self.by_host()

    WAYS = (by_reboot, by_host_amid_the_boot, by_triple_fault, by_panic,
            by_host)

    def way(self, number):
        """Few reboots of each test together still are all of them."""
        return self.WAYS[(number + (0 if self.driver else 2)) % len(self.WAYS)]

    # -- what is checked

    def check_host_memory(self, before):
        """No more than what was there with nothing plugged, and what is."""
        vm = self.vm
        first = {device: vm.qmp.get(device, 'size') for device in MAX}
        resident, in_file = vm.resident(), allocated(vm)
        then = {device: vm.qmp.get(device, 'size') for device in MAX}
        most = {device: max(first[device], then[device]) for device in MAX}
        check(in_file <= most['vm1'], f'{size_text(in_file)} are in the memory '
              f'file of {size_text(most["vm1"])} plugged')
        check(resident <= before + sum(most.values()) + RESIDENT_SLACK,
              f'{size_text(resident)} are resident, {size_text(before)} were '
              f'before {size_text(sum(most.values()))} were plugged')

    def check_reset(self, before, guest):
        """At once: no driver can be there again yet."""
        vm, qmp = self.vm, self.vm.qmp
        qmp.wait_event('RESET', guest=guest)
        sizes = {device: qmp.get(device, 'size') for device in MAX}
        check_equal('the sizes after a reset', sizes, {'vm0': 0, 'vm1': 0})
        check_equal('the memory file after a reset', allocated(vm), 0)
        resident = vm.resident()
        check(resident <= before + RESIDENT_SLACK, f'{size_text(resident)} are '
              f'resident after a reset, {size_text(before)} were')
        for device, requested in self.requested.items():
            check_equal(f'requested-size of {device}',
                        qmp.get(device, 'requested-size'), requested)
            usable = qmp.get(device, 'x-paramem-usable-size')
            most = max(requested, self.most.get(device, 0))
            check(usable_for(device, requested) <= usable <=
                  usable_for(device, most), f'{size_text(usable)} of {device} '
                  f'are usable for {size_text(requested)}')

    def check_sizes(self, total, before):
        """The guest gets to what was asked for last."""
        vm, qmp = self.vm, self.vm.qmp
        if not self.driver:
            for device in MAX:
                check_equal('driver-ready', qmp.get(
                    device, 'x-paramem-driver-ready'), False)
                check_equal('the size', qmp.get(device, 'size'), 0)
            vm.wait_mem_total(total, total)
            return
        for device, size in self.requested.items():
            qmp.wait_size(device, size)
        size = sum(self.requested.values())
        # The records of its pages are in the memory itself.
        vm.wait_mem_total(total + size * 97 // 100, total + size)
        self.check_host_memory(before)

    def use_some(self):
        """Gives the host something to take back: 96 MiB of the guest's."""
        self.vm.run('mount -t tmpfs t /tmp && '
                    'dd if=/dev/zero of=/tmp/f bs=1M count=96 2>/dev/null')

    def reboots(self):
        vm = self.vm
        self.note(f'seed {SEED}')
        total, before = vm.boot_total(), vm.resident()
        counts = {}
        for number in range(REBOOTS):
            way = self.way(number)
            early = way == Reboots.by_host_amid_the_boot
            if not early:
                self.use_some()
            self.resize_for(self.random.uniform(0, 2.5 if early else 1.5))
            self.most = {}
            start = vm.console.position()
            way(self)
            self.check_reset(before, way not in (
                Reboots.by_host, Reboots.by_host_amid_the_boot))
            counts[way.__name__] = counts.get(way.__name__, 0) + 1
            if number + 1 < REBOOTS and \
                    self.way(number + 1) == Reboots.by_host_amid_the_boot:
                continue
            self.resize_for(self.random.uniform(0, 1))
            vm.wait_ready(start)
            self.check_sizes(total, before)
        check(not [event for event in vm.qmp.events
                   if event['event'] == 'RESET'], 'there was one reset more')
        self.note(', '.join(f'{count} {name}'.replace('_', ' ')
                            for name, count in sorted(counts.items())))
        vm.console.send('poweroff -f\n')
        vm.qmp.wait_event('SHUTDOWN', COMMAND_SECONDS, guest=True)
        vm.wait_exit()

    def test_reboots_amid_resizes(self):
        self.reboots()


class RebootsWithoutDriver(Reboots):
    driver = False

    def test_reboots_without_the_driver(self):
        self.reboots()


class Driver(Group):
    machine = {'cpus': 1, 'append': FAST, 'devices': ('id=vm0,max-size=1G',)}

    def standing(self):
        return self.vm.qmp.get('vm0', 'x-paramem-standing')

    def test_driver_unloaded_and_loaded_again(self):
        """After all was given back, twice. With memory plugged Linux 6.1 leaves
        that to nobody: its driver does not take the device again."""
        vm, qmp = self.vm, self.vm.qmp
        for size in (256 * MIB, 512 * MIB):
            qmp.request('vm0', 0)
            qmp.wait_size('vm0', 0)
            vm.run('rmmod virtio_mem')
            qmp.request('vm0', size)
            check_equal('driver-ready',
                        qmp.get('vm0', 'x-paramem-driver-ready'), False)
            check_equal('the standing', self.standing(), 'no-driver')
            vm.run('insmod /lib/modules/virtio_mem.ko')
            qmp.wait_size('vm0', size)
            check_equal('the standing', self.standing(), 'reached')
