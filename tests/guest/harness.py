# SPDX-License-Identifier: BSD-3-Clause
"""Virtual machines to test with: starts the program, speaks to the guest's
serial console and to the control socket, and waits for things to happen.

Every wait has a deadline and ends as soon as what it waits for is there.
"""

import atexit
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

MIB = 1 << 20
GIB = 1 << 30

BOOT_SECONDS = 90
COMMAND_SECONDS = 60
RESIZE_SECONDS = 120
EXIT_SECONDS = 20

# New memory is used only when it is online, and movable memory can be given
# back.
APPEND = 'console=ttyS0 quiet panic=-1 memhp_default_state=online_movable'
# Without zeroing pages as it takes them, a guest shrinks much faster where
# every page fault is emulated.
FAST = 'init_on_alloc=0'


class Failure(Exception):
    """Something is not as it should be: one sentence."""


class Skip(Exception):
    """The test cannot run here: why."""


class Settings:
    """What is tested; set once by the entry."""
    paramem = None
    kernel = None
    initrd = None


def check(condition, text):
    if not condition:
        raise Failure(text)


def check_equal(what, got, wanted):
    check(got == wanted, f'{what} is {got!r}, not {wanted!r}')


class Deadline:
    def __init__(self, seconds):
        self.end = time.monotonic() + seconds
        self.seconds = seconds

    def left(self):
        return max(0.0, self.end - time.monotonic())

    def poll(self, condition, what):
        """Returns the first true value of condition()."""
        while True:
            value = condition()
            if value:
                return value
            check(self.left(), f'not within {self.seconds} s: {what}')
            time.sleep(0.02)


def size_text(size):
    if size and not size % GIB:
        return f'{size // GIB} GiB'
    return f'{size / MIB:.0f} MiB'


# ---- directories and processes, none of which outlives the tests -------------

_directories = []
_processes = []


def _cleanup():
    for process in _processes:
        if process.poll() is None:
            process.kill()
            process.wait()
    for directory in _directories:
        shutil.rmtree(directory, ignore_errors=True)


atexit.register(_cleanup)


def temporary_directory():
    directory = tempfile.mkdtemp(prefix='paramem-test-')
    _directories.append(directory)
    return directory


def environment():
    """That of the program: names of machines are in a place of our own, but
    for root, whose place is fixed."""
    global _runtime
    if _runtime is None:
        _runtime = temporary_directory()
    return dict(os.environ, XDG_RUNTIME_DIR=_runtime, LC_ALL='C.UTF-8')


_runtime = None


def names_directory():
    if os.geteuid() == 0:
        return '/run/paramem'
    return environment()['XDG_RUNTIME_DIR'] + '/paramem'


class Result:
    """How a run of the program ended."""

    def __init__(self, status, out, err, seconds):
        self.status = status
        self.out = out
        self.err = err
        self.seconds = seconds

    def __str__(self):
        return f'status {self.status}, output {self.out!r}, errors {self.err!r}'


def paramem(*words, seconds=COMMAND_SECONDS, wrapper=(), program=None,
            **options):
    """Runs the program to its end."""
    began = time.monotonic()
    process = subprocess.Popen(
        [*wrapper, program or Settings.paramem, *words], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        encoding='utf-8', errors='replace',
        env=options.pop('env', environment()), **options)
    _processes.append(process)
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise Failure(f'paramem {" ".join(words)} did not end within '
                      f'{seconds} s; it said {out + err!r}') from None
    return Result(process.returncode, out, err, time.monotonic() - began)


# ---- sockets -----------------------------------------------------------------

def connect(path, deadline, alive=lambda: True):
    """Connects to a socket that may be about to appear."""
    while True:
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            s.connect(path)
            return s
        except OSError as error:
            s.close()
            check(alive(), f'the program ended before {path} was there')
            check(deadline.left(), f'no connection to {path}: {error}')
            time.sleep(0.02)


class Console:
    """The guest's serial port, on which its init offers a shell."""

    def __init__(self, path, deadline, alive):
        self.socket = connect(path, deadline, alive)
        self.data = ''
        self.ended = False
        self.changed = threading.Condition()
        self.commands = 0
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        """Reads without end: a guest waits for whoever does not."""
        while True:
            try:
                chunk = self.socket.recv(65536)
            except OSError:
                chunk = b''
            with self.changed:
                self.data += chunk.decode('latin-1').replace('\r', '')
                self.ended = not chunk
                self.changed.notify_all()
            if not chunk:
                return

    def position(self):
        with self.changed:
            return len(self.data)

    def since(self, start):
        with self.changed:
            return self.data[start:]

    def wait_for(self, pattern, seconds=COMMAND_SECONDS, start=0):
        """The match of a regular expression in what comes after start."""
        deadline = Deadline(seconds)
        pattern = re.compile(pattern)
        with self.changed:
            while True:
                match = pattern.search(self.data, start)
                if match:
                    return match
                check(not self.ended,
                      f'the console ended before {pattern.pattern!r}')
                check(deadline.left(), f'no {pattern.pattern!r} on the console '
                      f'within {seconds} s')
                self.changed.wait(deadline.left())

    def send(self, text):
        self.socket.sendall(text.encode())

    def begin(self, command):
        """Sends a command; finish() takes what this returns."""
        self.commands += 1
        start = self.position()
        # In two parts, so that no echo of it could be taken for the answer.
        self.send(f'{command}\necho "~""{self.commands} $?~"\n')
        return start, self.commands

    def finish(self, began, seconds=COMMAND_SECONDS):
        """The output and the status of a command."""
        start, number = began
        match = self.wait_for(rf'~{number} (\d+)~\n', seconds, start)
        return self.data[start:match.start()].strip(), int(match[1])

    def run(self, command, seconds=COMMAND_SECONDS):
        """The output of a command, which must succeed."""
        out, status = self.finish(self.begin(command), seconds)
        check(status == 0, f'in the guest, {command!r}: status {status}, '
              f'output {out!r}')
        return out

    def close(self):
        # Not close() alone: a read under way would hold the socket open.
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()


class QmpError(Failure):
    """An error reply."""

    def __init__(self, error):
        super().__init__(f'{error["class"]}: {error["desc"]}')
        self.error_class = error['class']
        self.desc = error['desc']


class Qmp:
    """A client of the control socket that knows nothing but JSON."""

    def __init__(self, path, deadline, alive=lambda: True, negotiate=True):
        self.socket = connect(path, deadline, alive)
        self.rest = b''
        self.events = []
        self.greeting = self.receive(deadline)
        if negotiate:
            self.command('qmp_capabilities')

    def receive(self, deadline):
        """The next message, or None when the machine has hung up."""
        while b'\n' not in self.rest:
            self.socket.settimeout(max(deadline.left(), 0.001))
            try:
                chunk = self.socket.recv(65536)
            except socket.timeout:
                raise Failure(f'no message on the control socket within '
                              f'{deadline.seconds:.0f} s') from None
            except ConnectionError:
                chunk = b''
            if not chunk:
                return None
            self.rest += chunk
        line, self.rest = self.rest.split(b'\n', 1)
        return json.loads(line)

    def send(self, text):
        self.socket.settimeout(COMMAND_SECONDS)
        self.socket.sendall(text.encode())

    def reply(self, seconds=COMMAND_SECONDS):
        deadline = Deadline(seconds)
        while True:
            message = self.receive(deadline)
            check(message is not None, 'the control socket hung up')
            if 'event' not in message:
                return message
            self.events.append(message)

    def command(self, name, **arguments):
        message = {'execute': name}
        if arguments:
            # Python's names have no hyphens, and no argument underscores.
            message['arguments'] = {key.replace('_', '-'): value
                                    for key, value in arguments.items()}
        self.send(json.dumps(message) + '\n')
        reply = self.reply()
        if 'error' in reply:
            raise QmpError(reply['error'])
        return reply['return']

    def forget_events(self):
        self.events.clear()

    def wait_event(self, name, seconds=COMMAND_SECONDS, **data):
        """Takes the next event of this name and with these data."""
        deadline = Deadline(seconds)
        while True:
            while self.events:
                event = self.events.pop(0)
                have = event.get('data', {})
                if event['event'] == name and all(
                        have.get(key) == value for key, value in data.items()):
                    return event
            try:
                message = self.receive(deadline)
            except Failure:
                raise Failure(f'no event {name} {data or ""} within {seconds} '
                              f's') from None
            check(message is not None, f'the control socket hung up before '
                  f'the event {name} {data or ""}')
            self.events.append(message)

    # -- memory devices

    def get(self, device, name):
        return self.command('qom-get', path=f'/machine/peripheral/{device}',
                            property=name)

    def request(self, device, size):
        self.command('qom-set', path=f'/machine/peripheral/{device}',
                     property='requested-size', value=size)

    def wait_size(self, device, size, seconds=RESIZE_SECONDS):
        """Until the device has this size plugged."""
        deadline = Deadline(seconds)
        while True:
            now = self.get(device, 'size')
            if now == size:
                return
            try:
                self.wait_event('MEMORY_DEVICE_SIZE_CHANGE',
                                max(deadline.left(), 0.01), id=device)
            except Failure:
                raise Failure(
                    f'{device} has {size_text(self.get(device, "size"))} '
                    f'plugged, not {size_text(size)}, after {seconds} s'
                    ) from None

    def resize(self, device, size, seconds=RESIZE_SECONDS):
        self.request(device, size)
        self.wait_size(device, size, seconds)

    def close(self):
        self.socket.close()


# ---- the machine -------------------------------------------------------------

class Vm:
    """A virtual machine that runs; with boot=False its guest is not waited
    for."""

    numbers = iter(range(1, 1 << 30))

    def __init__(self, cpus=1, memory='512M', devices=('id=vm0,max-size=4G',),
                 append=FAST, boot=True, name=None, qmp_path=None,
                 kernel=None, nodes=(), initrd=None):
        number, unit = re.search(r'(\d+)([MG])', memory).groups()
        self.boot_memory = int(number) * (GIB if unit == 'G' else MIB)
        self.name = name or f'test-{os.getpid()}-{next(self.numbers)}'
        self.directory = temporary_directory()
        self.serial_path = self.directory + '/serial'
        self.qmp_path = qmp_path or self.directory + '/qmp'
        self.console = self.qmp = None
        self.errors = open(self.directory + '/stderr', 'w+',
                           encoding='utf-8', errors='replace')
        self.began = time.monotonic()
        self.boot_seconds = None
        self.process = subprocess.Popen(
            self.arguments(cpus, memory, devices, append, kernel, nodes,
                           initrd),
            stdin=subprocess.DEVNULL, stdout=self.errors, stderr=self.errors,
            env=environment())
        _processes.append(self.process)
        try:
            self._meet(boot)
        except Failure as failure:
            raise Failure(str(failure) + self.last_words()) from None

    def arguments(self, cpus, memory, devices, append, kernel, nodes, initrd):
        words = [Settings.paramem, 'run', self.name, '--kernel',
                 kernel or Settings.kernel, '--initrd',
                 initrd or Settings.initrd,
                 '--append', f'{APPEND} {append}', '--serial',
                 f'unix:{self.serial_path}', '--qmp', f'unix:{self.qmp_path}']
        # Nodes say how many processors and how much memory there are.
        for node in nodes:
            words += ['--node', node]
        if not nodes:
            words += ['--cpus', str(cpus), '--memory', memory]
        for device in devices:
            words += ['--mem-device', device]
        return words

    def _meet(self, boot):
        deadline = Deadline(EXIT_SECONDS)
        self.console = Console(self.serial_path, deadline, self.alive)
        self.qmp = Qmp(self.qmp_path, deadline, self.alive)
        if boot:
            self.wait_ready()
            self.boot_seconds = time.monotonic() - self.began

    def alive(self):
        return self.process.poll() is None

    def wait_ready(self, start=0):
        self.console.wait_for('guest: ready\n', BOOT_SECONDS, start)

    def run(self, command, seconds=COMMAND_SECONDS):
        return self.console.run(command, seconds)

    def mem_total(self):
        """The guest's own figure, in bytes."""
        line = self.run('read -r line </proc/meminfo; echo "$line"')
        return int(line.split()[1]) * 1024

    def boot_total(self):
        """The guest's own figure while nothing is plugged. It counts the last
        memory a little longer than it has it."""
        return self.wait_mem_total(0, self.boot_memory)

    def node_totals(self):
        """The guest's own figure for each of its nodes, in bytes."""
        lines = self.run('cat /sys/devices/system/node/node*/meminfo | '
                         'grep MemTotal')
        return {int(node): int(size) * 1024 for node, size in
                re.findall(r'Node (\d+) MemTotal:\s+(\d+) kB', lines)}

    def wait_mem_total(self, low, high, seconds=COMMAND_SECONDS):
        """Waits for a figure in these bounds: the guest makes the last memory
        that was plugged usable a little later. A few pages are lost or found
        at any time."""
        last = []
        low, high = low - MIB, high + MIB

        def within():
            last[:] = [self.mem_total()]
            return low <= last[0] <= high

        try:
            Deadline(seconds).poll(within, '')
        except Failure:
            raise Failure(f'MemTotal is {last[0]}, not within {low} and {high}'
                          ) from None
        return last[0]

    def resident(self):
        """The host memory that the program has now, in bytes."""
        with open(f'/proc/{self.process.pid}/status', encoding='ascii') as f:
            return int(re.search(r'VmRSS:\s+(\d+) kB', f.read())[1]) * 1024

    def resize(self, device, size, *options, status=0):
        """By the subcommand; returns how it ended."""
        result = paramem('resize', self.name, device, size, '--wait',
                         str(RESIZE_SECONDS), *options,
                         seconds=RESIZE_SECONDS + 20)
        check(result.status == status, f'resize to {size}: {result}')
        return result

    def resize_in_vain(self, device, size, seconds):
        """A resize that is not reached in that time."""
        result = paramem('resize', self.name, device, size, '--wait',
                         str(seconds))
        check(result.status == 3, f'resize to {size}: {result}')
        return result

    def said(self):
        """What the program itself printed."""
        self.errors.flush()
        with open(self.errors.name, encoding='utf-8', errors='replace') as f:
            return f.read()

    def wait_exit(self, status=0, said=''):
        """The end of the program, with nothing left behind."""
        try:
            self.process.wait(EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            raise Failure(f'the machine did not end within {EXIT_SECONDS} s'
                          ) from None
        check_equal('the exit status', self.process.returncode, status)
        check_equal('what the program printed', self.said(), said)
        for path in (self.serial_path, self.qmp_path,
                     f'{names_directory()}/{self.name}'):
            check(not os.path.lexists(path), f'{path} was left behind')
        self.close()

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)
        self.wait_exit()

    def quit(self):
        self.qmp.command('quit')
        self.wait_exit()

    def close(self):
        """Ends it in any way."""
        if self.alive():
            self.process.kill()
        self.process.wait()
        for part in (self.console, self.qmp, self.errors):
            if part:
                part.close()
        self.console = self.qmp = None
        # What a killed machine leaves; a lock that somebody holds tells.
        shutil.rmtree(f'{names_directory()}/{self.name}', ignore_errors=True)

    def last_words(self):
        """What helps to understand a failure."""
        text = ''
        if not self.errors.closed and self.said():
            text += '\nthe program said: ' + self.said().strip()
        if not self.alive():
            text += f'\nit ended with status {self.process.returncode}'
        if self.console:
            lines = self.console.data.strip().splitlines()[-12:]
            text += '\nthe console said last:\n  ' + '\n  '.join(lines)
        return text


# ---- groups of tests ---------------------------------------------------------

class Group:
    """Tests that share a machine, made when the first of them asks for it and
    made anew after one that failed. They run in the order of definition; what
    they change of the machine they put back, as far as the next one cares."""

    machine = {}

    def __init__(self):
        self._vm = None
        self.notes = []

    @property
    def vm(self):
        if self._vm is None or not self._vm.alive():
            self._vm = Vm(**self.machine)
            if self._vm.boot_seconds:
                self.note(f'boot {self._vm.boot_seconds:.1f} s')
        return self._vm

    def note(self, text):
        """A figure to show with the test's result."""
        self.notes.append(text)

    def after(self, failed):
        """Called after each test; returns what helps with a failure."""
        text = ''
        if failed and self._vm:
            text = self._vm.last_words()
            self._vm.close()
        if self._vm and not self._vm.alive():
            self._vm = None
        return text

    def end(self):
        if self._vm:
            self._vm.close()
            self._vm = None
