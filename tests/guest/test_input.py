# SPDX-License-Identifier: BSD-3-Clause
"""What people get wrong: one sentence with the value, a status that says so,
and nothing left behind."""

import os
import shutil
import socket

from harness import (FAST, MIB, Deadline, Group, Qmp, Settings, Skip, Vm,
                     check, check_equal, environment, names_directory,
                     paramem, temporary_directory)

NOBODY = 65534


def names():
    try:
        return sorted(os.listdir(names_directory()))
    except FileNotFoundError:
        return []


class Wrong(Group):
    """None of these starts a guest."""

    def __init__(self):
        super().__init__()
        self.directory = temporary_directory()

    def path(self, name):
        return f'{self.directory}/{name}'

    def file(self, name, data=b'', size=0):
        with open(self.path(name), 'wb') as f:
            f.write(data)
            f.truncate(max(size, len(data)))
        return self.path(name)

    def refused(self, words, said, kernel=True, status=(1, 2), **options):
        """Runs a machine that must be refused, with all of said in the one
        line that it prints."""
        name = f'wrong-{os.getpid()}'
        sockets = temporary_directory()
        before = names()
        command = ['run', name, '--serial', f'unix:{sockets}/serial', *words]
        if '--qmp' not in words:
            command += ['--qmp', f'unix:{sockets}/qmp']
        if kernel:
            command += ['--kernel', Settings.kernel]
        result = paramem(*command, **options)
        check(result.status in status,
              f'{words}: {result}, not status {status}')
        # Notes are of what is no mistake.
        lines = [line for line in result.err.splitlines()
                 if not line.startswith('paramem: note: ')]
        check_equal(f'standard output for {words}', result.out, '')
        check(lines and (len(lines) == 1 or
                         len(lines) == 2 and lines[1].startswith('Try ')),
              f'{words}: not one line but {result.err!r}')
        check(lines[0].startswith('paramem: '), f'{words}: {lines[0]!r}')
        for text in said:
            check(text in lines[0], f'{words}: no {text!r} in {lines[0]!r}')
        check_equal('the names left', names(), before)
        check_equal('the sockets left', os.listdir(sockets), [])

    def device_refused(self, device, said):
        self.refused(['--mem-device', device], said)

    def test_kernel_missing(self):
        path = self.path('none')
        self.refused(['--kernel', path], [path, 'No such file'], kernel=False)
        self.refused([], ['--kernel'], kernel=False)

    def test_kernel_that_is_none(self):
        for path in (self.file('text', b'Once upon a time\n' * 1000),
                     self.file('empty'), self.file('zeros', size=MIB),
                     '/proc/self/exe', self.directory):
            self.refused(['--kernel', path], [path], kernel=False)

    def test_kernel_cut_short(self):
        with open(Settings.kernel, 'rb') as f:
            head = f.read(4096)
        path = self.file('short', head)
        self.refused(['--kernel', path], [path], kernel=False)

    def test_initrd_missing(self):
        path = self.path('none')
        self.refused(['--initrd', path], [path, 'No such file'])

    def test_initrd_that_does_not_fit(self):
        path = self.file('large', size=512 * MIB)
        self.refused(['--memory', '512M', '--initrd', path],
                     [path, '512', '--memory'])

    def test_boot_memory(self):
        for size in ('63M', '0', '512M1', '100.3M', '2P', 'much', '-1G'):
            self.refused(['--memory', size], ['memory'])

    def test_processors(self):
        for count in ('0', '65', '-1', 'two', '2x', ''):
            self.refused(['--cpus', count], [count or "''"])

    def test_sizes_that_are_not_multiples(self):
        self.device_refused('id=a,max-size=3M', ['a', '3 MiB', '2 MiB'])
        self.device_refused('id=a,max-size=1G,requested-size=5M',
                            ['a', '5 MiB', '2 MiB'])
        self.device_refused('id=a,max-size=1G,block-size=4M,requested-size=6M',
                            ['a', '6 MiB', '4 MiB'])

    def test_block_size(self):
        self.device_refused('id=a,max-size=1G,block-size=3M',
                            ['a', '3 MiB', 'power of two', '4 MiB'])
        self.device_refused('id=a,max-size=1G,block-size=512K',
                            ['a', '512 KiB', '1 MiB'])
        self.device_refused('id=a,max-size=1G,block-size=0', ['a'])

    def test_requested_above_maximum(self):
        self.device_refused('id=a,max-size=1G,requested-size=2G',
                            ['a', '2 GiB', '1 GiB'])

    def test_maximum_above_what_a_cpu_can_address(self):
        self.device_refused('id=a,max-size=4095T', ['a'])
        self.device_refused('id=a,max-size=16E', ['16E'])
        self.device_refused('id=a,max-size=0', ['a', '0'])

    def test_duplicate_ids(self):
        self.refused(['--mem-device', 'id=dimm,max-size=1G', '--mem-device',
                      'id=dimm,max-size=1G'], ["'dimm'"])

    def test_parts_of_a_device(self):
        for device, said in (('max-size=1G', 'id'), ('id=a', 'max-size'),
                             ('id=a,max-size=1G,colour=red', 'colour'),
                             ('id=a,max-size=', 'max-size'),
                             ('id=a,id=b,max-size=1G', 'id'),
                             ('id=a/b,max-size=1G', 'a/b')):
            self.device_refused(device, [said])

    def test_serial_and_accel(self):
        self.refused(['--serial', 'telnet:1'], ['telnet:1'])
        path = self.path('no/such/directory')
        self.refused(['--serial', 'file:' + path], [path])
        self.refused(['--qmp', 'unix:' + path], [path])
        self.refused(['--qmp', 'tcp:1'], ['tcp:1'])
        self.refused(['--qmp', 'unix:/' + 'x' * 200], ['xxxx', '107'])
        self.refused(['--accel', 'xen'], ['xen'])

    def test_names(self):
        for name in ('../x', '.hidden', 'a b', 'x' * 65):
            result = paramem('run', name, '--kernel', Settings.kernel)
            check(result.status and result.err.count('\n') == 1, str(result))
            check(name in result.err, str(result))

    # -- a host that lacks something

    def without_kvm(self, script, said):
        """In a mount namespace of its own, where script has changed /dev."""
        if os.geteuid():
            raise Skip('only root can hide /dev/kvm')
        self.refused([], ['/dev/kvm', *said], wrapper=(
            'unshare', '-m', 'sh', '-c', script + ' && exec "$@"', 'sh'))

    def test_no_kvm(self):
        self.without_kvm('mount -t tmpfs none /dev', ['No such file'])

    def test_kvm_that_is_not_usable(self):
        self.without_kvm('mount --bind /dev/null /dev/kvm', [])

    def as_nobody(self):
        if os.geteuid():
            raise Skip('only root can become somebody else')
        runtime = temporary_directory()
        os.chown(runtime, NOBODY, NOBODY)
        # The checkout may lie where nobody else may look.
        public = temporary_directory()
        os.chmod(public, 0o755)
        program = shutil.copy(Settings.paramem, public)
        self.public_kernel = shutil.copy(Settings.kernel, public)
        os.chmod(self.public_kernel, 0o644)
        return dict(program=program, user=NOBODY, group=NOBODY,
                    extra_groups=[],
                    env=dict(environment(), XDG_RUNTIME_DIR=runtime))

    def test_no_permission_for_kvm(self):
        options = self.as_nobody()
        if os.stat('/dev/kvm').st_mode & 0o006 == 0o006:
            raise Skip('everybody may use /dev/kvm here')
        # The sockets' directory is not nobody's: name none.
        result = paramem('run', 'x', '--serial', 'none', '--kernel',
                         self.public_kernel, **options)
        check_equal('the status', result.status, 1)
        check('/dev/kvm' in result.err and result.err.count('\n') == 1,
              str(result))
        check_equal('what is left', os.listdir(
            options['env']['XDG_RUNTIME_DIR']), [])

    def test_no_permission_for_names_and_files(self):
        options = self.as_nobody()
        runtime = options['env']['XDG_RUNTIME_DIR']
        os.chown(runtime, 0, 0)
        result = paramem('run', 'x', '--serial', 'none', '--kernel',
                         self.public_kernel, **options)
        check_equal('the status', result.status, 1)
        check(runtime in result.err and 'XDG_RUNTIME_DIR' in result.err and
              result.err.count('\n') == 1, str(result))
        path = self.file('secret', b'x')
        os.chmod(self.directory, 0o755)
        os.chmod(path, 0o600)
        result = paramem('run', '--serial', 'none', '--kernel', path,
                         **options)
        check(result.status == 1 and path in result.err and
              'ermission' in result.err and result.err.count('\n') == 1,
              str(result))


class Occupied(Group):
    """Names and sockets that somebody has already."""
    machine = {'boot': False, 'append': FAST}

    def refused(self, words, said):
        before = names()
        result = paramem('run', *words, '--kernel', Settings.kernel)
        check_equal('the status', result.status, 1)
        check(result.err.count('\n') == 1 and result.err.startswith('paramem: ')
              and said in result.err, str(result))
        check_equal('the names left', names(), before)
        # The one that has it is not harmed.
        other = Qmp(self.vm.qmp_path, Deadline(10))
        check_equal('running', other.command('query-status')['running'], True)
        other.close()
        check_equal('the status by name',
                    paramem('info', self.vm.name).status, 0)

    def test_second_machine_of_the_name(self):
        self.refused([self.vm.name, '--serial', 'none'],
                     f"'{self.vm.name}'")

    def test_control_socket_in_use(self):
        self.refused(['--serial', 'none', '--qmp', 'unix:' + self.vm.qmp_path],
                     self.vm.qmp_path)
        self.refused(['another', '--serial', 'none', '--qmp',
                      'unix:' + self.vm.qmp_path], self.vm.qmp_path)

    def test_serial_socket_in_use(self):
        self.refused(['--serial', 'unix:' + self.vm.serial_path],
                     self.vm.serial_path)

    def test_file_in_the_place_of_a_socket(self):
        path = temporary_directory() + '/precious'
        with open(path, 'w', encoding='ascii') as f:
            f.write('data')
        self.refused(['--serial', 'none', '--qmp', 'unix:' + path], path)
        with open(path, encoding='ascii') as f:
            check_equal('the file', f.read(), 'data')

    def test_killed_machine_leaves_no_obstacle(self):
        """Sockets and a name that nobody holds any more are taken over."""
        vm = self.vm
        vm.process.kill()
        vm.process.wait()
        check(os.path.exists(vm.qmp_path), 'the socket did not stay')
        check(vm.name not in paramem('list').out, 'it is listed still')
        result = paramem('info', vm.name)
        check(result.status == 1 and result.err.count('\n') == 1, str(result))
        again = Vm(name=vm.name, boot=False, qmp_path=vm.qmp_path)
        again.quit()
        check(not os.path.lexists(vm.qmp_path), 'the socket was left behind')

    def test_stale_socket(self):
        path = temporary_directory() + '/stale'
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(path)
        Vm(boot=False, qmp_path=path).quit()


class NoDriver(Group):
    """What a resize says; the guest has no driver until the last two tests."""
    machine = {'append': FAST + ' paramem.driver=none'}

    def refused(self, words, status, said):
        result = paramem('resize', *words)
        check_equal(f'the status of {words}', result.status, status)
        check_equal(f'the output of {words}', result.out, '')
        check(said in result.err.splitlines()[0], f'{words}: {result}')

    def load_driver(self):
        self.vm.run('[ -d /sys/module/virtio_mem ] || '
                    'insmod /lib/modules/virtio_mem.ko')

    def test_unknown_device(self):
        self.refused([self.vm.name, 'vm9', '1G'], 1, "'vm9'")

    def test_unknown_target(self):
        self.refused(['nobody', 'vm0', '1G'], 1, 'nobody')
        path = temporary_directory() + '/none'
        self.refused([path, 'vm0', '1G'], 1, path)

    def test_wrong_sizes(self):
        name = self.vm.name
        self.refused([name, 'vm0', '3M'], 1, '3 MiB')
        self.refused([name, 'vm0', '5G'], 1, '5 GiB')
        self.refused([name, 'vm0', 'big'], 2, "'big'")
        self.refused([name, 'vm0', '1G', '--wait', 'long'], 2, "'long'")
        self.refused([name, 'vm0'], 2, 'size')
        check_equal('requested-size',
                    self.vm.qmp.get('vm0', 'requested-size'), 0)

    def test_not_reached_without_a_driver(self):
        result = self.vm.resize_in_vain('vm0', '1G', 1)
        for text in ('0 plugged', '1 GiB', 'no virtio-mem driver'):
            check(text in result.out.replace('0 B', '0'),
                  f'no {text!r} in {result}')

    def test_not_waited_for(self):
        result = paramem('resize', self.vm.name, 'vm0', '1G', '--wait', '0')
        check_equal('the status', result.status, 0)

    def test_driver_that_comes_later(self):
        """What was asked for remains so."""
        vm = self.vm
        vm.qmp.request('vm0', 256 * MIB)
        self.load_driver()
        vm.qmp.wait_size('vm0', 256 * MIB)

    def test_not_reached_for_memory_in_use(self):
        """The guest cannot give back what it uses: it says how far it got."""
        vm = self.vm
        self.load_driver()
        vm.qmp.resize('vm0', 512 * MIB)
        vm.run('mount -t tmpfs -o size=100% t /tmp && '
               'dd if=/dev/zero of=/tmp/f bs=1M count=500 2>/dev/null')
        result = vm.resize_in_vain('vm0', '0', 4)
        size = vm.qmp.get('vm0', 'size')
        check(0 < size < 512 * MIB, f'{size} bytes are plugged')
        check('not the 0 requested' in result.out.replace('0 B', '0'),
              str(result))
        # Once it has given up for now.
        Deadline(60).poll(
            lambda: 'it is in use' in paramem('info', vm.name).out,
            'the reason is that the memory is in use')
        self.note(result.out.strip())
        vm.run('umount /tmp')
        vm.qmp.resize('vm0', 0)
