# SPDX-License-Identifier: BSD-3-Clause
"""Resets and ends."""

import json
import os
import shutil
import signal

from harness import (FAST, MIB, Group, Settings, Vm, check, check_equal,
                     paramem, temporary_directory)


class Reset(Group):
    """One machine, reset in three ways, then powered off from inside."""
    machine = {'cpus': 2, 'append': FAST}

    def check_reset(self, ask, guest):
        vm, qmp = self.vm, self.vm.qmp
        qmp.resize('vm0', 0)
        total = vm.boot_total()
        resident = vm.resident()
        qmp.resize('vm0', 512 * MIB)
        vm.run('mount -t tmpfs t /tmp && '
               'dd if=/dev/zero of=/tmp/f bs=1M count=256 2>/dev/null')
        check(vm.resident() > resident + 224 * MIB, 'the guest used nothing')
        qmp.forget_events()
        start = vm.console.position()
        ask()
        qmp.wait_event('RESET', guest=guest)
        # The guest's driver cannot be there again yet.
        check_equal('the size after a reset', qmp.get('vm0', 'size'), 0)
        check_equal('requested-size after a reset',
                    qmp.get('vm0', 'requested-size'), 512 * MIB)
        # The host has the memory back before the guest starts again.
        left = vm.resident()
        check(left < resident + 64 * MIB,
              f'{left} bytes are resident, {resident} were before')
        vm.wait_ready(start)
        qmp.wait_size('vm0', 512 * MIB)
        vm.wait_mem_total(total + 496 * MIB, total + 512 * MIB)

    def test_system_reset(self):
        self.check_reset(lambda: self.vm.qmp.command('system_reset'), False)

    def test_reboot_from_inside(self):
        self.check_reset(lambda: self.vm.console.send('reboot -f\n'), True)

    def test_reset_of_a_machine_that_is_stopped(self):
        """It stays stopped, and goes on from the start."""
        vm, qmp = self.vm, self.vm.qmp
        start = vm.console.position()
        qmp.command('stop')
        qmp.command('system_reset')
        qmp.wait_event('RESET', guest=False)
        check_equal('the status', qmp.command('query-status')['status'],
                    'paused')
        qmp.command('cont')
        vm.wait_ready(start)

    def test_power_off_from_inside(self):
        self.vm.console.send('poweroff -f\n')
        self.vm.qmp.wait_event('SHUTDOWN', guest=True)
        self.vm.wait_exit()


class Replaced(Group):
    """The kernel's and the initrd's files are written over while the guest
    runs; a reset boots what the machine was started with."""

    def test_files_that_are_replaced_in_place(self):
        directory = temporary_directory()
        files = [f'{directory}/{name}' for name in ('kernel', 'initrd')]
        for path, source in zip(files, (Settings.kernel, Settings.initrd)):
            shutil.copyfile(source, path)
        vm = Vm(kernel=files[0], initrd=files[1])
        with open(files[0], 'r+b') as kernel:
            kernel.write(b'\xcc' * 65536)
        os.truncate(files[1], 100)
        start = vm.console.position()
        vm.qmp.command('system_reset')
        vm.qmp.wait_event('RESET', guest=False)
        vm.wait_ready(start)
        vm.quit()


class Button(Group):
    machine = {'append': FAST}

    def test_system_powerdown(self):
        vm = self.vm
        # The guest must listen before the button is pressed.
        vm.run('until ls -l /proc/[0-9]*/fd 2>/dev/null | '
               'grep -q /dev/input/event; do sleep 0.1; done')
        check_equal('the reply', vm.qmp.command('system_powerdown'), {})
        vm.qmp.wait_event('SHUTDOWN', guest=True)
        vm.wait_exit()


class Early(Group):
    """Ends of machines whose guest has not come far; none boots."""
    machine = {'append': FAST, 'boot': False}

    def test_sigterm(self):
        self.vm.process.terminate()
        self.vm.qmp.wait_event('SHUTDOWN', guest=False)
        self.vm.wait_exit()

    def test_sigint_and_sighup(self):
        for number in (signal.SIGINT, signal.SIGHUP):
            self.vm.process.send_signal(number)
            self.vm.wait_exit()

    def test_quit(self):
        self.vm.quit()

    def test_power_off_by_a_guest_that_was_asked_to(self):
        self.machine = {'append': FAST + ' paramem.run=poweroff',
                        'boot': False}
        self.vm.qmp.wait_event('SHUTDOWN', guest=True)
        self.vm.wait_exit()

    def test_list_and_info(self):
        self.machine = {'append': FAST, 'boot': False,
                        'devices': ('id=a,max-size=1G', 'id=b,max-size=2G')}
        vm = self.vm
        listed = json.loads(paramem('list', '--json').out)
        entry = [m for m in listed if m['name'] == vm.name]
        check(entry and entry[0]['status'] == 'running',
              f'the list is {listed}')
        result = paramem('info', vm.name, '--json')
        check_equal('the status of info', result.status, 0)
        devices = json.loads(result.out)['devices']
        check_equal('the devices', [d['id'] for d in devices], ['a', 'b'])
        # By the path of a socket as well.
        check_equal('the status of info by path',
                    paramem('info', vm.qmp_path).status, 0)
        vm.quit()
        listed = json.loads(paramem('list', '--json').out)
        check(vm.name not in str(listed), f'the list is still {listed}')
