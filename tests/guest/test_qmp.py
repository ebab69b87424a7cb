# SPDX-License-Identifier: BSD-3-Clause
"""Memory driven by raw JSON, under the names that QEMU has for things."""

import json

from harness import (FAST, GIB, MIB, Deadline, Group, Qmp, QmpError, check,
                     check_equal)

PATH = '/machine/peripheral/vm0'


class Raw(Group):
    machine = {'cpus': 2, 'append': FAST}

    def execute(self, text):
        """One line to the socket, one reply from it."""
        self.vm.qmp.send(text + '\n')
        return self.vm.qmp.reply()

    def test_resize(self):
        vm = self.vm
        check('QMP' in vm.qmp.greeting, f'the greeting is {vm.qmp.greeting}')
        total = vm.mem_total()
        for size in (2 * GIB, 512 * MIB, 0):
            check_equal('the reply to qom-set', self.execute(
                '{"execute": "qom-set", "arguments": {"path": "%s", '
                '"property": "requested-size", "value": %d}, "id": "r"}'
                % (PATH, size)), {'return': {}, 'id': 'r'})
            vm.qmp.wait_size('vm0', size)
            check_equal('the reply to qom-get', self.execute(
                '{"execute": "qom-get", "arguments": {"path": "%s", '
                '"property": "size"}, "id": 7}' % PATH),
                {'return': size, 'id': 7})
            reply = self.execute('{"execute": "query-memory-devices"}')
            self.check_device(reply['return'], size)
            check_equal('the summary', self.execute(
                '{"execute": "query-memory-size-summary"}'), {'return': {
                    'base-memory': 512 * MIB, 'plugged-memory': size}})
            vm.wait_mem_total(total + int(size * 0.97), total + size)

    def check_device(self, devices, size):
        check_equal('the number of devices', len(devices), 1)
        check_equal('type', devices[0]['type'], 'virtio-mem')
        data = devices[0]['data']
        for name, wanted in (('id', 'vm0'), ('size', size), ('node', 0),
                             ('requested-size', size), ('max-size', 4 * GIB),
                             ('block-size', 2 * MIB)):
            check_equal(name, data[name], wanted)
        check_equal('memaddr within 2 GiB', data['memaddr'] % (2 * GIB), 0)
        check('memdev' in data, f'there is no memdev in {data}')

    def test_partial_path_and_request_in_pieces(self):
        text = json.dumps({'execute': 'qom-get', 'arguments': {
            'path': 'vm0', 'property': 'requested-size'}})
        self.vm.qmp.send(text[:20])
        self.vm.qmp.send(text[20:] + '\n')
        check_equal('the reply', self.vm.qmp.reply(), {'return': 0})

    def test_every_client_hears_of_a_change(self):
        qmp = self.vm.qmp
        other = Qmp(self.vm.qmp_path, Deadline(10))
        try:
            qmp.request('vm0', 64 * MIB)
            for client in (qmp, other):
                event = client.wait_event('MEMORY_DEVICE_SIZE_CHANGE',
                                          id='vm0', size=64 * MIB)
                check_equal('qom-path', event['data']['qom-path'], PATH)
        finally:
            other.close()
        qmp.resize('vm0', 0)

    def test_negotiation_comes_first(self):
        hasty = Qmp(self.vm.qmp_path, Deadline(10), negotiate=False)
        try:
            hasty.command('query-status')
        except QmpError as error:
            check_equal('the class', error.error_class, 'CommandNotFound')
        else:
            check(False, 'a command was run before qmp_capabilities')
        finally:
            hasty.close()

    def test_wrong_requests(self):
        for text, error_class, words in (
                ('{]', 'GenericError', 'JSON'),
                ('{"execute": "no-such-command"}', 'CommandNotFound',
                 'no-such-command'),
                ('{"execute": "qom-get"}', 'GenericError', 'path'),
                ('{"execute": "query-status", "arguments": {"a": 1}}',
                 'GenericError', "'a'"),
                (self.qom_set('nothing', MIB), 'DeviceNotFound', 'nothing'),
                (self.qom_set(PATH, 3 * MIB), 'GenericError', 'block-size'),
                (self.qom_set(PATH, 8 * GIB), 'GenericError', 'exceed'),
                (self.qom_set(PATH, -1), 'GenericError', 'requested-size'),
                (self.qom_set(PATH, '1G'), 'GenericError', 'requested-size'),
                (self.qom_set(PATH, 0, 'size'), 'GenericError', 'size')):
            reply = self.execute(text)
            error = reply.get('error')
            check(error, f'{text} got {reply}')
            check_equal(f'the class for {text}', error['class'], error_class)
            check(words in error['desc'], f'{text} got {error}')
        check_equal('requested-size', self.vm.qmp.get('vm0', 'requested-size'),
                    0)

    def qom_set(self, path, value, name='requested-size'):
        return json.dumps({'execute': 'qom-set', 'arguments': {
            'path': path, 'property': name, 'value': value}})

    def test_stop_and_cont(self):
        vm, qmp = self.vm, self.vm.qmp
        vm.run('true')
        qmp.command('stop')
        qmp.wait_event('STOP')
        check_equal('the status', qmp.command('query-status')['status'],
                    'paused')
        began = vm.console.begin('echo awake')
        # The guest takes no size either while it stands still.
        qmp.request('vm0', 128 * MIB)
        result = vm.resize_in_vain('vm0', '128M', 1)
        check('paused' in result.out, str(result))
        check_equal('the size', qmp.get('vm0', 'size'), 0)
        check_equal('the console of a guest that stands still',
                    vm.console.since(began[0]), '')
        qmp.command('cont')
        qmp.wait_event('RESUME')
        check_equal('the answer', vm.console.finish(began), ('awake', 0))
        qmp.wait_size('vm0', 128 * MIB)
        check_equal('running', qmp.command('query-status')['running'], True)

    def test_processors_have_threads(self):
        """Those that are pinned: each is named after its processor."""
        cpus = self.vm.qmp.command('query-cpus-fast')
        check_equal('the indexes', [cpu['cpu-index'] for cpu in cpus], [0, 1])
        for cpu in cpus:
            path = (f'/proc/{self.vm.process.pid}/task/{cpu["thread-id"]}'
                    '/comm')
            with open(path, encoding='ascii') as name:
                check_equal('the thread', name.read(),
                            f'vcpu{cpu["cpu-index"]}\n')

    def nmis(self):
        """How many each processor of the guest has had."""
        for line in self.vm.run('cat /proc/interrupts').splitlines():
            words = line.split()
            if words[0] == 'NMI:':
                return [int(word) for word in words[1:3]]
        return None

    def test_nmi(self):
        """Each processor gets one, and the guest goes on."""
        before = self.nmis()
        self.vm.qmp.command('inject-nmi')
        Deadline(30).poll(
            lambda: all(now > was for now, was in zip(self.nmis(), before)),
            'an NMI on each processor')

    def test_quit(self):
        qmp = self.vm.qmp
        qmp.command('quit')
        qmp.wait_event('SHUTDOWN', guest=False)
        self.vm.wait_exit()
