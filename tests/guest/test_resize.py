# SPDX-License-Identifier: BSD-3-Clause
"""Memory that grows and shrinks: what the guest gets, what the host gets back,
and that both end at the size last asked for."""

import time

from harness import (FAST, GIB, MIB, Group, check, check_equal, size_text)

# What a cycle may leave with the program: the guest's own records of memory.
RESIDENT_SLACK = 64 * MIB
# What the guest may lose of new memory.
LOSS = 0.03


def fill(vm, mib):
    """Has the guest write to memory, and let go of it again."""
    vm.run(f'mount -t tmpfs -o size={mib + 1}m t /tmp && '
           f'dd if=/dev/zero of=/tmp/f bs=1M count={mib} 2>/dev/null')
    resident = vm.resident()
    vm.run('umount /tmp')
    return resident


def timed(function):
    began = time.monotonic()
    function()
    return time.monotonic() - began


def check_growth(vm, before, size):
    after = vm.wait_mem_total(before + int(size * (1 - LOSS)), before + size)
    return after - before


def check_given_back(vm, before):
    after = vm.resident()
    check(after <= before + RESIDENT_SLACK,
          f'{size_text(after)} are resident, {size_text(before)} were before')
    return after


def cycle(group, device, size, touch):
    """Grows by the size, has some of it used, and shrinks to nothing."""
    vm = group.vm
    total, resident = vm.boot_total(), vm.resident()
    grown = vm.resize(device, size_text(size).replace(' ', '')).seconds
    gained = check_growth(vm, total, size)
    used = fill(vm, touch)
    check(used > resident + touch * MIB * 9 // 10,
          f'only {size_text(used)} are resident after {touch} MiB were used')
    shrunk = vm.resize(device, '0').seconds
    vm.wait_mem_total(total, total)
    left = check_given_back(vm, resident)
    check_equal('the size', vm.qmp.get(device, 'size'), 0)
    group.note(f'grow {grown:.1f} s, MemTotal +{size_text(gained)}, '
               f'shrink {shrunk:.1f} s')
    group.note(f'resident {size_text(resident)}, {size_text(used)}, '
               f'{size_text(left)}')


class Resize(Group):
    machine = {'cpus': 2, 'append': FAST}

    def test_guest_gains_two_gib_and_host_gets_them_back(self):
        cycle(self, 'vm0', 2 * GIB, 512)

    def test_ten_cycles(self):
        vm = self.vm
        total, resident = vm.boot_total(), vm.resident()
        grown, shrunk = [], []
        for _ in range(10):
            grown.append(timed(lambda: vm.qmp.resize('vm0', 2 * GIB)))
            check_growth(vm, total, 2 * GIB)
            fill(vm, 32)
            shrunk.append(timed(lambda: vm.qmp.resize('vm0', 0)))
            left = check_given_back(vm, resident)
        self.note(f'grow {min(grown):.1f} to {max(grown):.1f} s, '
                  f'shrink {min(shrunk):.1f} to {max(shrunk):.1f} s')
        self.note(f'resident {size_text(resident)}, {size_text(left)}')

    def test_grow_turned_into_shrink(self):
        self.turn(0, 4 * GIB, 256 * MIB)

    def test_shrink_turned_into_grow(self):
        self.turn(1 * GIB, 0, 1536 * MIB)

    def test_grow_taken_back_whole(self):
        self.turn(0, 4 * GIB, 0)

    def turn(self, start, first, then):
        """Changes its mind as soon as the first change is heard of."""
        vm, qmp = self.vm, self.vm.qmp
        qmp.resize('vm0', 0)
        total = vm.boot_total()
        qmp.resize('vm0', start)
        check_growth(vm, total, start)
        qmp.forget_events()
        qmp.request('vm0', first)
        event = qmp.wait_event('MEMORY_DEVICE_SIZE_CHANGE', id='vm0')
        turned_at = event['data']['size']
        check(turned_at not in (start, first),
              f'all was done in one step to {size_text(turned_at)}')
        qmp.request('vm0', then)
        qmp.wait_size('vm0', then)
        vm.wait_mem_total(total + int(then * (1 - LOSS)), total + then)
        check_equal('requested-size', qmp.get('vm0', 'requested-size'), then)
        self.note(f'{size_text(start)} to {size_text(first)} turned at '
                  f'{size_text(turned_at)} to {size_text(then)}')

    def test_sizes_set_in_quick_succession(self):
        vm, qmp = self.vm, self.vm.qmp
        for mib in (512, 64, 900, 2, 1024, 0, 258):
            qmp.request('vm0', mib * MIB)
        qmp.wait_size('vm0', 258 * MIB)
        result = vm.resize('vm0', '258M')
        check('258 MiB plugged' in result.out, str(result))

    def test_requested_from_the_start_and_sigterm(self):
        """The size on the command line is there without a resize; SIGTERM
        ends a machine that has memory plugged."""
        self.vm.terminate()
        self.machine = dict(
            self.machine,
            devices=('id=vm0,max-size=4G,requested-size=256M,block-size=4M',))
        vm = self.vm
        vm.qmp.wait_size('vm0', 256 * MIB)
        check_equal('block-size', vm.qmp.get('vm0', 'block-size'), 4 * MIB)
        vm.terminate()


class Stock(Group):
    """Debian's kernel as it comes: it zeroes what it takes to unplug."""
    machine = {'append': ''}

    def test_cycle_of_a_guest_that_zeroes(self):
        cycle(self, 'vm0', 1 * GIB, 128)


class TwoDevices(Group):
    machine = {'cpus': 2, 'memory': '1G',
               'devices': ('id=a,max-size=4G', 'id=b,max-size=2G')}

    def test_two_devices_at_the_same_time(self):
        vm, qmp = self.vm, self.vm.qmp
        total = vm.mem_total()
        for a, b in ((1 * GIB, 512 * MIB), (256 * MIB, 1 * GIB), (0, 0)):
            qmp.request('a', a)
            qmp.request('b', b)
            qmp.wait_size('a', a)
            qmp.wait_size('b', b)
            check_equal('plugged-memory', qmp.command(
                'query-memory-size-summary')['plugged-memory'], a + b)
            vm.wait_mem_total(total + int((a + b) * (1 - LOSS)), total + a + b)
        vm.quit()


class WithoutMessages(Group):
    """A guest that does without MSI-X has its interrupts by the line that the
    devices share."""
    machine = {'cpus': 2, 'append': f'{FAST} pci=nomsi',
               'devices': tuple(
                   f'id={name},max-size=1G' for name in 'abcde')}

    def test_devices_that_share_an_interrupt_line(self):
        vm, qmp = self.vm, self.vm.qmp
        for size in (128 * MIB, 0):
            for name in 'abcde':
                qmp.request(name, size)
            for name in 'abcde':
                qmp.wait_size(name, size)
        lines = vm.run('grep -c -E "IO-APIC.*virtio" /proc/interrupts')
        check(int(lines.split()[0]) == 4, f'there are {lines} lines')
