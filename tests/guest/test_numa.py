# SPDX-License-Identifier: BSD-3-Clause
"""Nodes and many devices: what the guest sees of them, and that its figures are
those of the host."""

import json
import os
import re

from harness import (COMMAND_SECONDS, FAST, GIB, MIB, Deadline, Failure, Group,
                     Settings, Skip, check, check_equal, paramem, size_text)

from test_backends import set_pool

# A few pages more or less: the kernel frees what only its start needed.
SLACK = MIB


def said_sizes(vm):
    """What "info numa" says: each node's size and what it has plugged."""
    text = vm.qmp.command('human-monitor-command', command_line='info numa')
    sizes = dict(re.findall(r'node (\d+) size: (\d+) MB', text))
    plugged = dict(re.findall(r'node (\d+) plugged: (\d+) MB', text))
    check_equal('how it begins', text.split('\r\n')[0], f'{len(sizes)} nodes')
    return {int(node): (int(sizes[node]) * MIB, int(plugged[node]) * MIB)
            for node in sizes}


def shown_nodes(vm):
    """What the subcommand shows of each node."""
    result = paramem('numa', vm.name, '--json')
    check(result.status == 0, str(result))
    return {node['id']: node for node in json.loads(result.out)}


def plugged_by_node(vm):
    """What the devices say."""
    plugged = {}
    for device in vm.qmp.command('query-memory-devices'):
        data = device['data']
        plugged[data['node']] = plugged.get(data['node'], 0) + data['size']
    return plugged


def check_host_agrees(vm):
    """All ways to ask the host give the same; returns what is plugged."""
    plugged = plugged_by_node(vm)
    said, shown = said_sizes(vm), shown_nodes(vm)
    check_equal('the nodes', sorted(said), sorted(shown))
    for node, data in shown.items():
        check_equal(f'plugged in node {node}',
                    (said[node][1], data['plugged-memory']),
                    (plugged.get(node, 0),) * 2)
        check_equal(f'the size of node {node}', said[node][0],
                    data['base-memory'] + data['plugged-memory'])
    return {node: plugged.get(node, 0) for node in shown}


class Session(Group):
    """Two nodes with boot memory and a device each, as the guest's own tools
    and the host's see them."""
    machine = {
        'append': FAST,
        'nodes': ('id=0,cpus=0,memory=512M', 'id=1,cpus=1,memory=512M,'
                  'distance=0:17'),
        'devices': ('id=vm0,max-size=2G,requested-size=1G',
                    'id=vm1,max-size=2G,requested-size=768M,node=1')}

    def boot_totals(self):
        """The guest's figures without what is plugged."""
        plugged = check_host_agrees(self.vm)
        return {node: total - plugged[node] for node, total in
                self.vm.node_totals().items()}

    def check_agreement(self, boot, what):
        """Until the guest has made usable, or has lost, what was plugged last:
        soon, but not at once."""
        last = []

        def agree():
            last[:] = [self.boot_totals()]
            return all(abs(last[0][node] - boot[node]) <= SLACK
                       for node in boot)

        try:
            Deadline(COMMAND_SECONDS).poll(agree, '')
        except Failure:
            raise Failure(f'{what}: the guest has {last[0]} besides what is '
                          f'plugged, and had {boot} before') from None
        self.note(f'{what}: ' + ', '.join(
            size_text(total) for total in self.vm.node_totals().values()))

    def test_guest_sees_the_nodes(self):
        vm = self.vm
        for node, cpus, distances in ((0, '0', '10 17'), (1, '1', '17 10')):
            there = f'/sys/devices/system/node/node{node}'
            check_equal('processors', vm.run(f'cat {there}/cpulist'), cpus)
            check_equal('distances', vm.run(f'cat {there}/distance'), distances)
        log = vm.run('dmesg | grep -E "sched|node|SRAT|SLIT"')
        for words in ('not on the same node', 'Ignoring dependency',
                      'SRAT: bad', 'SRAT not used', 'SLIT table looks'):
            check(words not in log, f'the guest says {words!r}')
        check_equal('hot-pluggable ranges', len(re.findall(
            r'SRAT: Node \d PXM \d \[mem [^]]*\] hotplug', log)), 2)

    def test_session(self):
        vm, qmp = self.vm, self.vm.qmp
        qmp.wait_size('vm0', 1 * GIB)
        qmp.wait_size('vm1', 768 * MIB)
        boot = self.settled()
        check(all(350 * MIB < total <= 512 * MIB for total in boot.values()),
              f'the nodes have {boot} besides what is plugged')
        self.check_listing(1 * GIB, 768 * MIB)
        self.check_agreement(boot, 'from the start')
        vm.resize('vm0', '512M')
        self.check_agreement(boot, 'vm0 to 512M')
        vm.run('echo online_kernel >'
               '/sys/devices/system/memory/auto_online_blocks')
        vm.resize('vm0', '2G')
        self.check_agreement(boot, 'vm0 to 2G')
        # What a ramfs holds, no kernel moves.
        vm.run('mount -t ramfs r /tmp && taskset 1 '
               'dd if=/dev/zero of=/tmp/f bs=1M count=64 2>/dev/null')
        result = vm.resize_in_vain('vm0', '0', 12)
        left = qmp.get('vm0', 'size')
        check(64 * MIB <= left < 768 * MIB, f'{size_text(left)} are left')
        check('has not given it back: it is in use, or cannot be moved' in result.out
              and size_text(left) in result.out, str(result))
        self.check_agreement(boot, f'vm0 to 0, {size_text(left)} kept')
        self.check_given_back(boot, left)

    def check_given_back(self, boot, left):
        """What held the memory is gone, and so is most of the memory."""
        vm = self.vm
        vm.run('umount /tmp')
        paramem('resize', vm.name, 'vm0', '0', '--wait', '10')
        now = vm.qmp.get('vm0', 'size')
        check(now <= left - 48 * MIB, f'{size_text(now)} are still left')
        self.check_agreement(boot, f'freed, {size_text(now)} kept')

    def settled(self):
        """What the guest has besides what is plugged, once that is online."""
        def online():
            totals = self.boot_totals()
            return all(total > 300 * MIB for total in totals.values()) and totals
        return Deadline(COMMAND_SECONDS).poll(online, 'memory online')

    def check_listing(self, *plugged):
        vm = self.vm
        result = paramem('numa', vm.name)
        check(result.status == 0 and all(
            size_text(size) in result.out for size in plugged), str(result))
        info = json.loads(paramem('info', vm.name, '--json').out)
        check_equal('the nodes of the devices',
                    [device['node'] for device in info['devices']], [0, 1])
        listed = [m for m in json.loads(paramem('list', '--json').out)
                  if m['name'] == vm.name]
        check_equal('plugged-memory', listed[0]['plugged-memory'],
                    sum(plugged))


class Bare(Group):
    """A node without boot memory, one without processors, one with neither."""
    machine = {
        'append': FAST,
        'nodes': ('id=0,cpus=0', 'id=1,memory=512M', 'id=2,distance=0:40'),
        'devices': ('id=a,max-size=1G', 'id=b,max-size=1G,node=1',
                    'id=c,max-size=1G,node=2,block-size=256M')}

    def test_nodes_without_memory_or_processors(self):
        vm, qmp = self.vm, self.vm.qmp
        before = vm.node_totals()
        check_equal('memory at boot', [n for n in before if before[n]], [1])
        for device in 'abc':
            qmp.resize(device, 512 * MIB)
        check_equal('plugged', check_host_agrees(vm),
                    {node: 512 * MIB for node in range(3)})

        def there():
            now = vm.node_totals()
            return [now.get(node, 0) - before.get(node, 0)
                    for node in range(3)] == [512 * MIB] * 3
        Deadline(COMMAND_SECONDS).poll(there, 'memory of every node')
        check_equal('distances of node 2', vm.run(
            'cat /sys/devices/system/node/node2/distance'), '40 20 10')
        for device in 'abc':
            qmp.resize(device, 0)


# ---- block sizes -------------------------------------------------------------

BLOCK_SIZES = [MIB << shift for shift in range(11)]
MEMORY_BLOCK = 128 * MIB
GROWN = 1 * GIB


def device_of(size):
    return (f'id=b{size // MIB},max-size=2G,block-size={size // MIB}M')


class BlockSizes(Group):
    """The driver takes sub-blocks of its memory blocks where the device's are
    smaller than those, else one or more memory blocks at a time."""
    sizes = BLOCK_SIZES
    machine = {'cpus': 2, 'append': FAST,
               'devices': tuple(device_of(size) for size in BLOCK_SIZES)}
    big = False

    def test_every_block_size(self):
        self.check_modes()
        self.check_sizes()

    def check_modes(self):
        """By what the driver says of each device, in their order."""
        log = self.vm.run('dmesg | grep virtio_mem')
        modes = re.findall(r'(subblock|big block) size: (0x[0-9a-f]+)', log)
        check_equal('devices', len(modes), len(self.sizes))
        smallest = int(modes[0][1], 16)
        for size, (mode, unit) in zip(self.sizes, modes):
            big = self.big or size >= MEMORY_BLOCK
            least = MEMORY_BLOCK if big else smallest
            check_equal(f'the mode with blocks of {size_text(size)}',
                        (mode, int(unit, 16)),
                        ('big block' if big else 'subblock', max(size, least)))

    def check_sizes(self):
        vm, qmp = self.vm, self.vm.qmp
        total = vm.mem_total()
        for size in self.sizes:
            device = f'b{size // MIB}'
            check_equal('block-size', qmp.get(device, 'block-size'), size)
            qmp.resize(device, GROWN)
            vm.wait_mem_total(total + GROWN, total + GROWN)
            # Part of it, where there are parts.
            part = GROWN - max(size, MEMORY_BLOCK)
            qmp.resize(device, part)
            vm.wait_mem_total(total + part, total + part)
            qmp.resize(device, 0)
            vm.wait_mem_total(total, total)
        self.note(f'{len(self.sizes)} block sizes, to {size_text(GROWN)} and '
                  f'back')


class BigBlocks(BlockSizes):
    """The same where the driver is told to take big blocks alone."""
    sizes = [size for size in BLOCK_SIZES if size < MEMORY_BLOCK]
    machine = {'cpus': 2, 'append': FAST + ' paramem.driver=none',
               'devices': tuple(device_of(size) for size in sizes)}
    big = True

    def test_every_block_size_in_big_blocks(self):
        self.vm.run('insmod /lib/modules/virtio_mem.ko force_bbm=1')
        self.check_modes()
        self.check_sizes()


class SmallKernel(BlockSizes):
    """A kernel without NUMA support."""
    def test_every_block_size_without_numa(self):
        kernel = os.environ.get('PARAMEM_SMALL_KERNEL')
        if not kernel or not os.path.exists(kernel):
            raise Skip('no small kernel: run tools/small-kernel')
        self.machine = dict(self.machine, kernel=kernel, cpus=1)
        self.check_modes()
        self.check_sizes()


# ---- many devices, and the largest -------------------------------------------

class Many(Group):
    """As many devices as there can be, each in a node of its own and with a
    block size, a maximum and host memory that others do not have."""
    devices = [{'id': f'd{i}', 'max-size': (256 + 64 * i) * MIB,
                'block-size': MIB << i % 7, 'node': i,
                'backend': ('anon', 'memfd')[i % 2]} for i in range(32)]
    machine = {
        'append': FAST,
        'nodes': ('id=0,cpus=0,memory=768M',
                  *(f'id={i}' for i in range(1, 32))),
        'devices': [','.join(f'{key}={value}' for key, value in d.items())
                    for d in devices]}

    def use_huge_pages(self):
        """Behind one of them, where the host has some."""
        try:
            set_pool(128 * MIB)
        except Skip as skip:
            self.note(str(skip))
            return
        devices = list(self.machine['devices'])
        devices[31] = devices[31].replace('memfd', 'hugetlb,page-size=2M')
        self.machine = dict(self.machine, devices=devices)

    def test_32_devices(self):
        self.use_huge_pages()
        vm, qmp = self.vm, self.vm.qmp
        check_equal('the nodes', vm.run(
            'cat /sys/devices/system/node/possible'), '0-31')
        before = vm.node_totals()
        for size in (128 * MIB, 0):
            for device in self.devices:
                qmp.request(device['id'], size)
            for device in self.devices:
                qmp.wait_size(device['id'], size)

            def there():
                now = vm.node_totals()
                return all(now.get(i, 0) - before.get(i, 0) == size
                           for i in range(32))
            Deadline(COMMAND_SECONDS).poll(there, f'{size_text(size)} in each '
                                           f'node')
            check_equal('plugged', check_host_agrees(vm),
                        {i: size for i in range(32)})
        for device, is_now in zip(self.devices, (
                d['data'] for d in qmp.command('query-memory-devices'))):
            for key in ('id', 'max-size', 'block-size', 'node'):
                check_equal(key, is_now[key], device[key])
        self.note('backends ' + ', '.join(sorted(
            {qmp.get(d['id'], 'x-paramem-backend') for d in self.devices})))
        vm.quit()
        set_pool(0)

    def test_one_device_too_many(self):
        words = []
        for i in range(33):
            words += ['--mem-device', f'id=d{i},max-size=1G']
        result = paramem('run', '--kernel', 'k', *words)
        check_equal('the status', result.status, 2)
        check('more than 32 memory devices' in result.err, str(result))


def address_bits():
    with open('/proc/cpuinfo', encoding='ascii') as f:
        bits = int(re.search(r'(\d+) bits physical', f.read())[1])
    if bits > 44:
        raise Skip(f'{bits} bits are more than a process can reserve')
    return bits


class Largest(Group):
    """64 processors in the tables, of which one is started, on four nodes, and
    a device that reaches up to the last address."""
    machine = {
        'append': FAST + ' maxcpus=1',
        'nodes': tuple(f'id={i},cpus={16 * i}-{16 * i + 15},memory=256M'
                       for i in range(4))}

    def test_up_to_the_last_address(self):
        limit = 1 << address_bits()
        largest = limit - 4 * GIB
        self.machine = dict(self.machine, devices=(
            f'id=vm0,max-size={largest},node=3',))
        vm = self.vm
        check_equal('processors', vm.run(
            'cat /sys/devices/system/cpu/possible'), '0-63')
        srat = vm.run('dmesg | grep "SRAT.*PXM 3"')
        check_equal('processors of node 3', srat.count('-> APIC'), 16)
        check(f'-0x{limit - 1:x}] hotplug' in srat,
              'the guest does not know of the last address')
        before = vm.node_totals()
        for size in (1 * GIB, 0):
            vm.resize('vm0', size_text(size).replace(' ', ''))

            def there():
                return vm.node_totals()[3] - before[3] == size
            Deadline(COMMAND_SECONDS).poll(there, 'the memory of node 3')
        self.note(f'max-size {size_text(largest)}, resident '
                  f'{size_text(vm.resident())}')
        vm.quit()

    def test_one_block_more(self):
        limit = 1 << address_bits()
        result = paramem('run', '--kernel', Settings.kernel, '--mem-device',
                         f'id=vm0,max-size={limit - 4 * GIB + 2 * MIB}')
        check_equal('the status', result.status, 1)
        most = size_text(limit - 4 * GIB)
        check(f'choose a max-size of {most} or less' in result.err, str(result))
